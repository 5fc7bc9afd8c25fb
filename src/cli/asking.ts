/** What a run asks of people, asked in the terminal of whoever watches it: one thing at a time, answered by a line. */
import type { Readable } from 'node:stream';
import type { AudienceClient, Choice, Choices, ProvisioningReport, Question, StepStatus } from '../client.ts';
import { formatFault, loadValue, readValue } from '../request/load.ts';
import { retryWithChange } from './change.ts';
import { describedIn, MAX_LISTED, wrapped } from './report-text.ts';
import { plain } from './terminal.ts';
import { TypedLine } from './typed-line.ts';

/** Something that is asked. `key` tells one asking from another. */
type Ask = { key: string; step: string } & (
  | { kind: 'sign-in'; hasLink: boolean }
  | { kind: 'choice'; question: Question }
  | { kind: 'blocked'; blocked: StepStatus }
);

/** Where questions are asked, and who hears the answers. */
export interface AskingOptions {
  client: AudienceClient;
  /** Of the provisioning. */
  name: string;
  input: Readable;
  /** What is to be drawn has changed. */
  changed: () => void;
  /** The person has seen enough. */
  enough: () => void;
}

/** What is typed to leave a question to others. */
const LEAVE = 'l';

/** What is typed to end the run: more than a key, since there is no way back. */
const GIVE_UP = 'give up';

/** Asks as long as something is asked. Somebody else may answer meanwhile: then the question goes away. */
export class Asking {
  private readonly options: AskingOptions;
  private asks: Ask[] = [];
  /** Keys of what is answered, or left to others. */
  private readonly settled = new Set<string>();
  private line: TypedLine | undefined;
  /** What a search found, and for which question. */
  private found: (Choices & { key: string }) | undefined;
  /** What came of the last answer. */
  private note: string[] = [];
  private busy = false;
  private over = false;

  constructor(options: AskingOptions) {
    this.options = options;
  }

  /** The steps that are asked about here. */
  get steps(): ReadonlySet<string> {
    return new Set(this.asks.map(({ step }) => step));
  }

  /** Takes over what the run asks now. */
  hear(report: ProvisioningReport): void {
    const before = this.asks[0]?.key;
    this.asks = this.over ? [] : asksOf(report).filter(({ key }) => !this.settled.has(key));
    if (before !== undefined && before !== this.asks[0]?.key && !this.busy) this.note = [];
    if (this.asks.length > 0) this.open();
    else this.shut();
  }

  /** The question, and the line that is typed. */
  lines(columns: number): string[] {
    const [ask, ...others] = this.asks;
    const note = this.note.flatMap((text) => wrapped(plain(text), columns));
    if (ask === undefined || this.line === undefined) return note.length === 0 ? [] : ['', ...note];
    const more = others.length === 0 ? '' : ` (${others.length} more to come)`;
    return [
      '',
      ...this.questionLines(ask, columns),
      ...wrapped(plain([...howTo(ask), `${LEAVE}: leave it to others`].join(' · ') + more), columns),
      ...note,
      `> ${this.line.shown}`,
    ];
  }

  /** Asks no more. */
  close(): void {
    this.over = true;
    this.asks = [];
    this.note = [];
    this.shut();
  }

  private open(): void {
    const { input, changed, enough } = this.options;
    this.line ??= new TypedLine(input, {
      changed,
      entered: (text) => void this.entered(text.trim()),
      interrupted: enough,
      ended: () => {
        this.close();
        changed();
      },
    });
  }

  private shut(): void {
    this.line?.close();
    this.line = undefined;
  }

  private questionLines(ask: Ask, columns: number): string[] {
    if (ask.kind === 'sign-in') return [];
    // Why is told above.
    if (ask.kind === 'blocked') return wrapped(plain(`Mend ${ask.step}, which is blocked.`), columns);
    const { why } = ask.question;
    const { choices, total } = this.choicesOf(ask.key, ask.question);
    const shown = choices.slice(0, MAX_LISTED);
    return [
      ...wrapped(plain(`Choose for ${ask.step}${why === undefined ? '' : `: ${why}`}`), columns),
      ...shown.flatMap((choice, i) =>
        wrapped(`${String(i + 1).padStart(3)}  ${plain(describedIn(choices, choice))}`, columns, '     '),
      ),
      ...(total > shown.length ? [`     and ${total - shown.length} more`] : []),
    ];
  }

  /** What the numbers stand for: what a search found, or else what the question lists. */
  private choicesOf(key: string, question: Choices): Choices {
    return this.found?.key === key ? this.found : question;
  }

  private async entered(text: string): Promise<void> {
    const [ask] = this.asks;
    if (ask === undefined || this.busy) return;
    this.busy = true;
    this.note = ['…'];
    this.options.changed();
    try {
      this.note = text === LEAVE ? this.settle(ask, []) : await this.answer(ask, text);
    } catch (error) {
      this.note = [`! ${error instanceof Error ? error.message : String(error)}`];
    }
    this.busy = false;
    if (this.over) return;
    if (this.asks.length === 0) this.shut();
    this.options.changed();
  }

