/** Plays one run: starts it, and is all the people around it, until it has come to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import fetch from 'node-fetch';
import {
  type AudienceClient,
  type ListedStage,
  NotFoundError,
  type ProvisioningReport,
  type ProvisioningStatus,
  type Question,
  RefusedError,
  type SignInStatus,
  type Stage,
  type StepStatus,
} from '../src/client.ts';
import type { PolytomicClient } from '../src/polytomic/client.ts';
import { oauthCompletedSignal, STAGES, WORKING, workflowIdOf } from '../src/workflows/messages.ts';
import type { Board, Sight } from './board.ts';
import { type Deeds, noDeeds } from './deeds.ts';
import { mend } from './mend.ts';
import type { AnswerPlan, EndPlan, Script } from './script.ts';
import { surely } from './surely.ts';

/** Where it is played. */
export interface Scene {
  audiences: AudienceClient;
  temporal: Client;
  polytomic: PolytomicClient;
  board: Board;
  /** Aborts when the harness ends. */
  signal: AbortSignal;
  /** How long a run may take, in ms, before it counts as lost. */
  patienceMs: number;
}

/** How long a person waits before they look again, or say again what they said, in ms. */
const AGAIN_MS = 8_000;

/** How often people try a step before they let it be, and the run is lost. */
const MOST_TRIES = 8;

/** Plays the script. Resolves when the run has ended, waits for good as planned, or is lost. */
export async function play(scene: Scene, script: Script): Promise<Deeds> {
  return new Play(scene, script).play();
}

class Play {
  private readonly scene: Scene;
  private readonly script: Script;
  private readonly deeds = noDeeds();
  /** What people have begun, so that it is done once; each under a key. */
  private readonly begun = new Set<string>();
  private readonly underWay = new Set<Promise<void>>();
  private broken: unknown;
  private over = false;

  constructor(scene: Scene, script: Script) {
    this.scene = scene;
    this.script = script;
  }

  async play(): Promise<Deeds> {
    const { script, scene } = this;
    await this.pause(script.startDelayMs);
    await this.start();
    this.early();
    const deadline = Date.now() + scene.patienceMs;
    for (let last: Sight | undefined; Date.now() < deadline && !scene.signal.aborted && this.broken === undefined; ) {
      const sight = await scene.board.next(script.name, this.endsUnlisted ? undefined : last);
      const nothingNew = JSON.stringify(sight) === JSON.stringify(last);
      last = sight;
      if (sight === undefined || sight.state === 'gone') {
        // One that was over before anybody looked is never seen, and the list may lag behind one that was recovered.
        if (await this.hasEnded()) break;
        continue;
      }
      this.mayEnd(sight.stage);
      if (!needsPeople(sight) && !nothingNew && !this.endsUnlisted) continue;
      const report = await surely(() => scene.audiences.status(script.name));
      const { status, problem } = report;
      if (status === undefined) {
        if (problem?.includes('`audience recover ')) this.once(`recover ${report.runId}`, () => this.recover(report));
        last = undefined;
        continue;
      }
      this.mayEnd(status.stage);
      this.attend(status);
      if (this.isStuck(status)) break;
    }
    this.over = true;
    await Promise.all(this.underWay);
    if (this.broken !== undefined) throw this.broken;
    await this.hasEnded();
    if (script.ending?.thenUndo && !scene.signal.aborted) await this.undo();
    return this.deeds;
  }

  private async start(): Promise<void> {
    const { audiences } = this.scene;
    const starts = Array.from({ length: this.script.startedTwice ? 2 : 1 }, () =>
      surely(() => audiences.start(this.script.request)),
    );
    this.deeds.runIds.push(...(await Promise.all(starts)).map(({ runId }) => runId));
  }

  private async hasEnded(): Promise<boolean> {
    const { temporal, signal } = this.scene;
    const handle = temporal.workflow.getHandle(workflowIdOf(this.script.name));
    this.deeds.ended = (await surely(() => handle.describe(), signal)).status.name;
    return this.deeds.ended !== 'RUNNING';
  }

  /** What people say before they are asked. */
  private early(): void {
    const { signIn, answers, uncalledFor } = this.script;
    if (signIn.falseClaim !== 'none') this.once('false claim', () => this.claimFalsely());
    for (const plan of answers) if (plan.early) this.once(`early ${plan.step}`, () => this.answerEarly(plan));
    if (!uncalledFor) return;
    this.once('uncalled for', () => this.expectRefusal('an answer that nobody asked for', { accounts: 'all' }));
  }

