/** `code` with each text of a list replaced by what stands beside it. That no text is missing is checked. */
export function changed(code, changes) {
  return changes.reduce((before, [text, instead]) => {
    if (!before.includes(text)) throw new Error(`The code has no ${text}`);
    return before.replaceAll(text, instead);
  }, code);
}
