/** Large requests: time and history a sync, against a request with one. */

import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { newName } from '../../test/support/new-name.ts';
import type { Bench, Site } from '../bench.ts';
import { type Measure, type Row, ratios, row, summary } from '../measure.ts';
import { givenAll, newSync, onGiven, QUERY } from '../requests.ts';
import { ofProgram } from '../runs.ts';

const MODELS = 50;
const SYNCS = 200;

/** Temporal's limits for one run: events and bytes of history (`limit.historyCount.error`, `limit.historySize.error`). */
const TEMPORAL_LIMITS = { events: 51_200, bytes: 50 * 1024 * 1024 };

export const large: Measure = {
  id: 'large',
  run: (bench) => bench.on((site) => measured(bench, site)),
};

interface Size {
  models: number;
  syncs: number;
  seconds: number;
  events: number;
  bytes: number;
}

async function measured(bench: Bench, site: Site): Promise<Row[]> {
  const { sandbox, client } = site;
  await site.startWorker();
  const once = async (models: number, syncs: number): Promise<Size> => {
    await sandbox.reset();
    const given = await givenAll(sandbox);
    const startedAt = performance.now();
    const run = await ofProgram(site, (name) => requestOf(name, given, models, syncs))(newName('large'));
    await run.done();
    const seconds = (performance.now() - startedAt) / 1000;
    const { historyLength, historySize = 0 } = await client.workflow.getHandle(run.workflowId).describe();
    return { models, syncs, seconds, events: historyLength, bytes: historySize };
  };
  const full = { models: bench.scaled(MODELS, 2), syncs: bench.scaled(SYNCS, 8) };
  const shares = [1 / 4, 1 / 2, 1];
  await once(1, 1);
  const rounds: Array<{ one: Size; sizes: Size[] }> = [];
  for (let round = 0; round < bench.rounds; round += 1) {
    const one = await middle(() => once(1, 1));
    const sizes: Size[] = [];
    for (const share of shares) {
      const models = Math.max(1, Math.round(full.models * share));
      sizes.push(await middle(() => once(models, Math.round(full.syncs * share))));
    }
    rounds.push({ one, sizes });
    bench.tell(`large, round ${round + 1}: ${JSON.stringify(rounds.at(-1))}`);
  }
  const last = rounds.map(({ sizes }) => sizes.at(-1) as Size);
  const first = rounds.map(({ sizes }) => sizes[0] as Size);
  // What a run takes however little it is asked for would hide what grows.
  const beyondOne = (sizes: Size[]) => sizes.map(({ seconds }, round) => seconds - (rounds[round]?.one.seconds ?? 0));
  const perSync = ({ seconds, syncs }: Size) => seconds / syncs;
  return [
    row(
      'large: time a sync',
      { atMost: 1, of: 'of a request with one' },
      'ratio',
      ratios(
        last.map(perSync),
        rounds.map(({ one }) => perSync(one)),
      ),
      { full, seconds: summary(last.map(({ seconds }) => seconds)), rounds },
    ),
    row(
      'large: time, four times the size',
      { atMost: 4.4, of: 'of a quarter, each less what one sync takes: linear' },
      'ratio',
      ratios(beyondOne(last), beyondOne(first)),
      {},
    ),
    row(
      'large: history',
      { atMost: 1, of: "of Temporal's limits" },
      'ratio',
      last.map(({ events, bytes }) => Math.max(events / TEMPORAL_LIMITS.events, bytes / TEMPORAL_LIMITS.bytes)),
      { events: last.at(-1)?.events, bytes: last.at(-1)?.bytes, limits: TEMPORAL_LIMITS },
    ),
  ];
}

/** The one of the middle time of three. */
async function middle(once: () => Promise<Size>): Promise<Size> {
  const three = [await once(), await once(), await once()].toSorted((a, b) => a.seconds - b.seconds);
  return three[1] as Size;
}

/** Models that are made on a connection that is there, and syncs into new audiences, spread over the models. */
function requestOf(
  name: string,
  given: Parameters<typeof onGiven>[1],
  models: number,
  syncs: number,
): ProvisioningRequest {
  const keys = Array.from({ length: models }, (_, index) => `m${index}`);
  return {
    ...onGiven(name, given),
    models: Object.fromEntries(keys.map((key) => [key, { name: `${key} ${name}`, query: QUERY }])),
    syncs: Array.from({ length: syncs }, (_, index) => newSync(`${index} ${name}`, keys[index % models])),
  };
}
