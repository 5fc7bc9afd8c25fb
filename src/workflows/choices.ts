/** What people choose: the ad accounts, and the audience of each sync, where the request leaves them open. */
import { setHandler } from '@temporalio/workflow';
import type { EnabledAccounts, WantedAccounts } from '../activities/ad-accounts.ts';
import type { AudienceInspection, InspectedAudience } from '../activities/audiences.ts';
import {
  chooseAll,
  chosenBy,
  type Fault,
  parseChange,
  pathText,
  type SyncRequest,
  supporting,
} from '../request/schema.ts';
import { answeringActivities, stepActivities } from './activity-proxies.ts';
import {
  type AdAccount,
  type ChooseAudience,
  chooseAudienceUpdate,
  type FindChoices,
  findChoicesUpdate,
  type Choices as Listed,
  type Question,
  type Resource,
  type SelectAccounts,
  selectAccountsUpdate,
} from './messages.ts';
import { STEP } from './progress.ts';
import { failureOf, type Run, StepFault } from './run.ts';
import { firstOf, named, refusal, refuseOtherKeys } from './update-input.ts';

/** What an early answer is told. */
const KEPT = 'kept until it is asked';

/** What the slower of two answers is told. */
const ANSWERED = 'Somebody else has answered already.';

/** How long the words of a search may be, in characters. */
const MAX_SEARCH = 200;

/** The run's part that asks people to choose, and hears their answers. */
export class Choices {
  private readonly run: Run;
  /** Answers are taken one after the other: each may need a look at Polytomic before it is right. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(run: Run) {
    this.run = run;
    setHandler(selectAccountsUpdate, (answer) => this.inTurn(() => this.selectAccounts(answer)), {
      validator: (answer) => this.checkAccounts(answer),
      description: 'Choose the ad accounts, by label or value: {"accounts": ["…"]}, or {"accounts": "all"}',
    });
    setHandler(chooseAudienceUpdate, (answer) => this.inTurn(() => this.chooseAudience(answer)), {
      validator: (answer) => this.checkAudience(answer),
      description: 'Choose a sync\'s audience: {"sync": "…", "audience": {"existing": "name or id"}}',
    });
    setHandler(findChoicesUpdate, (wanted) => this.find(wanted), {
      validator: (wanted) => this.checkFind(wanted),
      description: 'Search what there is to choose from: {"step": "ad accounts", "search": "…"}',
    });
  }

  /** Enables the ad accounts: those of the request, or those that a person chooses. Calls `enabling` before it does. */
  async accounts(connection: Resource, enabling: () => () => void): Promise<EnabledAccounts> {
    for (;;) {
      if (this.questionOf(STEP.adAccounts) === undefined) {
        const { accounts: answer } = this.run.state.answers;
        const wanted = answer ?? this.run.request.linkedinAds.accounts;
        const nothingEnabled = wanted === 'ask' ? () => undefined : enabling();
        const result = await this.enable(connection, wanted).catch(async (error: unknown) => {
          const failure = failureOf(STEP.adAccounts, error);
          // A person's answer that does not fit is asked again; what the request says blocks the step.
          if (answer === undefined || failure?.type !== 'NotAllowed') throw error;
          const asked = await this.enable(connection, 'ask');
          return 'ask' in asked ? { ask: { ...asked.ask, why: failure.message } } : asked;
        });
        if (!('ask' in result)) return result;
        nothingEnabled();
        // Somebody answered while Polytomic was asked what there is.
        if (answer === undefined && this.run.state.answers.accounts !== undefined) continue;
        delete this.run.state.answers.accounts;
        this.ask({ step: STEP.adAccounts, answer: 'selectAccounts', ...result.ask });
      }
      await this.run.untilPerson(() => this.questionOf(STEP.adAccounts) === undefined);
    }
  }

  /** The audience that a sync writes to, once it is sure: as `inspected` says, or as a person chooses or mends it. */
  async audience(
    step: string,
    sync: SyncRequest,
    connection: Resource,
    inspected: AudienceInspection | undefined,
  ): Promise<InspectedAudience> {
    for (let first = inspected; ; first = undefined) {
      const chosen = this.run.state.chosen[step];
      if (chosen !== undefined) return chosen;
      if (this.questionOf(step) === undefined) {
        const early = this.run.state.answers.audiences[step];
        const spec = early === undefined ? sync : { ...sync, audience: early };
        const finding =
          early === undefined && first !== undefined
            ? first
            : (await this.inspect(connection, [spec], stepActivities))[0];
        if (finding === undefined) throw new TypeError(`${step} was not inspected`);
        if ('audience' in finding) return finding.audience;
        // Somebody answered while Polytomic was asked what there is.
        if (early === undefined && this.run.state.answers.audiences[step] !== undefined) continue;
        if (early === undefined && 'problem' in finding) {
          throw new StepFault(finding.problem.code, finding.problem.message);
        }
        const question =
          'ask' in finding ? finding.ask : await this.askAgain(connection, sync, finding.problem.message);
        delete this.run.state.answers.audiences[step];
        this.ask({ step, answer: 'chooseAudience', ...question });
      }
      await this.run.untilPerson(() => this.questionOf(step) === undefined);
    }
  }

