/** What happens between the start of the demo's provisioning and its end. */
import fetch from 'node-fetch';
import type { ProvisioningReport } from '../client/report.ts';
import type { AudienceClient } from '../client.ts';
import type { OwnedProcess } from '../processes/owned-process.ts';
import type { Stack } from '../stack/stack.ts';
import type { ProvisioningResult } from '../workflows/messages.ts';
import type { Teller } from './teller.ts';

/** Who and what is on the stage. */
export interface Scene {
  stack: Stack;
  client: AudienceClient;
  /** Of the provisioning. */
  name: string;
  teller: Teller;
  interrupted: AbortSignal;
}

/** The worker dies while the sign-in is pending, a person signs in meanwhile, and another worker goes on. */
export async function signInWithoutWorker(scene: Scene, worker: OwnedProcess): Promise<ProvisioningResult | undefined> {
  const { stack, client, name, teller, interrupted } = scene;
  const waiting = await untilAsked(scene);
  if (waiting === undefined) return undefined;
  const url = waiting.status?.signIn?.url;
  if (url === undefined) throw new Error('the run offers no sign-in link');
  teller.tell('the run waits for a person to sign in to LinkedIn');

  worker.kill('SIGKILL');
  await worker.exited;
  teller.tell(`worker killed (SIGKILL to process ${worker.pid}): nobody works now, the run is kept by Temporal`);

  await allow(url);
  teller.tell('a person opened the sign-in link and clicked Allow');
  await client.completeSignIn(name);
  teller.tell('signal oauthCompleted sent, kept until a worker is there');

  const another = await stack.startWorker();
  teller.tell(`another worker started (process ${another.pid}) and goes on where the first one stopped`);
  await follow(scene, waiting);
  return interrupted.aborted ? undefined : client.result(name);
}

/** Shows a real person where to sign in, and waits for as long as it takes. */
export async function signInByHand(scene: Scene): Promise<ProvisioningResult | undefined> {
  const { stack, client, name, teller, interrupted } = scene;
  const waiting = await untilAsked(scene);
  if (waiting === undefined) return undefined;
  teller.aside(
    '',
    `1. Sign in here:           ${waiting.status?.signIn?.url}`,
    `2. Say that it is done:    ${stack.temporal?.uiUrl}/namespaces/${stack.temporal?.namespace}/workflows/${encodeURIComponent(waiting.workflowId)}/${waiting.runId}/user-metadata`,
    '                           More Actions → Send a Signal → oauthCompleted, no input needed',
    `   or in another terminal: TEMPORAL_ADDRESS=${stack.temporal?.address} npx audience signed-in ${name}`,
    '',
    'Waiting for you. Ctrl-C ends the demo.',
  );
  await follow(scene, waiting);
  return interrupted.aborted ? undefined : client.result(name);
}

/** Tells of each step until the run asks for the sign-in and the other branch is through. */
async function untilAsked({ client, name, teller, interrupted }: Scene): Promise<ProvisioningReport | undefined> {
  for await (const report of client.watch(name, { intervalMs: 100, signal: interrupted })) {
    teller.tellSteps(report);
    const open = report.status?.steps.some(({ id, state }) => id.startsWith('model ') && state !== 'done');
    if (report.status?.signIn !== undefined && open === false) return report;
    if (report.state !== 'running') await client.result(name);
  }
  return undefined;
}

async function follow({ client, name, teller, interrupted }: Scene, from: ProvisioningReport): Promise<void> {
  teller.tellSteps(from);
  for await (const report of client.watch(name, { intervalMs: 100, signal: interrupted })) teller.tellSteps(report);
}

/** What a person does in a browser: opens the page, and sends its form. */
async function allow(url: string): Promise<void> {
  const page = await fetch(url);
  if (!page.ok || !(await page.text()).includes('<form'))
    throw new Error(`the consent page at ${url} answered ${page.status}`);
  const answer = await fetch(url, { method: 'POST', body: new URLSearchParams({ decision: 'allow' }) });
  if (!answer.ok) throw new Error(`the consent form at ${url} answered ${answer.status}`);
}
