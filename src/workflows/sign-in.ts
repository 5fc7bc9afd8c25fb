/** The LinkedIn sign-in: one person, a link, and a wait that may take a week. */
import { CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import type { ProvidedLinkedInConnection } from '../activities/linkedin-connection.ts';
import type { SignInCheck } from '../activities/sign-in.ts';
import { answeringActivities, pollingActivities, stepActivities } from './activity-proxies.ts';
import {
  oauthCompletedSignal,
  type Resource,
  refreshSignInLinkUpdate,
  type SignInLink,
  type SignInStatus,
  signInLinkUpdate,
} from './messages.ts';
import { STEP } from './progress.ts';
import { failureOf, type Run, StepFault } from './run.ts';
import { shorten } from './shorten.ts';
import { refusal } from './update-input.ts';

/** What a wait ends with: the sign-in, what a poll saw, a date, or a claim to check. */
type Wake = 'claim' | 'polled' | 'reminder' | 'deadline';

/** The run's part that asks for the sign-in, and hears of it. */
export class SignIn {
  private readonly run: Run;
  private connection: Resource | undefined;
  private mayReconnect = false;
  private refreshing: Promise<SignInLink> | undefined;
  private polling: CancellationScope | undefined;
  private polled: { failure?: unknown } | undefined;

  constructor(run: Run) {
    this.run = run;
    setHandler(oauthCompletedSignal, (payload) => this.claim(payload), {
      description:
        'Say that the LinkedIn sign-in is done. No input needed: the run asks Polytomic whether it is there. A denial may be told: {"denied": true}',
    });
    setHandler(signInLinkUpdate, () => this.currentLink(), {
      validator: () => this.refuseUnlessAsked(),
      description: 'The sign-in link; a fresh one if it has become too old. No input.',
    });
    setHandler(refreshSignInLinkUpdate, () => this.freshLink(answeringActivities), {
      validator: () => this.refuseUnlessReconnect(),
      description: 'Get a fresh sign-in link; older ones stop working. No input.',
    });
  }

  /** Whether somebody has said something about the sign-in that has not been checked yet. */
  get hasClaim(): boolean {
    const { claims, checked } = this.run.state.signIn;
    return claims > checked;
  }

  /**
   * Waits for a person's sign-in for as long as the request says. A claim that it is done is only a hint: Polytomic is asked,
   * and a false one changes nothing. Claims made before the wait, or while a check is running, are kept. Returns what came of
   * it. Called again, it asks again.
   */
  async wait({ resource, authUrl }: ProvidedLinkedInConnection, mayReconnect: boolean): Promise<string> {
    this.connection = resource;
    this.mayReconnect = mayReconnect;
    const { signIn } = this.run.state;
    if (signIn.asked === undefined) {
      const { generation } = this.run.progress.of(STEP.signIn);
      const first = generation === 1 && signIn.timedOut === undefined;
      const check = first && authUrl !== undefined ? undefined : await this.check();
      if (check?.state === 'signed_in') return first ? 'was signed in already' : 'signed in';
      if (signIn.timedOut === generation) throw this.timedOut();
      await this.ask(first ? authUrl : undefined);
      if (check?.state === 'no_accounts') await this.told(check);
    }
    return this.untilSignedIn();
  }

  private async untilSignedIn(): Promise<string> {
    this.poll();
    try {
      for (;;) {
        const wake = await this.wake();
        if (wake === 'deadline') {
          this.run.state.signIn.timedOut = this.run.progress.of(STEP.signIn).generation;
          throw this.timedOut();
        }
        if (wake === 'reminder') {
          await this.remind();
          continue;
        }
        const check = await this.check();
        if (check.state === 'signed_in') return 'signed in';
        await this.told(check);
      }
    } finally {
      this.polling?.cancel();
    }
  }

  /** Begins to ask: by a link, or by a hint where the run has none to offer. */
  private async ask(authUrl: string | undefined): Promise<void> {
    const { timeoutMs, remindEveryMs } = this.run.settings.signIn;
    const now = Date.now();
    const link = authUrl ?? (this.mayReconnect ? await this.startSignIn(stepActivities) : undefined);
    const { signIn } = this.run.state;
    if (remindEveryMs !== undefined) signIn.nextReminderAt = rfc3339(now + remindEveryMs);
    this.run.progress.askForSignIn({
      ...(link === undefined ? { hint: this.hint() } : { url: link, linkSince: rfc3339(Date.now()) }),
      since: rfc3339(now),
      until: rfc3339(now + timeoutMs),
      claims: signIn.checked,
    });
    this.run.notify({ event: 'sign_in_needed', ...(link === undefined ? { message: this.hint() } : { url: link }) });
  }

  private hint(): string {
    return `Sign in to LinkedIn on connection ${this.connection?.name} in Polytomic; with reconnect: allowed there would be a link here.`;
  }

  private claim(payload: unknown): void {
    const { signIn } = this.run.state;
    signIn.claims += 1;
    const denial = denialOf(payload);
    if (denial === undefined) delete signIn.denial;
    else signIn.denial = denial;
  }

  private async wake(): Promise<Wake> {
    const { asked, nextReminderAt } = this.run.state.signIn;
    const deadline = Date.parse(asked?.until ?? '');
    const reminder = nextReminderAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(nextReminderAt);
    const due = Math.min(deadline, reminder);
    const woken = () => this.hasClaim || this.polled !== undefined;
    if (due > Date.now()) await this.run.untilPerson(woken, due - Date.now());
    if (this.hasClaim) return 'claim';
    if (this.polled !== undefined) {
      const { failure } = this.polled;
      this.polled = undefined;
      if (failure !== undefined) throw failure;
      return 'polled';
    }
    return Date.now() >= deadline ? 'deadline' : 'reminder';
  }

  /** Asks Polytomic. What was said before is thereby checked; what is said meanwhile is kept. */
  private async check(): Promise<SignInCheck> {
    const { signIn } = this.run.state;
    signIn.checked = signIn.claims;
    return this.run.call(() =>
      stepActivities.verifySignIn.executeWithOptions({ summary: 'Ask Polytomic whether the sign-in is there' }, [
        { connection: this.connectionKnown() },
      ]),
    );
  }

  /** Shows why it is not there yet. One who signed in without any ad account is offered a new link. */
  private async told(check: Exclude<SignInCheck, { state: 'signed_in' }>): Promise<void> {
    const { signIn } = this.run.state;
    const denial = check.state === 'not_yet' ? signIn.denial : undefined;
    delete signIn.denial;
    if (check.state === 'no_accounts' && this.mayReconnect) await this.freshLink(stepActivities);
    this.change({
      claims: signIn.checked,
      lastCheck: {
        at: rfc3339(Date.now()),
        outcome: denial === undefined ? check.state : 'denied',
        reason: denial ?? check.reason,
      },
    });
    if (check.state === 'no_accounts') this.poll();
  }

  private async remind(): Promise<void> {
    const { signIn } = this.run.state;
    const { remindEveryMs } = this.run.settings.signIn;
    if (remindEveryMs === undefined) delete signIn.nextReminderAt;
    else signIn.nextReminderAt = rfc3339(Date.now() + remindEveryMs);
    // A reminder with a dead link would send a person to an error page.
    if (this.isLinkOld() && this.mayReconnect) await this.freshLink(stepActivities);
    const { asked } = signIn;
    if (asked === undefined) return;
    const text = asked.url === undefined ? { message: this.hint() } : { url: asked.url };
    this.run.notify({ event: 'sign_in_reminder', ...text });
  }

  /** Watches Polytomic, if the request says so, until the wait ends. */
  private poll(): void {
    const { pollMs } = this.run.settings.signIn;
    if (pollMs === undefined) return;
    this.polling?.cancel();
    const scope = new CancellationScope();
    this.polling = scope;
    const watched = {
      connection: this.connectionKnown(),
      pollMs,
      // Told once, it is not worth another word until somebody else has signed in.
      untilAccounts: this.run.state.signIn.asked?.lastCheck?.outcome === 'no_accounts',
    };
    const watching = scope.run(() =>
      pollingActivities.awaitSignIn.executeWithOptions({ summary: 'Watch Polytomic for the sign-in' }, [watched]),
    );
    const ended = (outcome: { failure?: unknown }) => {
      if (this.polling === scope) this.polled = outcome;
    };
    void watching.then(
      () => ended({}),
      (failure: unknown) => {
        if (!isCancellation(failure)) ended({ failure });
      },
    );
  }

  /** For `signInLink`: what there is, or a fresh one if it is too old. */
  private async currentLink(): Promise<SignInLink> {
    const { url, linkSince } = this.askedNow();
    if (this.mayReconnect && (url === undefined || this.isLinkOld())) return this.freshLink(answeringActivities);
    if (url === undefined || linkSince === undefined) throw refusal(this.hint());
    return { url, since: linkSince };
  }

  /** Two who ask at once get the same link: a second would break the first. */
  private freshLink(activities: typeof stepActivities): Promise<SignInLink> {
    this.refreshing ??= this.startSignIn(activities)
      .then((url) => {
        const link = { url, since: rfc3339(Date.now()) };
        if (this.run.state.signIn.asked !== undefined) this.change({ url, linkSince: link.since });
        return link;
      })
      .finally(() => {
        this.refreshing = undefined;
      });
    return this.refreshing;
  }

  private async startSignIn(activities: typeof stepActivities): Promise<string> {
    const connection = this.connectionKnown();
    try {
      return await this.run.call(() =>
        activities.startSignIn.executeWithOptions({ summary: 'Get a sign-in link' }, [{ connection }]),
      );
    } catch (error) {
      const failure = activities === answeringActivities ? failureOf(STEP.signIn, error) : undefined;
      throw failure === undefined ? error : refusal(failure.message, failure.type);
    }
  }

  private change(change: Partial<SignInStatus>): void {
    const { hint: _, ...asked } = this.askedNow();
    this.run.progress.askForSignIn({ ...this.askedNow(), ...(change.url === undefined ? {} : asked), ...change });
  }

  private isLinkOld(): boolean {
    const { linkSince } = this.askedNow();
    return linkSince === undefined || Date.now() - Date.parse(linkSince) >= this.run.settings.signIn.linkTtlMs;
  }

  private refuseUnlessAsked(): void {
    if (this.run.state.signIn.asked === undefined) {
      throw refusal('Nobody is asked to sign in now. Query `status` shows where the run stands.');
    }
  }

  private refuseUnlessReconnect(): void {
    this.refuseUnlessAsked();
    if (!this.mayReconnect) throw refusal(this.hint());
  }

  private askedNow(): SignInStatus {
    this.refuseUnlessAsked();
    return this.run.state.signIn.asked as SignInStatus;
  }

  private connectionKnown(): Resource {
    if (this.connection === undefined) throw refusal('There is no LinkedIn Ads connection yet.');
    return this.connection;
  }

  private timedOut(): StepFault {
    const { signIn } = this.run.settings;
    const days = signIn.timeoutMs / 86_400_000;
    const waited = days >= 1 ? `${Math.round(days * 10) / 10} days` : `${Math.round(signIn.timeoutMs / 1000)} s`;
    return new StepFault(
      'SignInTimedOut',
      `Waiting for the LinkedIn sign-in: nobody has signed in within ${waited}. Retry the step to ask again, with a fresh link.`,
      { fails: signIn.onTimeout === 'fail' },
    );
  }
}

/** What a payload of `oauthCompleted` says of a denial: a person's words, or what LinkedIn told a callback. */
function denialOf(payload: unknown): string | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { denied, error, error_description } = payload as Record<string, unknown>;
  const words = [error, error_description].filter((one) => typeof one === 'string' && one !== '');
  if (words.length === 0) return denied === true ? 'the sign-in was denied' : undefined;
  return shorten(`the sign-in was denied: ${words.join(', ')}`, 300);
}

function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