  /** The question is answered: the run may take a moment to say so itself. */
  private settle(ask: Ask, note: string[]): string[] {
    this.settled.add(ask.key);
    this.asks = this.asks.filter(({ key }) => key !== ask.key);
    return note;
  }

  private answer(ask: Ask, text: string): Promise<string[]> {
    switch (ask.kind) {
      case 'sign-in':
        return this.signIn(text);
      case 'choice':
        return this.choose(ask, ask.question, text);
      case 'blocked':
        return this.mend(ask, ask.blocked, text);
    }
  }

  private async signIn(text: string): Promise<string[]> {
    const { client, name } = this.options;
    if (text === 'r') {
      await client.signInLink(name, { fresh: true });
      return ['There is a fresh link; older ones stop working.'];
    }
    if (text !== '') return ['! Enter, or r.'];
    await client.completeSignIn(name);
    return ['Polytomic is asked whether the sign-in is there.'];
  }

  private async choose(ask: Ask, question: Question, text: string): Promise<string[]> {
    const { client, name } = this.options;
    const isAccounts = question.answer === 'selectAccounts';
    if (isAccounts && text === 'all') {
      await client.selectAccounts(name, 'all');
      return this.settle(ask, ['Chosen: all']);
    }
    const { choices } = this.choicesOf(ask.key, question);
    const chosen = chosenFrom(choices, text);
    if (chosen === undefined) {
      const found = await client.findChoices(name, { step: question.step, search: text });
      if (found.total === 0) return [`! Nothing has the words “${text}”.`];
      this.found = { ...found, key: ask.key };
      return [];
    }
    const [first, ...others] = chosen;
    if (first === undefined) return ['! There is no such number.'];
    if (isAccounts) {
      await client.selectAccounts(
        name,
        chosen.map(({ value }) => value),
      );
    } else {
      if (others.length > 0) return ['! A sync writes to one audience.'];
      const sync = question.step.replace(/^sync /, '');
      await client.chooseAudience(name, { sync, audience: { existing: first.value } });
    }
    return this.settle(ask, [`Chosen: ${chosen.map(({ label }) => label).join(', ')}`]);
  }

  private async mend(ask: Ask, { id: step, piece }: StepStatus, text: string): Promise<string[]> {
    const { client, name } = this.options;
    const again = `${step} is tried again.`;
    if (text === GIVE_UP) {
      await client.giveUp(name);
      return this.settle(ask, ['The run is given up, and ends.']);
    }
    if (text === '') {
      await client.retryStep(name, { step });
      return this.settle(ask, [again]);
    }
    if (piece === undefined) return [`! Enter, or ${GIVE_UP}.`];
    const change = /\.(ya?ml|json)$/i.test(text) ? await loadValue(text) : readValue(text, '(typed)');
    const outcome = change.ok ? await retryWithChange(client, name, step, change) : change;
    if ('faults' in outcome) return outcome.faults.map((fault) => `! ${formatFault(fault)}`);
    return this.settle(ask, [again]);
  }
}

/** What the report says that people are asked, in the order in which it is asked here. */
function asksOf({ state, status }: ProvisioningReport): Ask[] {
  if (state !== 'running' || status === undefined) return [];
  const { signIn, questions, steps } = status;
  return [
    ...(signIn === undefined
      ? []
      : [
          {
            kind: 'sign-in' as const,
            step: 'sign-in',
            hasLink: signIn.url !== undefined,
            key: `sign-in ${signIn.since}`,
          },
        ]),
    ...questions.map((question) => ({
      kind: 'choice' as const,
      step: question.step,
      question,
      key: JSON.stringify(question),
    })),
    ...steps
      .filter((step) => step.state === 'blocked')
      .map((blocked) => ({
        kind: 'blocked' as const,
        step: blocked.id,
        blocked,
        key: JSON.stringify([blocked.id, blocked.generation, blocked.failure]),
      })),
  ];
}

/** What may be typed, and what comes of it. */
function howTo(ask: Ask): string[] {
  switch (ask.kind) {
    case 'sign-in':
      return ['Enter: I have signed in', ...(ask.hasLink ? ['r: a fresh link'] : [])];
    case 'choice':
      return ask.question.answer === 'selectAccounts'
        ? ['1, 2: by number', 'all', 'words: search']
        : ['1: by number', 'words: search'];
    case 'blocked': {
      const { piece } = ask.blocked;
      return [
        'Enter: try again',
        ...(piece === undefined ? [] : [`file.yaml, or YAML in a line: another ${piece}`]),
        `${GIVE_UP}: end the run`,
      ];
    }
  }
}

/** What the numbers or the name stand for; `undefined` where the text is none of it, and so is searched for. */
function chosenFrom(choices: readonly Choice[], text: string): Choice[] | undefined {
  const named = choices.filter(({ label, value }) => text === label || text === value);
  if (named.length === 1) return named;
  if (!/^\d{1,3}(?:[\s,]+\d{1,3})*$/.test(text)) return undefined;
  const numbers = [...new Set(text.split(/[\s,]+/).map(Number))];
  const chosen = numbers.map((number) => choices.slice(0, MAX_LISTED)[number - 1]);
  return chosen.every((one) => one !== undefined) ? chosen : [];
}
