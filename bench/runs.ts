/** Runs of the program and of what it is compared with, driven alike: started, signed in the moment there is a link, awaited. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ProvisioningRequest } from '../src/request/schema.ts';
import { oauthCompletedSignal, statusQuery, workflowIdOf } from '../src/workflows/messages.ts';
import { newName } from '../test/support/new-name.ts';
import { type BareRun, type Given, linkQuery, signedInSignal, type Work } from './bare/workflows.ts';
import type { Site } from './bench.ts';
import { onGiven, sharedBy } from './requests.ts';

/** One run under way. */
export interface Run {
  workflowId: string;
  /** Where to sign in, as the run tells it; `undefined` as long as it does not. */
  link(): Promise<string | undefined>;
  /** Tells the run that the sign-in is there. */
  signedIn(): Promise<void>;
  /** Resolves when it has completed. */
  done(): Promise<unknown>;
}

/** Starts runs of one kind under a given name. */
export type Starter = (name: string) => Promise<Run>;

/** Runs of the program. */
export function ofProgram({ audiences, client }: Site, request: (name: string) => ProvisioningRequest): Starter {
  return async (name) => {
    await audiences.start(request(name));
    const workflowId = workflowIdOf(name);
    const handle = client.workflow.getHandle(workflowId);
    return {
      workflowId,
      link: async () => (await handle.query(statusQuery)).signIn?.url,
      signedIn: () => handle.signal(oauthCompletedSignal),
      done: () => handle.result(),
    };
  };
}

/** Starts the run of this number on what runs share. */
export function startShared(site: Site, given: readonly Given[], index: number): Promise<Run> {
  return ofProgram(site, (name) => onGiven(name, sharedBy(given, index)))(newName(`run-${index}`));
}

/** Runs of the bare workflow. */
export function ofBare({ client, bareTaskQueue }: Site, work: Work, given?: Given): Starter {
  return async (name) => {
    const run: BareRun = { name, work, ...(given === undefined ? {} : { given }) };
    const workflowId = `bare/${name}`;
    const handle = await client.workflow.start('Bare', { workflowId, taskQueue: bareTaskQueue, args: [run] });
    return {
      workflowId,
      link: () => handle.query(linkQuery),
      signedIn: () => handle.signal(signedInSignal),
      done: () => handle.result(),
    };
  };
}

/** How long each part of a run took, in ms. */
export interface Times {
  /** From the start until the link was there. */
  toLink: number;
  /** From the moment the sign-in was given until the run had completed. */
  toDone: number;
}

/** What a run is watched with. */
export interface Watch {
  /** Resolves when it is worth asking the run for its link: asking is work for the worker too. */
  worthAsking?: () => Promise<unknown>;
  /** How long to wait before it is asked again, in ms. */
  everyMs: number;
  /** What a person does with the link. */
  signIn: (link: string) => Promise<unknown>;
}

/** Drives one run from its start to its end. */
export async function timed(start: Starter, name: string, { worthAsking, everyMs, signIn }: Watch): Promise<Times> {
  const startedAt = performance.now();
  const run = await start(name);
  await worthAsking?.();
  let link = await run.link();
  while (link === undefined) {
    await pause(everyMs);
    link = await run.link();
  }
  const linkAt = performance.now();
  await signIn(link);
  const signedInAt = performance.now();
  await run.signedIn();
  await run.done();
  return { toLink: linkAt - startedAt, toDone: performance.now() - signedInAt };
}

/** Does `count` things, `atOnce` of them at a time; returns how long it took, in s. */
export async function inSlots(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now();
  let next = 0;
  const slot = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, slot));
  return (performance.now() - startedAt) / 1000;
}

/** The same for each of `all`. */
export async function eachInSlots<T>(
  all: readonly T[],
  atOnce: number,
  work: (one: T) => Promise<unknown>,
): Promise<number> {
  return inSlots(all.length, atOnce, (index) => work(all[index] as T));
}
