/** The request's schema for editors. */
import * as z from 'zod';
import { requestSchema } from './schema.ts';

/**
 * The JSON Schema (draft 2020-12) of a request, for editors to complete and check by. It knows every shape; what must hold
 * between the parts of a request, sizes in bytes, and the longest length of time only `parseRequest` checks.
 */
export function requestJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(requestSchema, { target: 'draft-2020-12', io: 'input' });
  return { ...schema, title: 'Audience provisioning request' };
}