  private async claimFalsely(): Promise<void> {
    const handle = this.scene.temporal.workflow.getHandle(workflowIdOf(this.script.name));
    const payload = this.script.signIn.falseClaim === 'garbage' ? [{ denied: 'maybe', '': [null, 7] }] : [];
    await ignoringEnd(surely(() => handle.signal(oauthCompletedSignal.name, ...payload)));
  }

  /** Asks of people what the run asks of them. */
  private attend({ signIn, questions, steps }: ProvisioningStatus): void {
    if (signIn !== undefined) this.once(`sign-in ${signIn.url} ${signIn.lastCheck?.at}`, () => this.signIn(signIn));
    for (const question of questions) this.once(`asked ${question.step} ${question.why}`, () => this.answer(question));
    for (const step of steps) {
      if (step.state === 'blocked') this.once(`blocked ${step.id} ${step.generation}`, () => this.mend(step));
    }
  }

  private async signIn({ url }: SignInStatus): Promise<void> {
    const { signIn, name } = this.script;
    const { audiences } = this.scene;
    const first = !this.begun.has('first sign-in');
    this.begun.add('first sign-in');
    await this.pause(first ? signIn.delayMs : 500);
    const denies = first && signIn.denies && url !== undefined;
    if (url !== undefined && !(await this.consent(url, denies ? 'deny' : 'allow'))) {
      // It was used, or another link took its place.
      if (this.over) return;
      const { url: fresh } = await surely(() => audiences.signInLink(name, { fresh: true }));
      await this.consent(fresh, 'allow');
    }
    if (denies) {
      const handle = this.scene.temporal.workflow.getHandle(workflowIdOf(name));
      return surely(() => handle.signal(oauthCompletedSignal.name, { denied: true }));
    }
    for (let claim = 0; claim < (first ? signIn.claims : 1); claim += 1)
      await surely(() => audiences.completeSignIn(name));
    this.expectGone('sign-in');
  }

  /** Whether the link still worked. */
  private async consent(url: string, decision: 'allow' | 'deny'): Promise<boolean> {
    const answer = await surely(() =>
      fetch(url, { method: 'POST', body: new URLSearchParams({ decision }), redirect: 'manual' }),
    );
    if (answer.status >= 400 && answer.status !== 404) throw new Error(`the consent page answered ${answer.status}`);
    return answer.status !== 404;
  }

  /** If that did not help, the person tries again later. */
  private expectGone(what: string): void {
    const forget = async () => {
      await this.pause(AGAIN_MS);
      for (const key of this.begun) if (key.startsWith(`${what} `)) this.begun.delete(key);
    };
    this.once(`again ${what} ${this.begun.size}`, forget);
  }

  private async answer({ step }: Question): Promise<void> {
    const plan = this.script.answers.find((one) => one.step === step);
    if (plan === undefined) throw new Error(`${this.script.name} asks for ${step}, which its script does not know of`);
    await this.pause(plan.delayMs);
    if (plan.wrong !== undefined && !this.begun.has(`wrong ${step}`)) {
      this.begun.add(`wrong ${step}`);
      await this.expectRefusal(`a wrong answer for ${step}`, plan.wrong);
    }
    const given = await Promise.allSettled(
      Array.from({ length: plan.twice ? 2 : 1 }, () => surely(() => this.tell(plan.answer))),
    );
    const refused = given.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    const other = refused.find((error) => !(error instanceof RefusedError || error instanceof NotFoundError));
    if (other !== undefined) throw other;
    this.expectGone('asked');
  }

  private async answerEarly({ answer }: AnswerPlan): Promise<void> {
    await ignoringEnd(surely(() => this.tell(answer)));
  }

  private async expectRefusal(what: string, answer: AnswerPlan['answer']): Promise<void> {
    try {
      const taken = await surely(() => this.tell(answer));
      this.deeds.surprises.push(`${what} was taken: ${JSON.stringify(taken)}`);
    } catch (error) {
      if (!(error instanceof RefusedError || error instanceof NotFoundError)) throw error;
    }
  }

  private tell(answer: AnswerPlan['answer']): Promise<unknown> {
    const { audiences } = this.scene;
    return 'accounts' in answer
      ? audiences.selectAccounts(this.script.name, answer.accounts)
      : audiences.chooseAudience(this.script.name, answer);
  }

