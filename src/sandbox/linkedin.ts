/** The LinkedIn side of the sandbox: ad accounts, the audiences in them, and what an audience accepts. */
import type { AudienceDocument, AudienceType, IdentityMapping, SyncMode } from './documents.ts';
import type { Transaction } from './store.ts';

/** Who can sign in: the one that the consent page speaks of, one who has no ad account, and one of an agency. */
export type LinkedInUser = 'usual' | 'no-accounts' | 'many-accounts';

/** Their names. */
export const USER_NAMES: Record<LinkedInUser, string> = {
  usual: 'Casey Sandbox',
  'no-accounts': 'Robin Sandbox',
  'many-accounts': 'Alex Sandbox',
};

/** The only refresh token that signs a connection in without a person. */
export const REFRESH_TOKEN = 'sandbox-refresh-token';

/** An ad account, as `parameter_values` shows it. */
export interface AdAccount {
  value: string;
  label: string;
}

/** What the usual user has access to. The first one is the walkthrough's. */
export const AD_ACCOUNTS: readonly AdAccount[] = [
  { value: '512630692::urn:li:organization:28818517', label: 'Polytomic Inc. (512630692)' },
  { value: '508274113::urn:li:organization:18457201', label: 'Northwind Traders (508274113)' },
  { value: '519903347::urn:li:organization:30551846', label: 'Contoso Labs (519903347)' },
];

/** What the one of an agency has access to: the same and a hundred more, of which the last two have the same label. */
const MANY_AD_ACCOUNTS: readonly AdAccount[] = [
  ...AD_ACCOUNTS,
  ...Array.from({ length: 100 }, (_, i) => ({
    value: `${530_000_000 + i}::urn:li:organization:${40_000_000 + i}`,
    label: `Agency client ${Math.min(i + 1, 99)}`,
  })),
];

const ACCOUNTS_OF: Record<LinkedInUser, readonly AdAccount[]> = {
  usual: AD_ACCOUNTS,
  'no-accounts': [],
  'many-accounts': MANY_AD_ACCOUNTS,
};

/** What a user has access to. */
export function adAccountsOf(user: LinkedInUser): readonly AdAccount[] {
  return ACCOUNTS_OF[user];
}

/** Whether this is one of those who can sign in. */
export function isLinkedInUser(user: unknown): user is LinkedInUser {
  return typeof user === 'string' && Object.hasOwn(ACCOUNTS_OF, user);
}

/** The types of audience, as the property values endpoint shows them. */
export const AUDIENCE_TYPES: ReadonlyArray<{ value: AudienceType; label: string }> = [
  { value: 'company_audience', label: 'Company Audience' },
  { value: 'user_audience', label: 'User Audience' },
];

/** What is asked for to create an audience; titles and order are the walkthrough's. */
export const CREATION_PROPERTIES = [
  { id: 'account', title: 'LinkedIn Ads account ID', enum: true },
  { id: 'type', title: 'Audience type', enum: true },
  { id: 'name', title: 'Audience name', enum: false },
] as const;

/** A field of an audience, as `target/fields` shows it. */
export interface AudienceField {
  id: string;
  name: string;
  type: 'string';
  required: boolean;
  createable: boolean;
  updateable: boolean;
  supports_identity: boolean;
  identity_functions: Array<{ id: IdentityFunctionId; label: string }>;
}

/** The functions of the API that some audience field supports. All of them compare a key that one value alone gives. */
type IdentityFunctionId = IdentityMapping['function'];

const FUNCTION_LABELS: Record<IdentityFunctionId, string> = {
  Equality: 'Equals',
  DomainMatch: 'Has the same domain',
  HostnameMatch: 'Has the same hostname',
};

function field(
  id: string,
  name: string,
  options: { required?: boolean; identity?: IdentityFunctionId[] } = {},
): AudienceField {
  const { required = false, identity = [] } = options;
  return {
    id,
    name,
    type: 'string',
    required,
    createable: true,
    updateable: true,
    supports_identity: identity.length > 0,
    identity_functions: identity.map((functionId) => ({ id: functionId, label: FUNCTION_LABELS[functionId] })),
  };
}

