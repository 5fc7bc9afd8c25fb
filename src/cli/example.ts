/** The last lines of a command's help. */

/** An example to paste: its lines are never broken. For `addHelpText('after', …)`. */
export function example(...lines: string[]): string {
  return `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
