/** Makes the script of each run from the seed. Pure. */
import type { ProvisioningRequest, SyncRequest } from '../src/request/schema.ts';
import { STEP } from '../src/workflows/progress.ts';
import { ACCOUNT, AUDIENCE, CONTOSO, NORTHWIND } from '../test/support/walkthrough.ts';
import { Draws } from './draws.ts';
import type { AnswerPlan, EndPlan, MendPlan, Plot, Script, SignInPlan, Wanted, WantedSync } from './script.ts';

/** How often each plot comes. */
export const PLOTS: Readonly<Record<Plot, number>> = {
  plain: 30,
  ask: 14,
  token: 8,
  shared: 8,
  'wrong query': 6,
  'wrong password': 5,
  'name taken': 4,
  'cancel and undo': 8,
  'cancel and keep': 5,
  'cancel, then undo': 4,
  'give up and undo': 5,
  'fail at once': 3,
};

/** How many runs in a row may share their connections. */
const NEIGHBOURS = 12;

/** Audiences that the sandbox has from the start, with the modes that they take. */
const THERE = [
  { id: AUDIENCE.id, name: AUDIENCE.name, account: ACCOUNT.value, modes: ['create'] },
  {
    id: `${NORTHWIND.value}~company_audience.29728401`,
    name: 'Company Audience: Key Accounts',
    account: NORTHWIND.value,
    modes: ['create'],
  },
  {
    id: `${NORTHWIND.value}~user_audience.29728402`,
    // Another account has one of the same name, so it goes by its id.
    name: undefined,
    account: NORTHWIND.value,
    modes: ['create', 'updateOrCreate'],
  },
] as const;

const SNOWFLAKE = { account: 'uc193736182', username: 'user', dbname: 'database' };

/** Names of the workers' variables that hold secrets. */
export const SECRET = {
  password: 'SNOWFLAKE_PASSWORD',
  wrongPassword: 'SNOWFLAKE_WRONG_PASSWORD',
  clientSecret: 'LINKEDIN_CLIENT_SECRET',
  refreshToken: 'LINKEDIN_REFRESH_TOKEN',
} as const;

/** Plots in which people choose when and whether the run ends. */
const ENDED: Partial<Record<Plot, Pick<EndPlan, 'how' | 'thenUndo'>>> = {
  'cancel and undo': { how: 'cancel', thenUndo: false },
  'cancel and keep': { how: 'cancel', thenUndo: false },
  'cancel, then undo': { how: 'cancel', thenUndo: true },
  'give up and undo': { how: 'give up', thenUndo: false },
};

/** The script of run `number`, from 1. */
export function scriptOf(seed: string, number: number, plots: Readonly<Record<Plot, number>> = PLOTS): Script {
  const draws = new Draws(seed, 'run', number);
  const name = `run-${String(number).padStart(4, '0')}`;
  const plot = draws.weighted(plots, 'plot');
  const shared = plot === 'shared' ? ` shared-${Math.floor(number / NEIGHBOURS)}` : undefined;
  const accounts = accountsOf(draws, plot, shared !== undefined);
  const models = modelsOf(draws, name);
  const syncs = Array.from({ length: draws.between(1, 3, 'syncs') }, (_, index) =>
    syncOf(new Draws(seed, 'run', number, 'sync', index), {
      index,
      name,
      asks: plot === 'ask',
      accounts: accounts.values,
      models: Object.keys(models),
      firstRun: draws.chance(0.4, 'first run'),
    }),
  );
  const wanted: Wanted = {
    snowflake: { name: `Snowflake${shared ?? ` ${name}`}`, configuration: SNOWFLAKE },
    linkedin: { name: `LinkedIn${shared ?? ` ${name}`}` },
    accounts: accounts.values,
    models,
    syncs: syncs.map((sync) => sync.wanted),
  };
  const right = requestOf(draws, name, plot, wanted, accounts.asked, syncs);
  const { request, mends, stuckAt, strangers } = complicated(draws, plot, right, wanted);
  const ended = ENDED[plot];
  return {
    number,
    name,
    plot,
    startDelayMs: draws.between(0, 1_500, 'start delay'),
    request,
    startedTwice: draws.chance(0.1, 'started twice'),
    signIn: signInOf(draws, request),
    answers: [...accounts.answers, ...syncs.flatMap(({ answer }) => answer ?? [])],
    uncalledFor: accounts.answers.length === 0 && draws.chance(0.1, 'uncalled for'),
    mends,
    ...(stuckAt === undefined ? {} : { stuckAt }),
    strangers,
    ...(ended === undefined ? {} : { ending: { ...ended, ...whenOf(draws, ended.how, plot) } }),
    ends: endsOf(plot),
    wanted,
  };
}

