/** How much of a failure's message is kept, in characters: a query engine's can quote the whole query. */
const MAX_MESSAGE = 4000;

/** A text cut to `max` characters, with an ellipsis where something is missing. */
export function shorten(text: string, max = MAX_MESSAGE): string {
  return text.length > max ? `${text.slice(0, max - 1)}…` : text;
}
