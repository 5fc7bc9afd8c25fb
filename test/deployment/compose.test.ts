/** docker-compose.yml against the program and the repository. What it starts is started in running-parts.test.ts. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { run } from '../../src/cli/program.ts';
import { temporalSettings } from '../../src/temporal/connection.ts';
import { workerSettings } from '../../src/worker-settings.ts';
import { composeOf, millisecondsOf, ROOT, type Service, serviceOf } from './compose-file.ts';

const { services, volumes } = composeOf();
const each = Object.entries(services);
const ours = each.filter(([, { build }]) => build !== undefined);
const binds = each.flatMap(([name, service]) =>
  service.volumes.flatMap((volume) => {
    const [source = '', target = '', mode] = volume.split(':');
    return source.startsWith('.') ? [{ name, source, target, mode }] : [];
  }),
);

describe('docker-compose.yml', () => {
  it('needs no variable to be set', () => {
    expect(Object.keys(composeOf({}).services)).toContain('worker');
  });

  it('names only volumes that it has', () => {
    const named = each.flatMap(([, { volumes: used }]) => used.filter((volume) => !volume.startsWith('.')));
    expect(named.map((volume) => volume.split(':')[0]).toSorted()).toEqual(Object.keys(volumes).toSorted());
  });

  it('lets services wait only for services that are there, and not for each other', () => {
    const started = new Set<string>();
    const startable = () =>
      each.filter(([, { depends_on }]) => Object.keys(depends_on).every((name) => started.has(name)));
    for (const _round of each) for (const [name] of startable()) started.add(name);
    expect([...started].toSorted()).toEqual(Object.keys(services).toSorted());
  });

  it('waits for the health of those that have a check, and for the end of those that end', () => {
    for (const [, { depends_on }] of each) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const { healthcheck, restart } = serviceOf(name);
        if (condition === 'service_healthy') expect({ name, healthcheck }).toHaveProperty('healthcheck.test');
        expect({ name, ends: restart === 'no' }).toEqual({
          name,
          ends: condition === 'service_completed_successfully',
        });
      }
    }
  });

  it('starts whatever does not end again, after a crash and after a restart of the machine', () => {
    const once = each.filter(([, { restart }]) => restart === 'no').map(([name]) => name);
    expect(once.toSorted()).toEqual(['setup', 'temporal-namespace', 'temporal-schema']);
    for (const [name, { restart }] of each) if (!once.includes(name)) expect(restart).toBe('unless-stopped');
  });

  it('publishes ports on this machine only, and none of the database', () => {
    for (const [, { ports }] of each) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(services['postgresql']?.ports).toEqual([]);
  });

  it('says of each image that it does not build which version it is', () => {
    for (const [, { image, build }] of each) if (build === undefined) expect(image).toMatch(/^[\w/-]+:\d+\.\d+/);
  });

  it('makes the schema with the tools of the very version that runs on it', () => {
    const version = (name: string) => serviceOf(name).image.split(':')[1];
    expect(version('temporal-schema')).toBe(version('temporal'));
    expect(version('temporal-namespace')).toBe(version('temporal'));
  });

  it.each(binds)('gives $name $source, which is in the repository, to read only', ({ source, mode }) => {
    expect(statSync(`${ROOT}${source}`).size).toBeGreaterThan(0);
    expect(mode).toBe('ro');
  });

  it.each(binds)('tells $name where $source is', ({ name, target }) => {
    const { entrypoint = [], environment } = serviceOf(name);
    expect([...entrypoint, ...Object.values(environment)]).toContain(target);
  });

  it('hands the worker whatever else is in .env, where there is one', () => {
    expect(serviceOf('worker').env_file).toEqual([{ path: '.env', required: false }]);
  });

  it('reads exactly the variables that its page lists, with the defaults that it names', () => {
    const text = readFileSync(`${ROOT}docker-compose.yml`, 'utf8');
    const read = new Map(
      [...text.matchAll(/\$\{(\w+):-([^}]*)\}/g)].map(([, name = '', byDefault]) => [name, byDefault]),
    );
    const rows = [...readFileSync(`${ROOT}docs/deployment.md`, 'utf8').matchAll(/^\| `(\w+)` \|.*\| (.*) \|$/gm)];
    const listed = new Map(rows.map(([, name = '', byDefault = '']) => [name, byDefault.replaceAll('`', '')]));
    expect([...listed.keys()].toSorted()).toEqual([...read.keys()].toSorted());
    for (const [name, byDefault] of read)
      if (byDefault !== '') expect({ name, byDefault }).toEqual({ name, byDefault: listed.get(name) });
  });

  it('gives one password to all that speak with the database', () => {
    const env = { POSTGRES_PASSWORD: 'another' };
    const given = [
      serviceOf('postgresql', env).environment['POSTGRES_PASSWORD'],
      serviceOf('temporal-schema', env).environment['SQL_PASSWORD'],
      serviceOf('temporal', env).environment['POSTGRES_PWD'],
    ];
    expect(given).toEqual(['another', 'another', 'another']);
  });
});

describe('what it makes of this project', () => {
  it.each(ours)('%s runs a command that the program has, with options that the command has', async (_, service) => {
    const [program, command = '', ...options] = service.command ?? [];
    expect(program).toBe('audience');
    const help = await helpOf(command);
    expect(help).toContain(`Usage: audience ${command}`);
    for (const option of options) expect(help).toContain(`${option.split('=')[0]} <`);
  });

  it.each(ours)('%s is given only variables that the program or its script reads', (_, { environment, entrypoint }) => {
    const script = entrypoint?.find((word) => word.endsWith('.sh'));
    const read = `${sourceText()}${script === undefined ? '' : readFileSync(`${ROOT}${script}`, 'utf8')}`;
    for (const name of Object.keys(environment)) expect(read).toMatch(new RegExp(`['"$ {]${name}\\b`));
  });

  it.each(['setup', 'worker', 'temporal-namespace', 'temporal-ui'])('%s finds the Temporal server', (name) => {
    const { address } = temporalSettings(serviceOf(name).environment);
    const [host = '', port] = address.split(':');
    const server = serviceOf(host);
    expect(server.image).toMatch(/^temporalio\/server:/);
    expect(server.environment['FRONTEND_GRPC_PORT'] ?? '7233').toBe(port);
    expect(checkOf(server)).toContain(port);
    expect(server.ports).toEqual([`127.0.0.1:7233:${port}`]);
  });

  it('prepares the namespace that the worker works in', () => {
    const names = ['setup', 'worker', 'temporal-namespace'].map((name) => serviceOf(name).environment);
    expect(new Set(names.map((environment) => temporalSettings(environment).namespace)).size).toBe(1);
  });

  it('gives a worker that is told to stop more time than it takes', () => {
    const { environment, stop_grace_period } = serviceOf('worker', { POLYTOMIC_API_KEY: 'key' });
    const { shutdownGraceMs } = workerSettings(environment, '0');
    expect(millisecondsOf(stop_grace_period)).toBeGreaterThan(shutdownGraceMs + 10_000);
  });

  it('lets a worker look for secret files where they are mounted', () => {
    const { environment } = serviceOf('worker', { POLYTOMIC_API_KEY: 'key' });
    expect(workerSettings(environment, '0').secrets.directory).toBe('/secrets');
    expect(serviceOf('worker').volumes).toContain('./deployment/secrets:/secrets:ro');
  });

  it('hands on the key and the address of Polytomic', () => {
    const { environment } = serviceOf('worker', {
      POLYTOMIC_API_KEY: 'key',
      POLYTOMIC_BASE_URL: 'https://eu.example.com',
    });
    expect(environment).toMatchObject({ POLYTOMIC_API_KEY: 'key', POLYTOMIC_BASE_URL: 'https://eu.example.com' });
  });
});

describe('the sandbox', () => {
  const options = (env?: Record<string, string>) => serviceOf('sandbox', env).command ?? [];

  it('is there only when its profile is asked for, and the worker does without', () => {
    expect(each.filter(([, { profiles }]) => profiles !== undefined).map(([name]) => name)).toEqual(['sandbox']);
    expect(services['sandbox']?.profiles).toEqual(['sandbox']);
    expect(services['worker']?.depends_on['sandbox']).toEqual({ condition: 'service_healthy', required: false });
  });

  it('is found by the worker under its name and port, with its key', () => {
    const { environment } = serviceOf('worker');
    expect(environment['SANDBOX_URL']).toBe('http://sandbox:4000');
    expect(options()).toEqual(expect.arrayContaining(['--host=0.0.0.0', '--port=4000']));
    for (const name of ['SANDBOX_API_KEY', 'SANDBOX_SNOWFLAKE_PASSWORD']) {
      expect(environment[name]).toBe(serviceOf('sandbox').environment[name]);
    }
    expect(checkOf(serviceOf('sandbox')).join(' ')).toContain('http://127.0.0.1:4000/');
  });

  it('keeps its state in a volume', () => {
    expect(serviceOf('sandbox').volumes).toEqual(['sandbox:/var/lib/audience-sandbox']);
    expect(options()).toContain('--state=/var/lib/audience-sandbox');
  });

  it.each([
    { port: '4000', env: {} },
    { port: '4100', env: { SANDBOX_PORT: '4100' } },
  ])('sends people to port $port, where it is published', ({ port, env }) => {
    expect(options(env)).toContain(`--public-url=http://localhost:${port}`);
    expect(serviceOf('sandbox', env).ports).toEqual([`127.0.0.1:${port}:4000`]);
  });
});

async function helpOf(command: string): Promise<string> {
  let text = '';
  const out = new Writable({
    write: (chunk, _encoding, done) => {
      text += chunk;
      done();
    },
  });
  const surroundings = { in: Readable.from([]), out, err: out, env: {}, interrupted: new AbortController().signal };
  await run([command, '--help'], surroundings);
  return text;
}

function sourceText(): string {
  return readdirSync(`${ROOT}src`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(`${ROOT}src/${file}`, 'utf8'))
    .join('\n');
}

function checkOf({ healthcheck }: Service): string[] {
  return healthcheck !== undefined && 'test' in healthcheck ? healthcheck.test : [];
}
