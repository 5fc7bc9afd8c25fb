/** A connection of Polytomic: the one that a request names, or one that is made for it. Snowflake's and LinkedIn's alike. */
import { isDeepStrictEqual } from 'node:util';
import type { PolytomicClient } from '../polytomic/client.ts';
import type { Connection, CreateConnection } from '../polytomic/connections.ts';
import { listed } from '../request/choice.ts';
import { reading } from './attempt.ts';
import { type Created, createOnce, type Found, type StepContext, saying } from './create-once.ts';
import { ActivityProblem } from './failures.ts';

/** What to create, with its secrets apart so that a look-up can compare the rest. */
export interface ConnectionToCreate {
  context: StepContext;
  /** Take the one of this name, if there is one. */
  orUse: boolean;
  /** The body but for secrets, which are read back redacted. */
  body: CreateConnection;
  /** The rest of the configuration, secrets among it, resolved only when it is about to be sent. */
  secrets: () => Promise<Record<string, unknown>>;
}

/** The connection of this id or, failing that, of this name. Names are unique within an organization. */
export async function useConnection(polytomic: PolytomicClient, use: string, type: string): Promise<Connection> {
  const connections = await polytomic.connections.list(reading());
  const connection = connections.find(({ id }) => id === use) ?? connections.find(({ name }) => name === use);
  if (connection === undefined) {
    const fitting = connections.filter((one) => one.type.id === type).map(({ name }) => name);
    throw new ActivityProblem(
      'NotFound',
      `Polytomic has none of this id or name. Of type ${type} there are: ${listed(fitting)}.`,
    );
  }
  return ofType(connection, type);
}

/** Creates a connection once over all attempts, or takes the one of this name if it may. */
export async function createConnection(
  polytomic: PolytomicClient,
  { context, orUse, body, secrets }: ConnectionToCreate,
): Promise<Created<Connection>> {
  const created = await createOnce<Connection, Connection>({
    context,
    lookUp: async () =>
      (await polytomic.connections.list(reading()))
        .filter(({ name }) => name === body.name)
        .map((item) => candidate(item, body)),
    send: async (idempotencyKey) =>
      polytomic.connections.create(
        { ...body, configuration: { ...body.configuration, ...(await secrets()) } },
        { idempotencyKey },
      ),
    settle: async (connection) => connection,
    existing: orUse ? 'use' : 'refuse',
    advice: (ids) =>
      `Say ${saying((id) => `use: ${id}`, ids)} (or \`orUse: true\`), give the connection another name, or give up.`,
    parentMade: false,
    uniqueName: true,
  });
  if (!created.made) ofType(created.item, body.type);
  return created;
}

function candidate(item: Connection, body: CreateConnection): Found<Connection> {
  const same = Object.entries(body.configuration).every(([key, value]) =>
    isDeepStrictEqual(item.configuration[key], value),
  );
  return { id: item.id, createdAt: timeOf(item.created_at), matches: item.type.id === body.type && same, item };
}

/** An RFC 3339 time of the API in ms since the epoch; `undefined` where there is none, or it cannot be read. */
export function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

function ofType(connection: Connection, type: string): Connection {
  if (connection.type.id === type) return connection;
  throw new ActivityProblem(
    'NotAllowed',
    `connection “${connection.name}” (${connection.id}) is of type ${connection.type.id}, and ${type} is needed here.`,
  );
}
