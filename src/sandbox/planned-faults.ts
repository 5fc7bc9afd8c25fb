/**
 * The fault plan that is set, and how often its faults could have struck and did. Plan and counts are in the store. Counts are
 * written together some time after the calls, so a kill may lose the newest: then the n of a thing's next call repeats.
 */
import {
  effectOf,
  type FaultPlan,
  faultsOf,
  type PlannedCall,
  type PlannedFault,
  possibleFaults,
  strikes,
} from './fault-plan.ts';
import type { Effect } from './faults.ts';
import type { Store, Transaction } from './store.ts';

/** How long counts are at most not in the store, in ms. */
const WRITTEN_AFTER_MS = 250;

/** How often a fault could have struck an endpoint, and did. */
interface Site {
  calls: number;
  hits: number;
}

export type Sites = Partial<Record<PlannedFault, Site>>;

/** A plan as the side API shows it. */
export interface PlanReport extends FaultPlan {
  sites: Array<Site & { endpoint: string; fault: PlannedFault }>;
}

export class PlannedFaults {
  readonly #store: Store;
  readonly #log: (line: string) => void;
  #plan: FaultPlan | undefined;
  /** By endpoint and subject. */
  readonly #counts = new Map<string, number>();
  /** By endpoint. */
  readonly #sites = new Map<string, Sites>();
  readonly #unwritten = { counts: new Set<string>(), sites: new Set<string>() };
  #timer: NodeJS.Timeout | undefined;

  /** Goes on with the plan that is in the store. `log` is told of counts that could not be written. */
  constructor(store: Store, log: (line: string) => void) {
    this.#store = store;
    this.#log = log;
    this.#plan = store.get('fault-plan', PLAN_ID)?.plan;
    for (const { id, count } of store.all('call-count')) this.#counts.set(id, count);
    for (const { id, sites } of store.all('fault-sites')) this.#sites.set(id, sites);
  }

  /** Follows this plan from now on, or none; all counts begin anew. */
  async set(plan: FaultPlan | undefined): Promise<void> {
    await this.#store.transaction((transaction) => {
      this.forget();
      for (const kind of ['call-count', 'fault-sites', 'fault-plan'] as const) {
        for (const { id } of transaction.all(kind)) transaction.delete(kind, id);
      }
      if (plan !== undefined) transaction.put('fault-plan', { id: PLAN_ID, sequence: 0, plan });
      this.#plan = plan;
    });
  }

  /** Ends the plan without a trace, for when the store is emptied. */
  forget(): void {
    this.#plan = undefined;
    for (const counted of [this.#counts, this.#sites, this.#unwritten.counts, this.#unwritten.sites]) counted.clear();
  }

  /** The plan with a row for each fault of each endpoint that was called; `null` when there is none. */
  report(): PlanReport | null {
    const plan = this.#plan;
    if (plan === undefined) return null;
    const sites = [...this.#sites].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      ...plan,
      sites: sites.flatMap(([endpoint, counted]) =>
        faultsOf(plan, endpoint).map((fault) => ({ endpoint, fault, ...(counted[fault] ?? { calls: 0, hits: 0 }) })),
      ),
    };
  }

  /** The effect on the call, or `undefined`; counts it. Without a plan nobody asks what the call is. */
  take(described: () => PlannedCall): Effect | undefined {
    const plan = this.#plan;
    if (plan === undefined) return undefined;
    const call = described();
    const key = JSON.stringify([call.endpoint, call.subject]);
    const n = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, n);
    const struck = strikes(plan, call, n);
    const sites: Sites = { ...this.#sites.get(call.endpoint) };
    for (const fault of possibleFaults(plan, call)) {
      const { calls, hits } = sites[fault] ?? { calls: 0, hits: 0 };
      sites[fault] = { calls: calls + 1, hits: hits + (struck.includes(fault) ? 1 : 0) };
    }
    this.#sites.set(call.endpoint, sites);
    this.#unwritten.counts.add(key);
    this.#unwritten.sites.add(call.endpoint);
    this.#timer ??= setTimeout(() => {
      this.write().catch((error: unknown) => this.#log(`counts of the fault plan were not written: ${String(error)}`));
    }, WRITTEN_AFTER_MS);
    const effect = effectOf(plan, call, n, struck);
    const failing = struck.at(-1);
    if (effect?.status === undefined || failing === undefined) return effect;
    return { ...effect, missed: () => this.#missed(plan, call.endpoint, failing) };
  }

  #missed(plan: FaultPlan, endpoint: string, fault: PlannedFault): void {
    const sites = this.#sites.get(endpoint);
    const site = sites?.[fault];
    // Another plan may have been set meanwhile, which counts anew.
    if (site === undefined || this.#plan !== plan) return;
    this.#sites.set(endpoint, { ...sites, [fault]: { ...site, hits: site.hits - 1 } });
    this.#unwritten.sites.add(endpoint);
  }

  /** Writes what is counted. */
  async write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#unwritten.sites.size > 0) await this.#store.transaction((transaction) => this.#put(transaction));
  }

  #put(transaction: Transaction): void {
    const { counts, sites } = this.#unwritten;
    for (const id of counts) transaction.put('call-count', { id, sequence: 0, count: this.#counts.get(id) ?? 0 });
    for (const id of sites) transaction.put('fault-sites', { id, sequence: 0, sites: this.#sites.get(id) ?? {} });
    counts.clear();
    sites.clear();
  }
}

const PLAN_ID = 'plan';