  private async mend(step: StepStatus): Promise<void> {
    const { script, scene } = this;
    if (step.id === script.stuckAt) {
      if (script.ending?.how === 'give up') await this.end(script.ending);
      return;
    }
    const plan = script.mends.find((one) => one.step === step.id);
    const planned = plan !== undefined && !this.begun.has(`mended ${step.id}`);
    await this.pause(planned ? plan.delayMs : 1_000);
    if (planned) {
      this.begun.add(`mended ${step.id}`);
      await surely(() => scene.audiences.retryStep(script.name, { step: step.id, change: plan.change }));
    } else if (step.generation <= MOST_TRIES) {
      await mend(scene, script, this.deeds, step);
    }
  }

  /** Does what the status says. The answer may be lost: then the next one is that there is nothing to recover any more. */
  private async recover({ runId, problem = '' }: ProvisioningReport): Promise<void> {
    const { audiences, temporal } = this.scene;
    const { name } = this.script;
    await ignoringEnd(surely(() => audiences.recover(name)));
    const now = await surely(() => temporal.workflow.getHandle(workflowIdOf(name)).describe());
    if (now.runId !== runId) this.deeds.recovered.push({ runId, why: problem });
  }

  /** Whether nothing is left but the step at which it is to stay. */
  private isStuck({ steps, stage }: ProvisioningStatus): boolean {
    if (!this.script.ends.includes('blocked') || stage !== 'blocked') return false;
    return steps.every(({ id, state }) => state !== 'blocked' || id === this.script.stuckAt);
  }

  /** Whether it is still to end at a stage that a list may not tell. */
  private get endsUnlisted(): boolean {
    const at = this.script.ending?.at ?? 'start';
    return at !== 'start' && at !== 'blocked' && !this.begun.has('ending');
  }

  private mayEnd(stage: Stage | ListedStage | undefined): void {
    const { ending } = this.script;
    if (ending === undefined || ending.at === 'blocked' || stage === undefined) return;
    if (rankOf(stage) >= AT[ending.at]) this.once('ending', () => this.end(ending));
  }

  private async end({ how, delayMs }: EndPlan): Promise<void> {
    const { audiences } = this.scene;
    const { name } = this.script;
    await this.pause(delayMs);
    if (how === 'cancel') await surely(() => audiences.cancel(name));
    else await surely(() => audiences.giveUp(name, { reason: 'Nobody mends it' }));
  }

  private async undo(): Promise<void> {
    const { audiences } = this.scene;
    await this.pause(1_000);
    try {
      this.deeds.undo = await surely(() => audiences.undo(this.script.name));
    } catch (error) {
      // It had completed before it could be cancelled.
      if (!(error instanceof RefusedError)) throw error;
    }
  }

  /** Does it in the background, once. */
  private once(key: string, deed: () => Promise<void>): void {
    if (this.begun.has(key) || this.over) return;
    this.begun.add(key);
    const doing = ignoringEnd(deed())
      .catch((error: unknown) => {
        if (!this.scene.signal.aborted) this.broken ??= error;
      })
      .finally(() => this.underWay.delete(doing));
    this.underWay.add(doing);
  }

  /** Shorter once the run is over. */
  private async pause(ms: number): Promise<void> {
    const until = Date.now() + ms;
    while (!this.over && Date.now() < until) {
      await sleep(Math.min(250, until - Date.now()), undefined, { signal: this.scene.signal });
    }
  }
}

/** From which stage on an ending may come. */
const AT: Record<Exclude<EndPlan['at'], 'blocked'>, number> = {
  start: 0,
  'sign-in': STAGES.indexOf('awaiting_sign_in'),
  preparing: STAGES.indexOf('preparing'),
  syncing: STAGES.indexOf('syncing'),
};

/** How far on a stage is. Waits for people come before what they hold up; a list does not tell how far the work has come. */
function rankOf(stage: Stage | ListedStage): number {
  return stage === WORKING ? 0 : STAGES.indexOf(stage);
}

function needsPeople({ stage, blockedSteps }: Sight): boolean {
  return stage === 'awaiting_sign_in' || stage === 'awaiting_choice' || blockedSteps.length > 0;
}

/** A run that has ended, or is ending, takes nothing any more, and one that has moved on refuses: that is no surprise. */
async function ignoringEnd(said: Promise<unknown>): Promise<void> {
  try {
    await said;
  } catch (error) {
    const name = error instanceof Error ? error.name : '';
    if (error instanceof RefusedError || error instanceof NotFoundError || name === 'WorkflowNotFoundError') return;
    throw error;
  }
}