  /** The question that an early answer becomes which does not fit. */
  private async askAgain(connection: Resource, { mode }: SyncRequest, why: string): Promise<Listed & { why: string }> {
    const there = await this.run.call(() =>
      stepActivities.findAudiences.executeWithOptions({ summary: 'List the audiences' }, [{ connection, mode }]),
    );
    return { ...there, why };
  }

  /** A look at the audiences for what these syncs ask of them. */
  inspect(
    connection: Resource,
    syncs: SyncRequest[],
    activities: typeof stepActivities,
  ): Promise<AudienceInspection[]> {
    const summary = 'Look at the audiences there are';
    const { originalRunId } = this.run.identity;
    return this.run.call(() =>
      activities.inspectAudiences.executeWithOptions({ summary }, [{ connection, syncs, originalRunId }]),
    );
  }

  /** What people answered to a step is forgotten: the request says something else now. */
  forget(step: string): void {
    if (step === STEP.adAccounts) delete this.run.state.answers.accounts;
    delete this.run.state.answers.audiences[step];
    delete this.run.state.chosen[step];
  }

  private enable(connection: Resource, wanted: 'ask' | WantedAccounts) {
    return this.run.call(() =>
      stepActivities.enableAdAccounts.executeWithOptions({ summary: 'Enable the ad accounts' }, [
        { connection, wanted, ...(this.run.sharesLinkedIn ? { shared: true } : {}) },
      ]),
    );
  }

  private ask(question: Question): void {
    const kept = this.run.progress.ask(question);
    this.run.notify({ event: 'choice_needed', step: kept.step, question: kept });
  }

  private checkAccounts(answer: SelectAccounts): void {
    refuseOtherKeys(answer, ['accounts']);
    const wanted = answer.accounts;
    this.refuseFaults(['linkedinAds', 'accounts'], wanted);
    this.refuseUnlessOpen(STEP.adAccounts);
    const question = this.questionOf(STEP.adAccounts);
    if (question === undefined && this.run.request.linkedinAds.accounts !== 'ask') {
      throw refusal('Nobody asks for ad accounts: the request says which.');
    }
    if (question !== undefined && isWhole(question) && wanted !== 'all') accountsFrom(question, wanted);
  }

  private async selectAccounts({ accounts: wanted }: SelectAccounts): Promise<AdAccount[] | typeof KEPT> {
    const { answers } = this.run.state;
    const question = this.questionOf(STEP.adAccounts);
    if (question === undefined) {
      const { state } = this.run.progress.of(STEP.adAccounts);
      if (state !== 'pending' && answers.accounts !== undefined) throw refusal(ANSWERED);
      answers.accounts = wanted;
      return KEPT;
    }
    const connection = this.connection();
    const accounts = isWhole(question)
      ? wanted === 'all'
        ? question.choices
        : accountsFrom(question, wanted)
      : await this.asUpdate(() => answeringActivities.checkAdAccounts({ connection, wanted }));
    if (this.questionOf(STEP.adAccounts) === undefined) throw refusal(ANSWERED);
    answers.accounts = wanted === 'all' ? 'all' : accounts.map(({ value }) => value);
    this.run.progress.answered(STEP.adAccounts);
    return accounts;
  }

  private checkAudience(answer: ChooseAudience): void {
    refuseOtherKeys(answer, ['sync', 'audience']);
    const { step, index } = this.syncOf(answer.sync);
    this.refuseFaults(['syncs', index, 'audience'], answer.audience);
    this.refuseUnlessOpen(step);
    const question = this.questionOf(step);
    if (question === undefined && this.run.request.syncs[index]?.audience !== 'ask') {
      throw refusal(`Nobody asks for the audience of ${step}: the request says which.`);
    }
    const sync = this.run.request.syncs[index];
    if (question !== undefined && sync !== undefined) audienceFrom(question, sync, answer.audience);
  }

  private async chooseAudience({ sync: name, audience }: ChooseAudience): Promise<string> {
    const { step, index } = this.syncOf(name);
    const sync = this.run.request.syncs[index];
    const question = this.questionOf(step);
    if (question === undefined) {
      const { answers, chosen } = this.run.state;
      const answered = chosen[step] !== undefined || answers.audiences[step] !== undefined;
      if (this.run.progress.of(step).state !== 'pending' && answered) throw refusal(ANSWERED);
      answers.audiences[step] = audience;
      return KEPT;
    }
    if (sync === undefined) throw refusal(`There is no ${step}.`);
    const connection = this.connection();
    const wanted = { ...sync, audience: audienceFrom(question, sync, audience) };
    const [finding] = await this.asUpdate(() => this.inspect(connection, [wanted], answeringActivities));
    if (this.questionOf(step) === undefined) throw refusal(ANSWERED);
    if (finding === undefined || 'problem' in finding)
      throw refusal(finding?.problem.message ?? '', finding?.problem.code);
    if ('ask' in finding) throw refusal(finding.ask.why ?? 'It fits several; give the id.', 'Ambiguous');
    this.run.state.chosen[step] = finding.audience;
    this.run.progress.answered(step);
    return 'existing' in finding.audience
      ? finding.audience.existing.id
      : `to be made: ${finding.audience.create.name}`;
  }

