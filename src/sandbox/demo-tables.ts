/**
 * The tables that model queries find: `users` and `companies`. Made from a fixed seed by arithmetic alone, so that every
 * sandbox has the same rows on every machine and counts can be asserted.
 */
import { type DuckDBConnection, DuckDBTimestampValue } from '@duckdb/node-api';

/** Rows of `users`. */
export const USER_COUNT = 4_000;

/** Rows of `companies`. */
export const COMPANY_COUNT = 250;

const FIRST_NAMES =
  'Ada Grace Alan Edsger Barbara Donald Margaret Dennis Frances Ken Radia Linus Hedy Tim Katherine John Annie Claude Mary Niklaus'.split(
    ' ',
  );
const LAST_NAMES =
  'Lindqvist Okafor Moreau Tanaka Fischer Novak Silva Haddad Kowalski Jensen Rossi Murphy Costa Becker Ivanova Larsen Mbeki Dubois Sato Nilsson Vargas Meyer O’Brien'.split(
    ' ',
  );
const JOB_TITLES = [
  'Data Engineer',
  'Marketing Manager',
  'Chief Executive Officer',
  'Account Executive',
  'Product Manager',
  'Software Engineer',
  'Head of Growth',
  'Analyst',
];
const COUNTRIES = ['US', 'DE', 'FR', 'GB', 'BR', 'JP', 'NG', 'SE', 'PL', 'IN'];
const COMPANY_WORDS = 'Blue North Bright Silver Green Swift Solid Urban Prime Clear'.split(' ');
const COMPANY_KINDS = 'Harbor Labs Foods Systems Motors Media Health Energy Logistics Capital'.split(' ');
const INDUSTRIES = ['Software', 'Retail', 'Manufacturing', 'Finance', 'Healthcare'];

/** Makes and fills the tables. */
export async function createDemoTables(connection: DuckDBConnection): Promise<void> {
  const random = seededRandom(20_240_208);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;

  const companies = Array.from({ length: COMPANY_COUNT }, (_, index) => {
    const word = COMPANY_WORDS[index % COMPANY_WORDS.length];
    const kind = COMPANY_KINDS[Math.floor(index / COMPANY_WORDS.length) % COMPANY_KINDS.length];
    const round = Math.floor(index / (COMPANY_WORDS.length * COMPANY_KINDS.length));
    const name = `${word} ${kind}${round === 0 ? '' : ` ${round + 1}`}`;
    return {
      company_id: index + 1,
      name,
      domain: `${name.toLowerCase().replaceAll(' ', '-')}.example`,
      industry: pick(INDUSTRIES),
      country: pick(COUNTRIES),
      employees: 5 + Math.floor(random() * 5_000),
    };
  });
  await connection.run(
    'CREATE TABLE companies (company_id INTEGER, name VARCHAR, domain VARCHAR, industry VARCHAR, country VARCHAR, employees INTEGER)',
  );
  const companyAppender = await connection.createAppender('companies');
  for (const company of companies) {
    companyAppender.appendInteger(company.company_id);
    companyAppender.appendVarchar(company.name);
    companyAppender.appendVarchar(company.domain);
    companyAppender.appendVarchar(company.industry);
    companyAppender.appendVarchar(company.country);
    companyAppender.appendInteger(company.employees);
    companyAppender.endRow();
  }
  companyAppender.closeSync();

  await connection.run(
    `CREATE TABLE users (user_id INTEGER, first_name VARCHAR, last_name VARCHAR, email VARCHAR, company_id INTEGER, company VARCHAR,
     job_title VARCHAR, country VARCHAR, active BOOLEAN, score DOUBLE, created_at TIMESTAMP)`,
  );
  const userAppender = await connection.createAppender('users');
  for (let id = 1; id <= USER_COUNT; id += 1) {
    const first = pick(FIRST_NAMES);
    const last = pick(LAST_NAMES);
    const company = pick(companies);
    userAppender.appendInteger(id);
    userAppender.appendVarchar(first);
    userAppender.appendVarchar(last);
    const email = `${first}.${last}.${id}@${company.domain}`.toLowerCase().replaceAll('’', '');
    // Real customer tables have holes; a sync counts such a row as an error when e-mail is its identity.
    if (id % 100 === 0) userAppender.appendNull();
    else userAppender.appendVarchar(email);
    userAppender.appendInteger(company.company_id);
    userAppender.appendVarchar(company.name);
    userAppender.appendVarchar(pick(JOB_TITLES));
    userAppender.appendVarchar(pick(COUNTRIES));
    userAppender.appendBoolean(random() < 0.8);
    userAppender.appendDouble(Math.round(random() * 1_000) / 10);
    userAppender.appendTimestamp(
      new DuckDBTimestampValue(CREATED_FROM + BigInt(Math.floor(random() * CREATED_DAYS * 86_400)) * 1_000_000n),
    );
    userAppender.endRow();
  }
  userAppender.closeSync();
}

/** 2022-01-01T00:00:00Z, in microseconds since the epoch; users were created within the days after it. */
const CREATED_FROM = 1_640_995_200_000_000n;
const CREATED_DAYS = 730;

/** Numbers in [0, 1) by the mulberry32 generator: small, well known, and the same everywhere, which `Math.random` is not. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
