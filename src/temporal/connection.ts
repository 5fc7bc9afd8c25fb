/**
 * Which Temporal server this program talks to, and how: profiles of `temporal.toml` and `TEMPORAL_*` variables, as the
 * `temporal` program reads them too.
 */
import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnection, NativeConnectionOptions } from '@temporalio/worker';
import { dataConverter } from './data-converter.ts';

/** How long a server may take to answer the first call, in ms. A person waits for the error. */
const CONNECT_TIMEOUT_MS = 5_000;

/** What it takes to reach a namespace. Carries credentials: never log it. */
export interface TemporalSettings {
  /** `host:port`; `localhost:7233` where nothing says otherwise. */
  address: string;
  /** `default` where nothing says otherwise. */
  namespace: string;
  credentials: Pick<NativeConnectionOptions, 'tls' | 'apiKey' | 'metadata'>;
}

/** The profile or the variables that say how to connect cannot be used. */
export class TemporalSettingsError extends Error {
  override readonly name = 'TemporalSettingsError';
}

/** No Temporal server answered at the address, or it refused the credentials. */
export class TemporalUnreachableError extends Error {
  override readonly name = 'TemporalUnreachableError';
  readonly address: string;
  readonly namespace: string;

  constructor({ address, namespace }: TemporalSettings, reason: string, options?: ErrorOptions) {
    super(
      `Connecting to Temporal at ${address} (namespace ${namespace}): ${reason}. Is a server running there? ` +
        'TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or TEMPORAL_PROFILE, name another one; TEMPORAL_API_KEY and ' +
        'TEMPORAL_TLS* say how it is to be spoken to.',
      options,
    );
    this.address = address;
    this.namespace = namespace;
  }
}

/**
 * Settings from the environment over those of the profile over the defaults. A variable that is set to nothing counts as
 * not set, since that is what compose files and CI make of a missing one: an empty `TEMPORAL_API_KEY` would turn on TLS.
 *
 * @throws TemporalSettingsError if the profile does not exist or a file cannot be read.
 */
export function temporalSettings(env: NodeJS.ProcessEnv = process.env): TemporalSettings {
  try {
    const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: variablesThatSay(env) });
    const { address, tls, apiKey, metadata } = connectionOptions;
    return {
      address: address ?? 'localhost:7233',
      namespace: namespace ?? 'default',
      credentials: {
        ...(tls === undefined ? {} : { tls }),
        ...(apiKey === undefined ? {} : { apiKey }),
        ...(metadata === undefined ? {} : { metadata }),
      },
    };
  } catch (error) {
    // The parser's further lines quote the file, which may hold an API key. For the same reason there is no cause.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new TemporalSettingsError(
      `Reading how to connect to Temporal: ${reason}. Check TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE, the TEMPORAL_TLS_* paths and temporal.toml.`,
    );
  }
}

/** An empty `TEMPORAL_GRPC_META_*` stays: it takes a header of the profile away. */
function variablesThatSay(env: NodeJS.ProcessEnv): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (value !== '' || name.startsWith('TEMPORAL_GRPC_META_'))) variables[name] = value;
  }
  return variables;
}

/**
 * A client of the namespace. Close its connection when done.
 *
 * @throws TemporalUnreachableError within a few seconds.
 */
export async function connectClient(settings: TemporalSettings): Promise<{ connection: Connection; client: Client }> {
  const connection = await reach(settings);
  return {
    connection,
    client: new Client({ connection, namespace: settings.namespace, dataConverter: dataConverter() }),
  };
}

/**
 * A connection for a worker; `Worker.create` takes `namespace` and `dataConverter()` beside it.
 *
 * @throws TemporalUnreachableError within a few seconds.
 */
export async function connectWorker(settings: TemporalSettings): Promise<NativeConnection> {
  // Loaded here, since a service that only starts runs needs neither the worker nor its native library.
  const worker = await import('@temporalio/worker');
  // The native connection has no time limit of its own: an address that swallows packets would hang for minutes.
  const probe = await reach(settings);
  await probe.close();
  try {
    return await worker.NativeConnection.connect({ address: settings.address, ...settings.credentials });
  } catch (error) {
    throw unreachable(settings, error);
  }
}

async function reach(settings: TemporalSettings): Promise<Connection> {
  const connection = Connection.lazy({
    address: settings.address,
    ...settings.credentials,
    connectTimeout: CONNECT_TIMEOUT_MS,
  });
  try {
    await connection.ensureConnected();
    return connection;
  } catch (error) {
    await connection.close();
    throw unreachable(settings, error);
  }
}

function unreachable(settings: TemporalSettings, error: unknown): TemporalUnreachableError {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const reason = isGrpcServiceError(cause) ? cause.details : cause instanceof Error ? cause.message : String(cause);
  return new TemporalUnreachableError(settings, reason, { cause: error });
}
