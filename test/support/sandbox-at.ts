/** A sandbox that answers somewhere, over real HTTP: what tests, the chaos run and the bench do with it. Needs no Jest. */
import fetch from 'node-fetch';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import type { EffectDocument } from '../../src/sandbox/documents.ts';
import type { FaultPlan } from '../../src/sandbox/fault-plan.ts';
import type { PlanReport } from '../../src/sandbox/planned-faults.ts';
import type { LoggedRequest } from '../../src/sandbox/request-log.ts';

/** Something that was made or deleted, as the sandbox's side API tells it: `id` is the thing's own. */
export type Effect = Omit<EffectDocument, 'of'>;

/** A running sandbox and what tests do with it. */
export interface TestSandbox {
  url: string;
  apiKey: string;
  /** A client of its API. */
  polytomic: PolytomicClient;
  /** What a browser does with a sign-in link. */
  signIn(authUrl: string, decision?: 'allow' | 'deny' | 'no-accounts' | 'many-accounts'): Promise<void>;
  /** Adds a fault, as docs/sandbox.md describes. */
  fault(rule: Record<string, unknown>): Promise<void>;
  clearFaults(): Promise<void>;
  /** Sets the fault plan; what is left out has its default. */
  planFaults(plan: Partial<FaultPlan>): Promise<void>;
  /** How often each fault of the plan could have struck, and did. */
  faultSites(): Promise<PlanReport['sites']>;
  /** All that was ever made and deleted. */
  effects(): Promise<Effect[]>;
  /** The calls under /api so far, of those the newest 10 000; with a number above `after`, if it is given. */
  requests(after?: number): Promise<LoggedRequest[]>;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at a few fields of many shapes
  state(): Promise<any>;
  /** Makes it as new: no state, no faults, no calls. */
  reset(): Promise<void>;
  /** Stops it and starts it on its state, at the same address. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** What tests do with the sandbox that answers there. */
export function sandboxAt(url: string, apiKey: string): Omit<TestSandbox, 'restart' | 'close'> {
  const side = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${url}/_sandbox/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /_sandbox/${path} answered ${answer.status}: ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as { data: unknown }).data;
  };
  return {
    url,
    apiKey,
    polytomic: new PolytomicClient({ apiKey, baseUrl: url }),
    signIn: async (authUrl, decision = 'allow') => {
      const answer = await fetch(authUrl, {
        method: 'POST',
        body: new URLSearchParams(
          decision.endsWith('-accounts') ? { decision: 'allow', user: decision } : { decision },
        ),
        redirect: 'manual',
      });
      // Else its connection is not used again.
      await answer.text();
      if (answer.status >= 400) throw new Error(`the consent page answered ${answer.status}`);
    },
    fault: async (rule) => void (await side('POST', 'faults', rule)),
    clearFaults: async () => void (await side('DELETE', 'faults')),
    planFaults: async (plan) => void (await side('PUT', 'fault-plan', plan)),
    faultSites: async () => ((await side('GET', 'fault-plan')) as PlanReport).sites,
    effects: async () => (await side('GET', 'effects')) as Effect[],
    requests: async (after = 0) => (await side('GET', `requests?after=${after}`)) as LoggedRequest[],
    state: () => side('GET', 'state'),
    reset: async () => void (await side('POST', 'reset')),
  };
}
