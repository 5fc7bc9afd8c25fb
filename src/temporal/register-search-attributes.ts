/**
 * Makes the search attributes known to a namespace. Without it Temporal fails every workflow task that sets one.
 */
import { type Connection, isGrpcServiceError } from '@temporalio/client';
import { PROVISIONING_STAGE } from './search-attributes.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of Temporal's API. Its enum is in a package of the SDK that is not for use from outside. */
const KEYWORD_TYPE = 2;

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
 * @throws SearchAttributeError if one of the name has another type, or this client may not register any.
 */
export async function registerSearchAttributes(
  connection: Connection,
  namespace: string,
): Promise<'registered' | 'already there'> {
  if (await searchAttributesRegistered(connection, namespace)) return 'already there';
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: { [PROVISIONING_STAGE.name]: KEYWORD_TYPE },
    });
    return 'registered';
  } catch (error) {
    // Two workers that start together both find it missing; the slower one is told so.
    if (statusOf(error) === ALREADY_EXISTS) {
      if (await searchAttributesRegistered(connection, namespace)) return 'already there';
    }
    throw explained(error, 'Registering', namespace);
  }
}

/**
 * Whether all search attributes are there with the right type.
 *
 * @throws SearchAttributeError if one of the name has another type, or this client may not list them.
 */
export async function searchAttributesRegistered(connection: Connection, namespace: string): Promise<boolean> {
  const type = await registeredType(connection, namespace);
  if (type === undefined) return false;
  if (type === KEYWORD_TYPE) return true;
  throw new SearchAttributeError(
    `Search attribute ${PROVISIONING_STAGE.name} of namespace ${namespace} exists with another type than Keyword ` +
      `(Temporal's type number ${type}). Remove or rename it, then run: ${command(namespace)}`,
  );
}

async function registeredType(connection: Connection, namespace: string): Promise<number | undefined> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return customAttributes[PROVISIONING_STAGE.name];
  } catch (error) {
    throw explained(error, 'Looking for', namespace);
  }
}

function command(namespace: string): string {
  return `temporal operator search-attribute create --namespace ${namespace} --name ${PROVISIONING_STAGE.name} --type Keyword`;
}

function statusOf(error: unknown): number | undefined {
  return isGrpcServiceError(error) ? error.code : undefined;
}

/** What to do about a refusal; any other error, such as a lost connection, stays as it is. */
function explained(error: unknown, doing: string, namespace: string): unknown {
  const status = statusOf(error);
  if (status !== PERMISSION_DENIED && status !== UNAUTHENTICATED && status !== UNIMPLEMENTED) return error;
  const why = isGrpcServiceError(error) ? error.details : '';
  return new SearchAttributeError(
    `${doing} search attribute ${PROVISIONING_STAGE.name} of namespace ${namespace} was refused (${why}). It takes the ` +
      `operator service and an administrator's permission. Let an administrator run: ${command(namespace)} ` +
      `(on Temporal Cloud: tcld namespace search-attributes add --namespace ${namespace} --search-attribute "${PROVISIONING_STAGE.name}=Keyword")`,
    { cause: error },
  );
}
