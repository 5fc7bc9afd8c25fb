/** docker-compose.yml as Docker Compose reads it: variables filled in, and nothing in it that the specification does not know. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** The folder of docker-compose.yml. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const duration = z.string().regex(/^(\d+m)?(\d+s)?$/);

const service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), target: z.string() }).optional(),
  profiles: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  env_file: z.array(z.strictObject({ path: z.string(), required: z.boolean() })).optional(),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
  healthcheck: z
    .union([
      z.strictObject({ disable: z.literal(true) }),
      z.strictObject({ test: z.array(z.string()).min(2), interval: duration, timeout: duration, retries: z.int() }),
    ])
    .optional(),
  depends_on: z
    .record(
      z.string(),
      z.strictObject({
        condition: z.enum(['service_started', 'service_healthy', 'service_completed_successfully']),
        required: z.boolean().optional(),
      }),
    )
    .default({}),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
  stop_grace_period: duration.default('10s'),
  init: z.boolean().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  security_opt: z.array(z.string()).optional(),
  logging: z.strictObject({ driver: z.string() }),
});

const composeFile = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
  'x-log': z.unknown(),
});

/** A service of the file. */
export type Service = z.infer<typeof service>;

/** The file, with the variables of `env` where it refers to them. Throws for what Compose would refuse or warn about. */
export function composeOf(env: Record<string, string> = {}): z.infer<typeof composeFile> {
  const interpolate = (_key: unknown, value: unknown) => (typeof value === 'string' ? interpolated(value, env) : value);
  return composeFile.parse(parse(readFileSync(`${ROOT}docker-compose.yml`, 'utf8'), interpolate));
}

/** A service of the file by its name. */
export function serviceOf(name: string, env: Record<string, string> = {}): Service {
  const found = composeOf(env).services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

/** `1m30s` in ms. */
export function millisecondsOf(text: string): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:(\d+)s)?$/.exec(text) ?? [];
  return (Number(minutes) * 60 + Number(seconds)) * 1_000;
}

/** A variable without a default is refused: Compose warns of each that is not set. */
function interpolated(text: string, env: Record<string, string>): string {
  return text.replace(/\$\{([A-Z_]+)(:-([^}]*))?\}/g, (whole, name: string, hasDefault, byDefault) => {
    const value = env[name] || (hasDefault === undefined ? undefined : byDefault);
    if (value === undefined) throw new Error(`${whole} has no default`);
    return value;
  });
}
