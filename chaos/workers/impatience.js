/**
 * Shortens what a worker waits for, in the built code as it is loaded, so that as many retries fit into minutes as else into
 * hours. Each is a text of the code and what stands there instead; that none is missing is checked.
 */

/** The workflow's code. */
export const OF_WORKFLOW = [
  ["startToCloseTimeout: '45 seconds'", "startToCloseTimeout: '6 seconds'"],
  ["heartbeatTimeout: '20 seconds'", "heartbeatTimeout: '6 seconds'"],
  ["initialInterval: '1 second'", "initialInterval: '300 milliseconds'"],
  ["maximumInterval: '1 minute'", "maximumInterval: '1 second'"],
];

/** Modules of the activities, by the end of their path. */
const OF_MODULES = {
  // A call takes 2 s at most, and the sandbox is done with it well within another two.
  '/dist/activities/idempotency.js': [['UNDER_WAY_MS = 30 * 1000', 'UNDER_WAY_MS = 4 * 1000']],
};

/** `code` with each text replaced. */
export function impatient(code, changes) {
  return changes.reduce((patient, [text, instead]) => {
    if (!patient.includes(text)) throw new Error(`The code has no ${text}`);
    return patient.replaceAll(text, instead);
  }, code);
}

/** A hook of Node's module loader. */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const module = Object.keys(OF_MODULES).find((path) => url.endsWith(path));
  if (module === undefined) return loaded;
  return { ...loaded, source: impatient(Buffer.from(loaded.source).toString('utf8'), OF_MODULES[module]) };
}
