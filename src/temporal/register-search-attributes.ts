/**
 * Makes the search attributes known to a namespace. Without it Temporal fails every workflow task that sets one.
 */
import { type ConnectionLike, isGrpcServiceError } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';

/** `INDEXED_VALUE_TYPE_*` of Temporal's API. Its enum is in a package of the SDK that is not for use from outside. */
const TYPE_NUMBER = { KEYWORD: 2, KEYWORD_LIST: 7 } as const;

/** The same, as the Temporal CLI says them. */
const TYPE_NAME = { KEYWORD: 'Keyword', KEYWORD_LIST: 'KeywordList' } as const;

/** Each attribute with its type, in the words of the Temporal CLI, e.g. `ProvisioningStage=Keyword`. */
export function searchAttributeDefinitions(): string[] {
  return SEARCH_ATTRIBUTES.map(({ name, type }) => `${name}=${TYPE_NAME[type]}`);
}

/** A connection, as far as it is needed here: a client's or a worker's. */
type WithOperatorService = Pick<ConnectionLike, 'operatorService'>;

/** The gRPC status codes that are told apart here. */
const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;

/** A search attribute that this program needs is not there, and could not be made. The message says what to run. */
export class SearchAttributeError extends Error {
  override readonly name = 'SearchAttributeError';
}

/**
 * Registers what is missing. A cluster may need some seconds until its history service has heard of a new attribute;
 * workflow tasks that come earlier fail once or twice and are retried by the server.
 *
 * @throws SearchAttributeError if one of the names has another type, or this client may not register any.
 */
export async function registerSearchAttributes(
  connection: WithOperatorService,
  namespace: string,
): Promise<'registered' | 'already there'> {
  const missing = await missingAttributes(connection, namespace);
  if (missing.length === 0) return 'already there';
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map(({ name, type }) => [name, TYPE_NUMBER[type]])),
    });
    return 'registered';
  } catch (error) {
    // Two workers that start together both find them missing; the slower one is told so.
    if (statusOf(error) === ALREADY_EXISTS) {
      if (await searchAttributesRegistered(connection, namespace)) return 'already there';
    }
    throw explained(error, 'Registering', namespace);
  }
}

/**
 * Whether all search attributes are there with the right type.
 *
 * @throws SearchAttributeError if one of the names has another type, or this client may not list them.
 */
export async function searchAttributesRegistered(connection: WithOperatorService, namespace: string): Promise<boolean> {
  return (await missingAttributes(connection, namespace)).length === 0;
}

/** Asks as {@link searchAttributesRegistered} does, until it is so: what runs use is not taken away. Throws as it does. */
export function untilRegistered(connection: WithOperatorService, namespace: string): () => Promise<boolean> {
  let known = false;
  return async () => {
    known ||= await searchAttributesRegistered(connection, namespace);
    return known;
  };
}

async function missingAttributes(
  connection: WithOperatorService,
  namespace: string,
): Promise<Array<(typeof SEARCH_ATTRIBUTES)[number]>> {
  const registered = await registeredTypes(connection, namespace);
  for (const { name, type } of SEARCH_ATTRIBUTES) {
    const found = registered[name];
    if (found === undefined || found === TYPE_NUMBER[type]) continue;
    throw new SearchAttributeError(
      `Search attribute ${name} of namespace ${namespace} exists with another type than ${TYPE_NAME[type]} ` +
        `(Temporal's type number ${found}). Remove or rename it, then run: ${command(namespace)}`,
    );
  }
  return SEARCH_ATTRIBUTES.filter(({ name }) => registered[name] === undefined);
}

async function registeredTypes(connection: WithOperatorService, namespace: string): Promise<Record<string, number>> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return customAttributes;
  } catch (error) {
    throw explained(error, 'Looking for', namespace);
  }
}

function command(namespace: string): string {
  const attributes = SEARCH_ATTRIBUTES.map(({ name, type }) => `--name ${name} --type ${TYPE_NAME[type]}`);
  return `temporal operator search-attribute create --namespace ${namespace} ${attributes.join(' ')}`;
}

function statusOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}

/** What to do about a refusal; any other error, such as a lost connection, stays as it is. */
function explained(error: unknown, doing: string, namespace: string): unknown {
  const status = statusOf(error);
  if (status !== PERMISSION_DENIED && status !== UNAUTHENTICATED && status !== UNIMPLEMENTED) return error;
  const why = isGrpcServiceError(error) ? error.details : '';
  const names = SEARCH_ATTRIBUTES.map(({ name }) => name).join(', ');
  const cloud = searchAttributeDefinitions().map((one) => `--search-attribute "${one}"`);
  return new SearchAttributeError(
    `${doing} search attributes ${names} of namespace ${namespace} was refused (${why}). It takes the ` +
      `operator service and an administrator's permission. Let an administrator run: ${command(namespace)} ` +
      `(on Temporal Cloud: tcld namespace search-attributes add --namespace ${namespace} ${cloud.join(' ')})`,
    { cause: error },
  );
}
