import { describe, expect, it } from '@jest/globals';
import { always, rejection, withApi } from './api-server.ts';

const MODE = { id: 'create', requires_identity: false, supports_target_filters: false, supports_per_field_mode: false };
const AUDIENCE = {
  id: '512630692::urn:li:organization:28818517~company_audience.29728356',
  name: 'Company Audience: Polytomic-Created Company List',
  modes: [MODE, { ...MODE, id: 'remove' }],
};
const PROPERTIES = [
  { id: 'account', title: 'LinkedIn Ads account ID', enum: true },
  { id: 'type', title: 'Audience type', enum: true },
  { id: 'name', title: 'Audience name', enum: false },
];

describe('target objects', () => {
  it('are listed as in the walkthrough, whose answer has target_creation beside data', () => {
    const answer = { target_creation: { supported: true, properties: PROPERTIES }, data: [AUDIENCE] };
    return withApi(always(answer), async ({ client, received }) => {
      expect(await client.targets.list('c1')).toEqual(answer);
      expect(received[0]?.url).toBe('/api/connections/c1/modelsync/targetobjects');
    });
  });

  it.each([{ supported: false }, { supported: false, properties: null }])(
    'that cannot be created need no properties: %j',
    (target_creation) =>
      withApi(always({ target_creation, data: [] }), async ({ client }) => {
        expect(await client.targets.list('c1')).toEqual({
          target_creation: { supported: false, properties: [] },
          data: [],
        });
      }),
  );

  it.each([
    [{ data: [] }, 'target_creation is missing, not an object'],
    [{ target_creation: { supported: true } }, 'data is missing, not a list'],
    [
      { target_creation: { supported: true }, data: [{ ...AUDIENCE, modes: null }] },
      'data[0].modes is null, not a list',
    ],
    [
      { target_creation: { supported: true }, data: [{ ...AUDIENCE, modes: ['create'] }] },
      'data[0].modes[0] is a text, not an object',
    ],
  ])('are not believed where they are not as documented (%#)', (answer, detail) =>
    withApi(always(answer), async ({ client }) => {
      expect(await rejection(client.targets.list('c1'))).toMatchObject({ detail });
    }),
  );

  it('have the values of a creation property as in the walkthrough', () => {
    const values = [{ value: '512630692::urn:li:organization:28818517', label: 'Polytomic Inc. (512630692)' }];
    return withApi(always({ data: { enum: false, values } }), async ({ client, received }) => {
      expect(await client.targets.propertyValues('c1', 'account')).toEqual({ enum: false, values });
      expect(received[0]?.url).toBe('/api/connections/c1/modelsync/targetobjects/properties/account');
    });
  });

  it('have fields, asked for by an id that needs encoding', () => {
    const fields = [
      {
        id: 'Email',
        name: 'Email',
        required: false,
        supports_identity: true,
        identity_functions: [{ id: 'Equality', label: 'Equals' }],
      },
    ];
    return withApi(
      always({ data: { id: AUDIENCE.id, name: 'A', modes: [MODE], fields } }),
      async ({ client, received }) => {
        expect((await client.targets.fields('c1', AUDIENCE.id, { refresh: true })).fields).toEqual(fields);
        const { pathname, searchParams } = new URL(received[0]?.url ?? '', 'http://x');
        expect(pathname).toBe('/api/connections/c1/modelsync/target/fields');
        expect([...searchParams]).toEqual([
          ['target', AUDIENCE.id],
          ['refresh', 'true'],
        ]);
      },
    );
  });

  it('have the same fields and modes in the shapes of the published types and of the reference', () => {
    const field = { id: 'Email', name: 'Email', identity_functions: ['Equality'] };
    const modes = [
      { mode: 'create', label: 'Create', requires_identity: true, supports_field_sync_mode: true },
      { mode: 'remove' },
    ];
    return withApi(always({ data: { fields: [field], modes } }), async ({ client, received }) => {
      const target = await client.targets.fields('c1', 'a');
      expect(target.fields[0]?.identity_functions).toEqual([{ id: 'Equality' }]);
      expect(target.modes).toMatchObject([
        { id: 'create', requires_identity: true, supports_per_field_mode: true },
        { id: 'remove' },
      ]);
      expect(received[0]?.url).not.toContain('refresh');
    });
  });

  it('without fields are not believed', () =>
    withApi(always({ data: { modes: [] } }), async ({ client }) => {
      expect(await rejection(client.targets.fields('c1', 'a'))).toMatchObject({
        detail: 'data.fields is missing, not a list',
      });
    }));
});
