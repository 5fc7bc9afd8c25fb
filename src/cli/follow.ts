/** Shows a provisioning until it ends, and asks in place what it asks of people, where that is possible. */
import { createLogUpdate } from 'log-update';
import type { ProvisioningReport } from '../client/report.ts';
import type { AudienceClient } from '../client.ts';
import { Asking } from './asking.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Exit } from './program.ts';
import { changeLines, reportLines, resultLines } from './report-text.ts';
import { advise, columnsOf, print, printJson, type Terminal } from './terminal.ts';
import type { JsonOption } from './with-client.ts';

/** How a run that is over ends the command that followed it. */
const EXIT_OF_STATE: Record<ProvisioningReport['state'], ExitCode> = {
  running: EXIT.notYet,
  completed: EXIT.ok,
  failed: EXIT.failed,
  cancelled: EXIT.failed,
  terminated: EXIT.failed,
  timed_out: EXIT.failed,
};

/** Shows a run until it ends or the person has seen enough. */
export async function follow(
  client: AudienceClient,
  name: string,
  { json }: JsonOption,
  terminal: Terminal,
  exit: Exit,
): Promise<void> {
  const enough = new AbortController();
  const signal = AbortSignal.any([terminal.interrupted, enough.signal]);
  const screen = terminal.out.isTTY && !json ? new Screen(client, name, terminal, () => enough.abort()) : undefined;
  let last: ProvisioningReport | undefined;
  try {
    for await (const report of client.watch(name, { signal })) {
      if (json) printJson(terminal, report);
      else if (screen) screen.show(report);
      else for (const line of changeLines(last, report)) print(terminal, line);
      last = report;
    }
  } finally {
    screen?.leave();
  }
  if (signal.aborted) {
    advise(terminal, `Stopped watching; ${name} goes on. See:  audience status ${name}`);
    return exit(EXIT.interrupted);
  }
  if (last !== undefined) exit(EXIT_OF_STATE[last.state]);
  if (last?.state === 'completed' && !json)
    print(terminal, '', ...resultLines(await client.result(name), columnsOf(terminal.out)));
  else if (last !== undefined && last.state !== 'completed') await client.result(name);
}

/** The report, drawn anew whenever something changes, and below it what is asked in place. */
class Screen {
  private readonly terminal: Terminal;
  private readonly redraw: ReturnType<typeof createLogUpdate>;
  /** Absent where nobody can type. */
  private readonly asking: Asking | undefined;
  private report: ProvisioningReport | undefined;
  private longLink: string | undefined;
  private drawn: string | undefined;

  constructor(client: AudienceClient, name: string, terminal: Terminal, enough: () => void) {
    this.terminal = terminal;
    this.redraw = createLogUpdate(terminal.out);
    const { in: input } = terminal;
    if (input.isTTY && input.readable) {
      this.asking = new Asking({ client, name, input, changed: () => this.draw(), enough });
    }
  }

  show(report: ProvisioningReport): void {
    this.report = report;
    this.asking?.hear(report);
    this.draw();
  }

  /** Leaves the last report, without what was asked. */
  leave(): void {
    this.asking?.close();
    this.draw();
    this.redraw.done();
  }

  private draw(): void {
    const { report, terminal } = this;
    if (report === undefined) return;
    const columns = columnsOf(terminal.out);
    const url = report.status?.signIn?.url;
    // What is redrawn is broken at the terminal's edge, and half a link cannot be clicked: a long one goes above it, once.
    if (url !== undefined && url !== this.longLink && url.length + 2 > columns) {
      this.longLink = url;
      this.redraw.clear();
      this.drawn = undefined;
      print(terminal, 'Sign in to LinkedIn here:', url, '');
    }
    const lines = reportLines(report, columns, {
      linkShown: url !== undefined && url === this.longLink,
      ...(this.asking === undefined ? {} : { here: this.asking.steps }),
    });
    const text = [...lines, ...(this.asking?.lines(columns) ?? [])].join('\n');
    if (text === this.drawn) return;
    // Of two frames with an equal end it would write only the rest of the second, over that end if it is longer.
    this.redraw.clear();
    this.redraw(text);
    this.drawn = text;
  }
}
