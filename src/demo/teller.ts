/** Tells the demo's story: one line an event, with the time since its start. */
import type { Writable } from 'node:stream';
import type { ProvisioningReport } from '../client/report.ts';

/** Writes to one stream, in order. */
export class Teller {
  private readonly out: Writable;
  private readonly begin = Date.now();
  private readonly told = new Set<string>();

  constructor(out: Writable) {
    this.out = out;
  }

  /** An event. */
  tell(event: string): void {
    const seconds = ((Date.now() - this.begin) / 1000).toFixed(1).padStart(5);
    this.out.write(`${seconds} s  ${event}\n`);
  }

  /** Lines beside the story. */
  aside(...lines: string[]): void {
    for (const line of lines) this.out.write(line === '' ? '\n' : `         ${line}\n`);
  }

  /** The steps that are done since the last time. */
  tellSteps({ status }: ProvisioningReport): void {
    for (const step of status?.steps ?? []) {
      if (step.state !== 'done' || this.told.has(step.id)) continue;
      this.told.add(step.id);
      this.tell(`● ${step.id}${step.note === undefined ? '' : `: ${step.note}`}`);
    }
  }
}