function endsOf(plot: Plot): Script['ends'] {
  switch (plot) {
    case 'cancel and undo':
    case 'cancel and keep':
    case 'cancel, then undo':
      // Whoever cancels may come too late.
      return ['cancelled', 'completed'];
    case 'give up and undo':
    case 'fail at once':
      return ['failed'];
    case 'name taken':
      return ['blocked'];
    default:
      return ['completed'];
  }
}

/** Ad accounts: what the request says, what is enabled in the end, and how people answer. */
function accountsOf(draws: Draws, plot: Plot, shared: boolean) {
  const choice = draws.weighted({ one: 5, two: 3, all: 2 }, 'accounts');
  const values = {
    one: [ACCOUNT.value],
    two: [ACCOUNT.value, NORTHWIND.value],
    all: [ACCOUNT.value, NORTHWIND.value, CONTOSO.value],
  };
  const said = { one: [ACCOUNT.label], two: [ACCOUNT.label, NORTHWIND.value], all: 'all' as const };
  // There is no way to write one's own accounts beside somebody else's without a moment in which one may be lost.
  if (shared) return { values: values.all, asked: 'all' as const, answers: [] };
  if (plot !== 'ask' || draws.chance(0.4, 'accounts are said')) {
    return { values: values[choice], asked: said[choice], answers: [] };
  }
  const answer: AnswerPlan = {
    step: STEP.adAccounts,
    delayMs: draws.between(0, 6_000, 'accounts answered'),
    answer: { accounts: said[choice] },
    early: draws.chance(0.25, 'accounts early'),
    twice: draws.chance(0.25, 'accounts twice'),
    ...(draws.chance(0.4, 'accounts wrong') ? { wrong: { accounts: ['Nobody Inc. (1)'] } } : {}),
  };
  return { values: values[choice], asked: 'ask' as const, answers: [answer] };
}

function modelsOf(draws: Draws, name: string): Wanted['models'] {
  const keys = draws.chance(0.35, 'two models') ? ['users', 'others'] : ['users'];
  return Object.fromEntries(
    keys.map((key) => [
      key,
      {
        name: `Model ${key} of ${name}`,
        query: `SELECT first_name, last_name, email FROM users WHERE user_id <= ${draws.between(5, 40, 'rows', key)}`,
      },
    ]),
  );
}

interface PlannedSync {
  request: SyncRequest;
  wanted: WantedSync;
  answer?: AnswerPlan;
}

function syncOf(
  draws: Draws,
  {
    index,
    name,
    asks,
    accounts,
    models,
    firstRun,
  }: { index: number; name: string; asks: boolean; accounts: string[]; models: string[]; firstRun: boolean },
): PlannedSync {
  const syncName = `Sync ${index + 1} of ${name}`;
  const model = draws.pick(models, 'model');
  const there = draws.chance(0.4, 'existing')
    ? draws.pick(
        THERE.filter(({ account }) => accounts.includes(account)),
        'which',
      )
    : undefined;
  const account = draws.pick(accounts, 'account');
  const type = draws.chance(0.7, 'type') ? 'user_audience' : 'company_audience';
  const modes =
    there === undefined ? (type === 'user_audience' ? ['create', 'updateOrCreate'] : ['create']) : there.modes;
  const mode = draws.pick(modes, 'mode') as SyncRequest['mode'];
  const audience =
    there === undefined
      ? { create: { name: `Audience ${index + 1} of ${name}`, type, account } }
      : { existing: there.name !== undefined && draws.chance(0.5, 'by name') ? there.name : there.id };
  const asked = asks && draws.chance(0.6, 'asked');
  const frequency = firstRun || draws.chance(0.5, 'manual') ? 'manual' : 'continuous';
  const request: SyncRequest = {
    name: syncName,
    model,
    audience: asked ? 'ask' : audience,
    mode,
    identity: { from: 'email', to: 'Email', function: 'Equality' },
    fields: draws.chance(0.5, 'last name')
      ? { first_name: 'FirstName', last_name: 'LastName' }
      : { first_name: 'FirstName' },
    schedule: { frequency },
  };
  const wanted: WantedSync = {
    name: syncName,
    model,
    mode,
    identity: { target: 'Email', column: 'email', function: 'Equality' },
    fields: Object.fromEntries(Object.entries(request.fields).map(([column, field]) => [String(field), column])),
    continuous: frequency === 'continuous',
    audience: there === undefined ? { name: `Audience ${index + 1} of ${name}`, type, account } : { id: there.id },
  };
  if (!asked) return { request, wanted };
  const nowhere = { existing: 'Audience of nobody' };
  const answer: AnswerPlan = {
    step: STEP.sync(syncName),
    delayMs: draws.between(0, 6_000, 'answered'),
    answer: { sync: syncName, audience },
    early: draws.chance(0.25, 'early'),
    twice: draws.chance(0.25, 'twice'),
    ...(draws.chance(0.4, 'wrong') ? { wrong: { sync: syncName, audience: nowhere } } : {}),
  };
  return { request, wanted, answer };
}

