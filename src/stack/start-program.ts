/** Starts a program of ours that serves a port, as a process of its own. */
import { join } from 'node:path';
import { freePorts } from '../processes/free-ports.ts';
import { type OwnedProcess, startOwnedProcess } from '../processes/owned-process.ts';
import { untilAnswers } from './until-answers.ts';

/** What to start. */
export interface Program {
  /** Its log is `<name>.log` in `directory`. */
  name: string;
  directory: string;
  /** Path of its JavaScript. */
  script: string;
  env: NodeJS.ProcessEnv;
  /** Port on 127.0.0.1. Default: a free one. */
  port?: number | undefined;
  /** How it is told the port that it is to serve. */
  serving: (port: number) => { args?: string[]; env?: Record<string, string> };
  /** A path where a GET is answered with success once it is ready. */
  ready: string;
}

/** How often a start is tried again whose port was taken by somebody else in the meantime. */
const PORT_TRIES = 4;

/** Resolves once it is ready, with the port that it serves. */
export async function startProgram(program: Program): Promise<{ process: OwnedProcess; port: number }> {
  const { name, directory, script, env, serving, ready } = program;
  const logFile = join(directory, `${name}.log`);
  for (let left = PORT_TRIES; ; left -= 1) {
    const port = program.port ?? (await freePort());
    const told = serving(port);
    const started = await startOwnedProcess({
      program: process.execPath,
      args: [script, ...(told.args ?? [])],
      env: { ...env, ...told.env },
      logFile,
    });
    try {
      await untilAnswers(`http://127.0.0.1:${port}${ready}`, started.exited);
      return { process: started, port };
    } catch (error) {
      started.kill('SIGKILL');
      await started.exited;
      if (program.port === undefined && left > 1 && /EADDRINUSE/.test(await started.lastWords())) continue;
      throw new Error(
        `Starting the ${name}: ${error instanceof Error ? error.message : String(error)}. Its log: ${logFile}`,
        { cause: error },
      );
    }
  }
}

async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('One port was asked for');
  return port;
}
