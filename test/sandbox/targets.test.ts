import { describe, expect, it } from '@jest/globals';
import {
  ACCOUNT,
  COMPANY_AUDIENCE,
  createLinkedIn,
  createSignedIn,
  createSnowflake,
  OTHER_ACCOUNT,
  runningSandbox,
} from './running-sandbox.ts';

const sandbox = runningSandbox();
const targets = (id: string, rest: string) => sandbox.call('GET', `/api/connections/${id}/modelsync/${rest}`);

describe('the list of target objects', () => {
  it('has the audiences of the enabled accounts alone, and says how to create one', async () => {
    const none = await createSignedIn(sandbox, [], 'None');
    const both = await createSignedIn(sandbox, [ACCOUNT, OTHER_ACCOUNT], 'Both');
    expect((await targets(none, 'targetobjects')).body.data).toEqual([]);
    const { status, body } = await targets(both, 'targetobjects');
    expect(status).toBe(200);
    expect(body.target_creation.supported).toBe(true);
    expect(body.target_creation.properties.map((each: { id: string }) => each.id)).toEqual(['account', 'type', 'name']);
    expect(body.data.map((each: { name: string }) => each.name)).toEqual([
      'Company Audience: Polytomic-Created Company List',
      'Company Audience: Key Accounts',
      'User Audience: Trial Users',
    ]);
  });

  it('is a 400 before the sign-in, a 422 for Snowflake, and a 404 for what is not there', async () => {
    const { id } = await createLinkedIn(sandbox);
    expect((await targets(id, 'targetobjects')).status).toBe(400);
    expect((await targets(await createSnowflake(sandbox), 'targetobjects')).status).toBe(422);
    expect((await targets('nope', 'targetobjects')).status).toBe(404);
  });
});

describe('the values of a creation property', () => {
  it('are the enabled accounts, the types, and none for a free text', async () => {
    const id = await createSignedIn(sandbox);
    expect((await targets(id, 'targetobjects/properties/account')).body).toEqual({
      data: { enum: false, values: [{ value: ACCOUNT, label: 'Polytomic Inc. (512630692)' }] },
    });
    expect(
      (await targets(id, 'targetobjects/properties/type')).body.data.values.map(
        (each: { value: string }) => each.value,
      ),
    ).toEqual(['company_audience', 'user_audience']);
    expect((await targets(id, 'targetobjects/properties/name')).body.data.values).toEqual([]);
  });

  it('are a 404 for another property, and where no target can be created', async () => {
    const id = await createSignedIn(sandbox);
    expect((await targets(id, 'targetobjects/properties/colour')).status).toBe(404);
    expect((await targets(await createSnowflake(sandbox), 'targetobjects/properties/account')).status).toBe(404);
  });
});

describe('the fields of a target', () => {
  it('come with their marks, and with the modes of the list of target objects', async () => {
    const id = await createSignedIn(sandbox, [ACCOUNT, OTHER_ACCOUNT]);
    const listed = (await targets(id, 'targetobjects')).body.data;
    for (const target of listed) {
      const { status, body } = await targets(id, `target/fields?target=${encodeURIComponent(target.id)}&refresh=true`);
      expect(status).toBe(200);
      expect(body.data).toMatchObject({ id: target.id, name: target.name, modes: target.modes });
      expect(Date.parse(body.data.refreshed_at)).not.toBeNaN();
      const email = body.data.fields.find((field: { id: string }) => field.id === 'Email');
      expect(email).toMatchObject({
        required: target.id.includes('user_audience'),
        createable: true,
        updateable: true,
        supports_identity: true,
        identity_functions: [{ id: 'Equality', label: 'Equals' }],
      });
    }
  });

  it('are a 404 for an audience of an account that is not enabled, and a 400 without a target', async () => {
    const id = await createSignedIn(sandbox, [OTHER_ACCOUNT]);
    expect((await targets(id, `target/fields?target=${COMPANY_AUDIENCE}`)).status).toBe(404);
    expect((await targets(id, 'target/fields')).status).toBe(400);
  });
});
