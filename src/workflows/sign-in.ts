/** The LinkedIn sign-in: one person, a link, and a wait that may take a week. */
import { CancellationScope, isCancellation, setHandler } from '@temporalio/workflow';
import type { EnabledAccounts } from '../activities/ad-accounts.ts';
import type { ProvidedLinkedInConnection } from '../activities/linkedin-connection.ts';
import type { SignInCheck } from '../activities/sign-in.ts';
import { shorten } from '../request/schema.ts';
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
import { refusal } from './update-input.ts';

/** What ends a wait: a claim to check, what a poll saw, or a date. */
type Wake = 'claim' | 'polled' | 'reminder' | 'deadline';

/** What was found when somebody looked: Polytomic's word, or a denial, of which Polytomic knows nothing. */
type Look = SignInCheck | { state: 'denied'; reason: string };

type NotSignedIn = Exclude<Look, { state: 'signed_in' }>;

/** The run's part that asks for the sign-in, and hears of it. */
export class SignIn {
  private readonly run: Run;
  /** What the check that found the sign-in has enabled. For the next step alone: a run that lives long need not carry it. */
  private enabled: EnabledAccounts | undefined;
  /** How often a link was asked for. */
  private refreshes = 0;
  private refreshing: Promise<SignInLink> | undefined;
  private polling: CancellationScope | undefined;
  private polled: { look: SignInCheck } | { failure: unknown } | undefined;
  /** How often a link had been asked for when the poll began. */
  private polledAfter = 0;

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
    setHandler(refreshSignInLinkUpdate, () => this.linkForPerson(), {
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
   * it. Called again, it asks again. `authUrl` is the link that came with a new connection.
   */
  async wait(authUrl: string | undefined): Promise<string> {
    const { signIn } = this.run.state;
    if (signIn.asked === undefined) {
      const first = signIn.begun === undefined;
      signIn.begun = true;
      if (first && authUrl !== undefined) await this.ask(authUrl);
      else {
        const look = await this.check();
        if (look.state === 'signed_in') return first ? 'was signed in already' : 'signed in';
        if (signIn.timedOut === this.generation) throw this.timedOut();
        await this.ask(undefined, look);
      }
    }
    return this.untilSignedIn();
  }

  /** The ad accounts that were enabled together with the sign-in's check, once. */
  takeEnabled(): EnabledAccounts | undefined {
    const { enabled } = this;
    this.enabled = undefined;
    return enabled;
  }

  private async untilSignedIn(): Promise<string> {
    this.poll();
    try {
      for (;;) {
        const wake = await this.wake();
        // Before a reminder and at the end too: who has signed in may have forgotten to say so.
        const look = await (wake === 'polled' ? this.seen() : this.check());
        if (look.state === 'signed_in') return 'signed in';
        if (wake === 'reminder') {
          await this.remind(look);
          continue;
        }
        if (wake === 'deadline' && !this.hasClaim) {
          this.run.state.signIn.timedOut = this.generation;
          throw this.timedOut();
        }
        await this.told(look);
      }
    } finally {
      this.polling?.cancel();
    }
  }

  /** Begins to ask: by a link, or by a hint where the run has none to offer. `look` is what was found before. */
  private async ask(authUrl: string | undefined, look?: NotSignedIn): Promise<void> {
    const { timeoutMs, remindEveryMs } = this.run.settings.signIn;
    const url = authUrl ?? (this.mayReconnect ? (await this.freshLink()).url : undefined);
    const { signIn } = this.run.state;
    const now = Date.now();
    if (remindEveryMs !== undefined) signIn.nextReminderAt = rfc3339(now + remindEveryMs);
    // That nobody has signed in yet is no news to somebody who has not been asked.
    const news = look !== undefined && (look.state !== 'not_yet' || signIn.checked > 0);
    this.run.progress.askForSignIn({
      ...(url === undefined ? { hint: this.hint() } : { url, linkSince: rfc3339(now) }),
      since: rfc3339(now),
      until: rfc3339(now + timeoutMs),
      claims: signIn.checked,
      ...(news ? { lastCheck: lastCheckOf(look) } : {}),
    });
    this.notify('sign_in_needed', news ? look.reason : undefined);
  }

  private hint(): string {
    return `Sign in to LinkedIn on connection ${this.connection.name} in Polytomic; with reconnect: allowed there would be a link here.`;
  }

  private claim(payload: unknown): void {
    const { signIn } = this.run.state;
    signIn.claims += 1;
    const denial = denialOf(payload);
    if (denial === undefined) delete signIn.denial;
    else signIn.denial = denial;
  }

  private async wake(): Promise<Wake> {
    const { nextReminderAt } = this.run.state.signIn;
    const deadline = Date.parse(this.askedNow().until);
    const reminder = nextReminderAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(nextReminderAt);
    for (;;) {
      if (this.hasClaim) return 'claim';
      if (this.polled !== undefined) return 'polled';
      const now = Date.now();
      if (now >= deadline) return 'deadline';
      if (now >= reminder) return 'reminder';
      const woken = () => this.hasClaim || this.polled !== undefined;
      await this.run.untilPerson(woken, Math.min(deadline, reminder) - now);
    }
  }

  /** Asks Polytomic. What was said before is thereby checked; what is said meanwhile is kept for the next time. */
  private async check(): Promise<Look> {
    const { signIn } = this.run.state;
    const { denial } = signIn;
    delete signIn.denial;
    signIn.checked = signIn.claims;
    const { connection, refreshes } = this;
    // What people answer may be answered anew until the step asks for it.
    const { accounts: wanted } = this.run.request.linkedinAds;
    const alone = connection.made && !this.run.sharesLinkedIn && this.refreshing === undefined;
    const accounts = alone && wanted !== 'ask' ? wanted : undefined;
    const summary = `Ask Polytomic whether the sign-in is there${accounts === undefined ? '' : ', then enable the ad accounts'}`;
    const check = await this.run.call(() =>
      stepActivities.verifySignIn.executeWithOptions({ summary }, [
        { connection, ...(accounts === undefined ? {} : { accounts }) },
      ]),
    );
    if (check.state === 'signed_in') return this.unlessRefreshed(check, refreshes);
    return denial !== undefined && check.state === 'not_yet' ? { state: 'denied', reason: denial } : check;
  }

  /**
   * A link that is being fetched starts the sign-in anew and writes the whole connection, with the ad accounts that it read: so
   * where one was asked for since, the steps after the sign-in begin once that has ended, and if the sign-in is there still.
   * `refreshes`: how often one had been asked for when it was looked.
   */
  private async unlessRefreshed(check: SignInCheck & { state: 'signed_in' }, refreshes: number): Promise<Look> {
    if (this.refreshing === undefined && refreshes === this.refreshes) {
      this.enabled = check.enabled;
      return check;
    }
    await this.refreshing?.catch(() => undefined);
    return this.check();
  }

  /** Shows why it is not there yet. A link that was denied, or used by the wrong person, is used up: there is a new one. */
  private async told(look: NotSignedIn): Promise<void> {
    const usedUp = look.state !== 'not_yet' && this.mayReconnect;
    if (usedUp) await this.freshLink();
    this.change({ claims: this.run.state.signIn.checked, lastCheck: lastCheckOf(look) });
    if (usedUp) this.notify('sign_in_needed', look.reason);
    if (look.state === 'no_accounts') this.poll();
  }

  private async remind(look: NotSignedIn): Promise<void> {
    const { signIn } = this.run.state;
    const { remindEveryMs } = this.run.settings.signIn;
    if (remindEveryMs === undefined) delete signIn.nextReminderAt;
    else signIn.nextReminderAt = rfc3339(Date.now() + remindEveryMs);
    const news = look.state !== 'not_yet';
    // A reminder with a dead link would send a person to an error page.
    if ((news || this.isLinkOld()) && this.mayReconnect) await this.freshLink();
    if (news) this.change({ lastCheck: lastCheckOf(look) });
    this.notify('sign_in_reminder', news ? look.reason : undefined);
  }

  private notify(event: 'sign_in_needed' | 'sign_in_reminder', reason?: string): void {
    const { url, hint } = this.askedNow();
    const message = [reason, hint].filter((one) => one !== undefined).join('. ');
    this.run.notify({
      event,
      ...(url === undefined ? {} : { url }),
      ...(message === '' ? {} : { message }),
    });
  }

  /** Watches Polytomic, if the request says so, until the wait ends. What was seen before no longer counts. */
  private poll(): void {
    const { pollMs } = this.run.settings.signIn;
    if (pollMs === undefined) return;
    this.polling?.cancel();
    this.polled = undefined;
    this.polledAfter = this.refreshes;
    const scope = new CancellationScope();
    this.polling = scope;
    const watched = {
      connection: this.connection,
      pollMs,
      // Told once, it is not worth another word until somebody else has signed in.
      untilAccounts: this.askedNow().lastCheck?.outcome === 'no_accounts',
    };
    const watching = scope.run(() =>
      pollingActivities.awaitSignIn.executeWithOptions({ summary: 'Watch Polytomic for the sign-in' }, [watched]),
    );
    const ended = (outcome: { look: SignInCheck } | { failure: unknown }) => {
      if (this.polling === scope) this.polled = outcome;
    };
    void watching.then(
      (look) => ended({ look }),
      (failure: unknown) => {
        if (!isCancellation(failure)) ended({ failure });
      },
    );
  }

  /** What the poll saw, or failed with. */
  private async seen(): Promise<Look> {
    const { polled } = this;
    this.polled = undefined;
    if (polled === undefined) throw new TypeError('no poll has ended');
    if ('failure' in polled) throw polled.failure;
    const { look } = polled;
    return look.state === 'signed_in' ? this.unlessRefreshed(look, this.polledAfter) : look;
  }

  /** For `signInLink`: what there is, or a fresh one if it is too old. */
  private async currentLink(): Promise<SignInLink> {
    const { url, linkSince } = this.askedNow();
    if (this.mayReconnect && this.isLinkOld()) return this.linkForPerson();
    if (url === undefined || linkSince === undefined) throw refusal(this.hint());
    return { url, since: linkSince };
  }

  /** A fresh link for somebody who waits for it. Two who ask at once get the same one: a second would break the first. */
  private async linkForPerson(): Promise<SignInLink> {
    try {
      return await (this.refreshing ?? this.refresh(answeringActivities));
    } catch (error) {
      const failure = failureOf(STEP.signIn, error);
      throw failure === undefined ? error : refusal(failure.message, failure.type);
    }
  }

  /** A fresh link for the run itself, which is as patient as any step, even if whoever asks at the same time is not. */
  private async freshLink(): Promise<SignInLink> {
    if (this.refreshing === undefined) return this.refresh(stepActivities);
    return this.refreshing.catch(() => this.refresh(stepActivities));
  }

  private refresh(activities: typeof stepActivities): Promise<SignInLink> {
    const { connection } = this;
    this.refreshes += 1;
    this.refreshing = this.run
      .call(() => activities.startSignIn.executeWithOptions({ summary: 'Get a sign-in link' }, [{ connection }]))
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

  /** From the state, since a person may ask before a run that continues another has come to its wait. */
  private get connection(): Resource {
    const provided = this.run.state.results[STEP.linkedinConnection] as ProvidedLinkedInConnection | undefined;
    if (provided === undefined) throw refusal('There is no LinkedIn Ads connection yet.');
    return provided.resource;
  }

  private get mayReconnect(): boolean {
    return this.connection.made || this.run.request.linkedinAds.connection.reconnect === 'allowed';
  }

  private get generation(): number {
    return this.run.progress.of(STEP.signIn).generation;
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

function lastCheckOf({ state, reason }: NotSignedIn): NonNullable<SignInStatus['lastCheck']> {
  return { at: rfc3339(Date.now()), outcome: state, reason };
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
