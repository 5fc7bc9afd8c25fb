/** The Dockerfile as instructions, and what .dockerignore lets into it. */
import { readFileSync } from 'node:fs';
import { ROOT } from './compose-file.ts';

/** One instruction, on one line, with the stage it belongs to. */
export interface Instruction {
  stage: string;
  name: string;
  rest: string;
}

/** All instructions in order. Those before the first stage have none. */
export function instructionsOf(): Instruction[] {
  const lines = readFileSync(`${ROOT}Dockerfile`, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  let stage = '';
  return lines.map((line) => {
    const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') stage = / AS (\S+)$/.exec(rest)?.[1] ?? '';
    return { stage, name, rest: rest.replace(/\s+/g, ' ') };
  });
}

/** The paths that the build may copy. */
export function contextPaths(): string[] {
  const [all, ...rest] = readFileSync(`${ROOT}.dockerignore`, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (all !== '*') throw new Error('.dockerignore does not begin by leaving everything out');
  return rest.map((line) => line.replace(/^!/, ''));
}

/** What a stage is built on, itself first. */
export function lineage(stage: string, instructions = instructionsOf()): string[] {
  const base = instructions.find(({ name, stage: of }) => name === 'FROM' && of === stage)?.rest.split(' ')[0];
  return base === undefined ? [] : [stage, ...lineage(base, instructions)];
}