/** The walkthrough maps e-mail and names to a company audience too, so those are fields of both types. */
const FIELDS: Record<AudienceType, AudienceField[]> = {
  user_audience: [
    field('Email', 'Email', { required: true, identity: ['Equality'] }),
    field('FirstName', 'First name'),
    field('LastName', 'Last name'),
    field('Company', 'Company'),
    field('JobTitle', 'Job title'),
    field('Country', 'Country'),
  ],
  company_audience: [
    field('Company', 'Company', { identity: ['Equality'] }),
    field('CompanyWebsite', 'Company website', { identity: ['Equality', 'HostnameMatch'] }),
    field('EmailDomain', 'Email domain', { identity: ['Equality', 'DomainMatch'] }),
    field('Email', 'Email', { identity: ['Equality'] }),
    field('FirstName', 'First name'),
    field('LastName', 'Last name'),
    field('JobTitle', 'Job title'),
    field('Country', 'Country'),
  ],
};

/** The fields of an audience of this type. */
export function fieldsOf(type: AudienceType): AudienceField[] {
  return FIELDS[type];
}

/** A mode of an audience, as the list of target objects shows it. */
export interface AudienceMode {
  id: SyncMode;
  requires_identity: boolean;
  supports_target_filters: boolean;
  supports_per_field_mode: boolean;
}

function mode(id: SyncMode, requires_identity: boolean): AudienceMode {
  return { id, requires_identity, supports_target_filters: false, supports_per_field_mode: false };
}

/** A company audience has the walkthrough's two; a user audience has all, so that each can be tried. */
const MODES: Record<AudienceType, AudienceMode[]> = {
  company_audience: [mode('create', false), mode('remove', false)],
  user_audience: [
    mode('create', false),
    mode('update', true),
    mode('updateOrCreate', true),
    mode('replace', false),
    mode('append', false),
    mode('remove', true),
    mode('snapshot', false),
  ],
};

/** The modes in which an audience of this type can be synced to. */
export function modesOf(type: AudienceType): AudienceMode[] {
  return MODES[type];
}

/** The audiences that are there before anybody made one. The first one is the walkthrough's. */
const SEEDED: ReadonlyArray<{ account: number; type: AudienceType; number: number; name: string }> = [
  {
    account: 0,
    type: 'company_audience',
    number: 29_728_356,
    name: 'Company Audience: Polytomic-Created Company List',
  },
  { account: 1, type: 'company_audience', number: 29_728_401, name: 'Company Audience: Key Accounts' },
  { account: 1, type: 'user_audience', number: 29_728_402, name: 'User Audience: Trial Users' },
  // The same name in another account: looking an audience up by name alone is ambiguous.
  { account: 2, type: 'user_audience', number: 29_728_455, name: 'User Audience: Trial Users' },
];

/** Numbers of created audiences start here, above all seeded ones. */
const FIRST_NUMBER = 29_730_000;

/** Puts the seeded audiences, empty, where they are not there yet. */
export function seedAudiences(transaction: Transaction): void {
  for (const { account, type, number, name } of SEEDED) {
    const owner = AD_ACCOUNTS[account];
    if (owner === undefined) throw new Error(`no ad account ${account}`);
    const id = audienceId(owner.value, type, number);
    if (transaction.get('audience', id) === undefined)
      putAudience(transaction, { id, account: owner.value, type, name });
  }
}

/** Makes an empty audience. LinkedIn allows several of one name, and so does this. */
export function createAudience(
  transaction: Transaction,
  { account, type, name }: { account: string; type: AudienceType; name: string },
): AudienceDocument {
  const id = audienceId(account, type, FIRST_NUMBER + transaction.nextSequence());
  return putAudience(transaction, { id, account, type, name });
}

function audienceId(account: string, type: AudienceType, number: number): string {
  return `${account}~${type}.${number}`;
}

function putAudience(transaction: Transaction, audience: Omit<AudienceDocument, 'sequence'>): AudienceDocument {
  const sequence = transaction.nextSequence();
  const document = { ...audience, sequence };
  transaction.put('audience', document);
  transaction.put('members', { id: audience.id, sequence, members: [] });
  return document;
}
