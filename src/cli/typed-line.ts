/** A line that a person types while the terminal is drawn anew: it reads keys, and leaves the drawing to others. */
import { createInterface, type Interface } from 'node:readline';
import { type Readable, Writable } from 'node:stream';
import { plain } from './terminal.ts';

/** What comes of typing. */
export interface Typing {
  /** What is typed so far, or the place of the cursor, has changed. */
  changed(): void;
  /** Enter. */
  entered(text: string): void;
  /** Ctrl-C. The terminal tells it as a key, and not as a signal, while a line is typed. */
  interrupted(): void;
  /** Ctrl-D: nothing more will come. */
  ended(): void;
}

/** Where the next character goes. */
const CURSOR = '▏';

/** Reads keys from its making until {@link close}. */
export class TypedLine {
  private readonly input: Readable;
  private readonly typing: Typing;
  private readonly reader: Interface;
  private open = true;

  constructor(input: Readable, typing: Typing) {
    this.input = input;
    this.typing = typing;
    const nowhere = new Writable({ write: (_, __, done) => done() });
    this.reader = createInterface({ input, output: nowhere, terminal: true, historySize: 0 })
      .on('line', (text) => typing.entered(text))
      .on('SIGINT', () => typing.interrupted())
      .on('close', () => {
        if (this.open) typing.ended();
      });
    input.on('keypress', typing.changed);
  }

  /** What is typed so far, with a cursor in it. */
  get shown(): string {
    const { line, cursor } = this.reader;
    return plain(line.slice(0, cursor)) + CURSOR + plain(line.slice(cursor));
  }

  /** Gives the keys back to the terminal. */
  close(): void {
    this.open = false;
    this.input.off('keypress', this.typing.changed);
    this.reader.close();
  }
}