  private checkFind(wanted: FindChoices): void {
    refuseOtherKeys(wanted, ['step', 'search']);
    const { step, search } = wanted;
    if (step !== STEP.adAccounts) this.syncOf(syncNameIn(step));
    if (search !== undefined && (typeof search !== 'string' || search.length > MAX_SEARCH)) {
      throw refusal(`\`search\` must be a text of at most ${MAX_SEARCH} characters.`, 'InvalidInput');
    }
    if (this.run.progress.of(STEP.signIn).state !== 'done') {
      throw refusal('There is nothing to choose from yet: the LinkedIn sign-in is not done.');
    }
  }

  private find({ step, search }: FindChoices): Promise<Listed> {
    const connection = this.connection();
    const searched = search === undefined ? {} : { search };
    return this.asUpdate(() => {
      if (step === STEP.adAccounts) return answeringActivities.findAdAccounts({ connection, ...searched });
      const { index } = this.syncOf(syncNameIn(step));
      const mode = this.run.request.syncs[index]?.mode ?? 'create';
      return answeringActivities.findAudiences({ connection, mode, ...searched });
    });
  }

  private questionOf(step: string): Question | undefined {
    return this.run.state.questions.find((question) => question.step === step);
  }

  private syncOf(name: unknown): { step: string; index: number } {
    const steps = this.run.progress.syncSteps;
    const step = STEP.sync(named(name));
    const index = steps.indexOf(step);
    if (index < 0) throw refusal(`There is no ${step}; there are ${firstOf(steps)}.`);
    return { step, index };
  }

  /** Refuses an answer that nothing would come of. */
  private refuseUnlessOpen(step: string): void {
    const { state } = this.run.progress.of(step);
    if (this.run.ending) throw refusal('The run is ending already.');
    if (state === 'done') throw refusal(`Step ${step} is done already.`);
    if (state === 'blocked') throw refusal(`Step ${step} is blocked: update \`retryStep\` lets it ask again.`);
  }

  private connection(): Resource {
    const provided = this.run.state.results[STEP.linkedinConnection] as { resource: Resource } | undefined;
    if (provided === undefined) throw refusal('There is no LinkedIn Ads connection yet.');
    return provided.resource;
  }

  /** Refuses an answer that a request could not say either. */
  private refuseFaults(path: Array<string | number>, answer: unknown): void {
    if (answer === 'ask') throw refusal('That is the question, not an answer.');
    const parsed = parseChange(this.run.request, path, answer === undefined ? null : answer);
    if (!parsed.ok) throw refusal(faultsText(parsed.faults), 'InvalidAnswer');
  }

  /** Runs an activity for an update: its failure is the update's, in the same words. */
  private async asUpdate<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.run.call(work);
    } catch (error) {
      const failure = failureOf('update', error);
      throw failure === undefined ? error : refusal(failure.message, failure.type);
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work, work);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}

/** Whether the question lists all that there is. */
function isWhole({ choices, total }: Question): boolean {
  return choices.length >= total;
}

/** The ad accounts that an answer means, where the question lists all; refused in the words of the activity that else checks. */
function accountsFrom({ choices }: Question, wanted: readonly string[]): AdAccount[] {
  const chosen = chooseAll(wanted, choices, 'ad account');
  if ('message' in chosen) throw refusal(`${chosen.message}.`, 'NotAllowed');
  return chosen.choices;
}

/** The audience that an answer means, by its id where the question lists all; refused in the words of the activity. */
function audienceFrom<A extends ChooseAudience['audience']>(
  question: Question,
  sync: SyncRequest,
  audience: A,
): A | { existing: string } {
  if (!isWhole(question) || !('existing' in audience)) return audience;
  const chosen = chosenBy(audience.existing, question.choices, 'audience', supporting(sync));
  if ('choice' in chosen) return { existing: chosen.choice.value };
  throw refusal(`Sync “${sync.name}”: ${chosen.message}.`, chosen.fitting.length > 0 ? 'Ambiguous' : 'NotFound');
}

/** The name of the sync in the id of its step. */
function syncNameIn(step: unknown): string {
  return String(step).replace(/^sync /, '');
}

/** Faults as lines of text. */
export function faultsText(faults: readonly Fault[]): string {
  return faults.map(({ path, message }) => `${pathText(path) || '(request)'}: ${message}`).join('\n');
}
