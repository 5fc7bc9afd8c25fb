import { describe, expect, it } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { Board } from '../../chaos/board.ts';

describe('the board of a chaos run', () => {
  it('lets all go who wait for news when the chaos run is interrupted, and those who come later', async () => {
    const interruption = new AbortController();
    const board = new Board({} as Client, interruption.signal);
    const waiting = ['run-0001', 'run-0002'].map((name) => board.next(name, undefined));
    interruption.abort();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(await board.next('run-0003', undefined)).toBeUndefined();
  });
});