/** The request as it is right. */
function requestOf(
  draws: Draws,
  name: string,
  plot: Plot,
  wanted: Wanted,
  accounts: 'ask' | 'all' | string[],
  syncs: PlannedSync[],
): ProvisioningRequest {
  const shares = plot === 'shared' ? { orUse: true } : {};
  const firstRun = draws.chance(0.4, 'first run') ? draws.pick(['start', 'await'] as const, 'how far') : 'none';
  const undoes = plot === 'cancel and undo' || plot === 'give up and undo';
  return {
    name,
    requester: 'chaos',
    snowflake: {
      connection: { name: wanted.snowflake.name, ...SNOWFLAKE, password: { env: SECRET.password }, ...shares },
    },
    linkedinAds: {
      connection: {
        name: wanted.linkedin.name,
        ...shares,
        ...(plot === 'shared' ? { reconnect: 'allowed' as const } : {}),
        ...(plot === 'token'
          ? {
              clientId: 'client-of-the-chaos',
              clientSecret: { env: SECRET.clientSecret },
              oauthRefreshToken: { env: SECRET.refreshToken },
            }
          : {}),
      },
      accounts,
    },
    models: { ...wanted.models },
    syncs: syncs.map(({ request }) => request),
    options: {
      firstRun,
      onFailure: undoes ? 'undo' : 'keep',
      onBlocked: plot === 'fail at once' ? 'fail' : 'wait',
      ...(plot === 'shared' || draws.chance(0.2, 'polls') ? { signIn: { poll: '2s' } } : {}),
    },
  };
}

/** What the plot does to the request, and how it is mended. */
function complicated(draws: Draws, plot: Plot, right: ProvisioningRequest, wanted: Wanted) {
  const delayMs = draws.between(500, 8_000, 'mended');
  const nothing = { request: right, mends: [] as MendPlan[], stuckAt: undefined, strangers: [] as Script['strangers'] };
  const [key = 'users'] = Object.keys(right.models);
  const model = wanted.models[key];
  const wrongQuery = {
    ...right,
    models: { ...right.models, [key]: { name: model?.name ?? '', query: 'SELECT nothing FROM nowhere' } },
  };
  switch (plot) {
    case 'wrong query':
      return {
        ...nothing,
        request: wrongQuery,
        mends: [{ step: STEP.model(key), delayMs, change: right.models[key] }],
      };
    case 'fail at once':
      return { ...nothing, request: wrongQuery, stuckAt: STEP.model(key) };
    case 'wrong password': {
      const connection = { ...right.snowflake.connection, password: { env: SECRET.wrongPassword } };
      return {
        ...nothing,
        request: { ...right, snowflake: { connection } } as ProvisioningRequest,
        mends: [{ step: STEP.snowflakeConnection, delayMs, change: right.snowflake.connection }],
      };
    }
    case 'name taken':
      return { ...nothing, ...taken(draws, wanted) };
    case 'give up and undo':
      return draws.chance(0.5, 'by a stranger')
        ? { ...nothing, ...taken(draws, wanted) }
        : { ...nothing, request: wrongQuery, stuckAt: STEP.model(key) };
    default:
      return nothing;
  }
}

/** A stranger has a connection of the name of one of ours. */
function taken(draws: Draws, wanted: Wanted): Pick<Script, 'strangers'> & { stuckAt: string } {
  return draws.chance(0.5, 'which is taken')
    ? { strangers: [{ name: wanted.snowflake.name, type: 'snowflake' }], stuckAt: STEP.snowflakeConnection }
    : { strangers: [{ name: wanted.linkedin.name, type: 'linkedinads' }], stuckAt: STEP.linkedinConnection };
}

function whenOf(draws: Draws, how: EndPlan['how'], plot: Plot): Pick<EndPlan, 'at' | 'delayMs'> {
  const delayMs = draws.between(0, 4_000, 'ended');
  if (how === 'give up') return { at: 'blocked', delayMs };
  const at = draws.pick(['start', 'sign-in', 'preparing', 'syncing'] as const, 'ended at', plot);
  return { at, delayMs: at === 'syncing' ? Math.floor(delayMs / 8) : delayMs };
}

function signInOf(draws: Draws, { options }: ProvisioningRequest): SignInPlan {
  const polls = options?.signIn?.poll !== undefined;
  return {
    delayMs: draws.between(0, 20_000, 'sign-in'),
    falseClaim: draws.weighted({ none: 7, untrue: 2, garbage: 1 }, 'false claim'),
    denies: draws.chance(0.15, 'denies'),
    claims: polls && draws.chance(0.5, 'says nothing') ? 0 : draws.chance(0.2, 'says it twice') ? 2 : 1,
  };
}
