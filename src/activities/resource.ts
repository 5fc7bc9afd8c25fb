/** What a run keeps of something in Polytomic. */
import { LIMITS } from '../request/limits.ts';
import { shorten } from '../request/shorten.ts';
import type { Resource } from '../workflows/messages.ts';

/** The resource; a name that a request could not say is cut, since the run repeats it in many places. */
export function resourceOf({ id, name }: { id: string; name: string }, made: boolean): Resource {
  return { id, name: shorten(name, LIMITS.nameLength), made };
}
