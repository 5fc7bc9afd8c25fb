/** One line that tells how a chaos run stands: rewritten in a terminal, a new one every ten seconds elsewhere. */
import { createLogUpdate } from 'log-update';

/** How often, in ms. */
const PACE = { terminal: 500, elsewhere: 10_000 };

/** What is told. */
export interface Standing {
  seconds: number;
  /** Runs, in count. */
  begun: number;
  completed: number;
  cancelled: number;
  failed: number;
  /** For a person. */
  waiting: number;
  blocked: number;
  /** All kills so far. */
  killed: number;
}

/** Tells it again and again, until the function that this gives is called. */
export function tellLive(standing: () => Standing, stream: NodeJS.WriteStream): () => void {
  const terminal = stream.isTTY === true;
  const update = terminal ? createLogUpdate(stream) : undefined;
  const tell = () => {
    const line = lineOf(standing());
    if (update === undefined) stream.write(`${line}\n`);
    else update(line);
  };
  const timer = setInterval(tell, terminal ? PACE.terminal : PACE.elsewhere);
  return () => {
    clearInterval(timer);
    update?.done();
  };
}

/** At most 80 characters, with up to 9999 runs. */
export function lineOf(standing: Standing): string {
  const { seconds, begun, completed, cancelled, failed, waiting, blocked, killed } = standing;
  const time = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  const ended = `${completed} done ${cancelled} cancelled ${failed} failed`;
  return `${time} ${begun} runs ${ended} ${waiting} wait ${blocked} blocked ${killed} kills`;
}
