import { condition, defineQuery, defineSignal, proxyActivities, setHandler, sleep } from '@temporalio/workflow';

const once = { maximumAttempts: 1 };
const { echo, bytes, fails } = proxyActivities({ startToCloseTimeout: '10s', retry: once, summary: 'word-in-summary' });
const { hangs } = proxyActivities({ startToCloseTimeout: '1s', heartbeatTimeout: '500ms', retry: once });

/** Puts a word into every place of a history that holds payloads. */
export async function Recorded(): Promise<string> {
  let said: string | undefined;
  setHandler(defineQuery('waits'), () => waits);
  setHandler(defineSignal<[string]>('goOn'), (word) => {
    said = word;
  });
  let waits = false;
  await Promise.all([echo?.('word-in-activity-input'), bytes?.()]);
  await Promise.allSettled([fails?.(), hangs?.()]);
  waits = true;
  await condition(() => said !== undefined);
  await sleep(1);
  await last();
  return 'word-in-result';
}

async function last(): Promise<void> {
  await echo?.(undefined);
}
