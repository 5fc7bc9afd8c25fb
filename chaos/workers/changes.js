/**
 * What a chaos run changes of the worker as it ships, in the built code as it is loaded: each is a text of the code and what
 * stands there instead. That no text is missing is checked.
 */
import { changed } from '../../test/support/changed-code.js';

const SHORT = process.env.CHAOS_PATIENCE === 'short';

/** Shorter pauses and time-outs, in the workflow's code: as many retries fit into minutes as else into hours. */
export const OF_WORKFLOW = !SHORT
  ? []
  : [
      ["startToCloseTimeout: '45 seconds'", "startToCloseTimeout: '6 seconds'"],
      ["heartbeatTimeout: '20 seconds'", "heartbeatTimeout: '6 seconds'"],
      ["initialInterval: '1 second'", "initialInterval: '300 milliseconds'"],
      ["maximumInterval: '1 minute'", "maximumInterval: '1 second'"],
    ];

/** The same in the activities, in keeping with calls of 2 s: the sandbox is done with a call soon after. */
const SHORTER = [
  ['/dist/activities/idempotency.js', 'UNDER_WAY_MS = 30 * 1000', 'UNDER_WAY_MS = 4 * 1000'],
  ['/dist/activities/models.js', 'SETTLES_WITHIN_MS = 30_000', 'SETTLES_WITHIN_MS = 8_000'],
];

/** What is taken away, so that a chaos run must find duplicates. */
const SABOTAGE = {
  keys: [
    [
      '/dist/polytomic/transport.js',
      "...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': checkedKey(idempotencyKey) }),",
      '',
    ],
  ],
  'look-up': [
    [
      '/dist/activities/create-once.js',
      'await Promise.all([creation.lookUp(), creation.leftovers?.lookUp() ?? []])',
      '[[], []]',
    ],
  ],
};

const OF_MODULES = [...(SHORT ? SHORTER : []), ...(SABOTAGE[process.env.CHAOS_SABOTAGE] ?? [])];

/** A hook of Node's module loader. */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const changes = OF_MODULES.filter(([path]) => url.endsWith(path)).map(([, ...change]) => change);
  if (changes.length === 0) return loaded;
  return { ...loaded, source: changed(Buffer.from(loaded.source).toString('utf8'), changes) };
}
