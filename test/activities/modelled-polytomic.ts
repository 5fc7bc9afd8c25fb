/**
 * Polytomic's documented key semantics, in memory: the first answer to a key is its answer for 24 hours, errors included;
 * a key whose first request is under way is a 409; an expired key is a new request. What becomes of each call is told.
 */
import { ApiError, NoAnswerError, UnexpectedAnswerError } from '../../src/polytomic/errors.ts';

/** How a call to create ends. */
export const FATES = [
  'is answered',
  'never arrives',
  'is carried out and its answer lost',
  'is carried out and its answer garbled',
  'is carried out late, and not waited for',
  'is a 500 for ever, and made nothing',
  'is a 500 for ever, and made it',
  'is refused for ever, for now',
  'is a 502 of a proxy, and never arrives',
  'is a 502 of a proxy, and was carried out',
  'is a 502 of a proxy, and is carried out late',
  'is a 500 for ever, and makes it late',
  'is a 401, without a look at the key',
  'is a 422 of a proxy',
  'is limited',
  'is limited for ever',
] as const;

export type Fate = (typeof FATES)[number];

/** Something with the name that is asked for. */
export interface Thing {
  id: string;
  createdAt: number;
  /** Whether a send of ours made it. */
  ours: boolean;
  /** Whether it is in every field what is asked for. */
  asked: boolean;
}

const CALL = 'POST /api/things';

/** Work on a request ends within this, in ms (Polytomic's reference). */
const LONGEST_REQUEST_MS = 10_000;

type Pinned = { at: number } & ({ thing: Thing } | { error: ApiError });

/** A Polytomic that knows one kind of thing, all of one name. */
export class ModelledPolytomic {
  readonly #now: () => number;
  readonly #uniqueName: boolean;
  readonly #keyLifetimeMs: number;
  readonly #settlesWithinMs: number;
  readonly #answers = new Map<string, Pinned>();
  /** When what was answered by an error is made all the same. */
  #late: number[] = [];
  readonly #underWay = new Map<string, number>();
  #things: Thing[] = [];

  constructor(
    now: () => number,
    {
      uniqueName,
      keyLifetimeMs,
      settlesWithinMs,
    }: { uniqueName: boolean; keyLifetimeMs: number; settlesWithinMs: number },
  ) {
    this.#now = now;
    this.#settlesWithinMs = settlesWithinMs;
    this.#uniqueName = uniqueName;
    this.#keyLifetimeMs = keyLifetimeMs;
  }

  /** Everything there is. */
  get things(): readonly Thing[] {
    this.#finish();
    return this.#things;
  }

  /** Somebody else makes one of the name, if they may. */
  othersMake(asked: boolean): void {
    if (!this.#uniqueName || this.things.length === 0) this.#add({ ours: false, asked });
  }

  /** One call to create, with what becomes of it. */
  create(key: string, fate: Fate): Thing {
    this.#finish();
    if (fate === 'never arrives') throw lost();
    if (fate === 'is a 502 of a proxy, and never arrives') throw new ApiError(CALL, 502);
    if (fate === 'is a 401, without a look at the key') throw failed(401);
    if (fate === 'is a 422 of a proxy') throw new ApiError(CALL, 422);
    if (fate === 'is limited') throw new ApiError(CALL, 429);
    if (this.#underWay.has(key)) throw new ApiError(CALL, 409);
    const answer = this.#pinned(key) ?? this.#carryOut(key, fate);
    if (fate.startsWith('is a 502 of a proxy')) throw new ApiError(CALL, 502);
    if (answer === undefined || fate === 'is carried out and its answer lost') throw lost();
    if (fate === 'is carried out and its answer garbled') throw new UnexpectedAnswerError(CALL, 'it is no JSON');
    if ('error' in answer) throw answer.error;
    return answer.thing;
  }

  #pinned(key: string): Pinned | undefined {
    const answer = this.#answers.get(key);
    return answer !== undefined && this.#now() - answer.at < this.#keyLifetimeMs ? answer : undefined;
  }

  #carryOut(key: string, fate: Fate): Pinned | undefined {
    switch (fate) {
      case 'is carried out late, and not waited for':
      case 'is a 502 of a proxy, and is carried out late':
        this.#underWay.set(key, this.#now() + LONGEST_REQUEST_MS);
        return undefined;
      case 'is a 500 for ever, and made nothing':
        return this.#pin(key, { error: failed(500) });
      case 'is a 500 for ever, and made it':
        this.#make();
        return this.#pin(key, { error: failed(500) });
      case 'is a 500 for ever, and makes it late':
        this.#late.push(this.#now() + this.#settlesWithinMs);
        return this.#pin(key, { error: failed(500) });
      case 'is refused for ever, for now':
        return this.#pin(key, { error: failed(422, 'cache refresh in progress') });
      case 'is limited for ever':
        return this.#pin(key, { error: failed(429) });
      default:
        return this.#pin(key, this.#make());
    }
  }

  #make(at = this.#now()): { thing: Thing } | { error: ApiError } {
    if (this.#uniqueName && this.#things.length > 0) return { error: failed(422, 'it exists already') };
    return { thing: this.#add({ ours: true, asked: true }, at) };
  }

  #add(thing: Pick<Thing, 'ours' | 'asked'>, createdAt = this.#now()): Thing {
    const made = { id: `thing-${this.#things.length + 1}`, createdAt, ...thing };
    this.#things = [...this.#things, made];
    return made;
  }

  #pin(key: string, answer: { thing: Thing } | { error: ApiError }, at = this.#now()): Pinned {
    const pinned = { at, ...answer };
    this.#answers.set(key, pinned);
    return pinned;
  }

  /** Ends what is under way and has had its time. */
  #finish(): void {
    for (const [key, until] of this.#underWay) {
      if (this.#now() < until) continue;
      this.#underWay.delete(key);
      this.#pin(key, this.#make(until), until);
    }
    const due = this.#late.filter((at) => this.#now() >= at);
    this.#late = this.#late.filter((at) => this.#now() < at);
    for (const at of due) this.#make(at);
  }
}

/** In Polytomic's own words. */
function failed(status: number, apiMessage?: string): ApiError {
  return new ApiError(CALL, status, { apiMessage, documented: true });
}

function lost(): NoAnswerError {
  return new NoAnswerError(CALL, 'network', 'connection reset (ECONNRESET)');
}
