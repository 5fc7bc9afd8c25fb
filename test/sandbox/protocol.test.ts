import { describe, expect, it } from '@jest/globals';
import { runningSandbox } from './running-sandbox.ts';

const sandbox = runningSandbox();

describe('every call of the API', () => {
  it('says whose key it is', async () => {
    const { status, body } = await sandbox.call('GET', '/api/me');
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      email: expect.any(String),
      id: expect.any(String),
      role: 'admin',
      organization_id: 'd63a93bd-dfbd-4431-9006-63eb445d30a4',
      organization_name: 'Sandbox',
    });
  });

  it.each([
    ['none', ''],
    ['another key', 'Bearer other'],
    ['another scheme', 'Basic dGVzdC1hcGkta2V5'],
    ['a lower-case scheme with another key', 'bearer nope'],
  ])('is a 401 of its own shape with %s', async (_what, authorization) => {
    const { status, body, headers } = await sandbox.call('GET', '/api/connections', undefined, { authorization });
    expect(status).toBe(401);
    expect(body).toEqual({ code: 401, context: {}, error: expect.stringContaining('Bearer'), status: 'Unauthorized' });
    expect(headers.get('x-polytomic-version')).toBe('2024-02-08');
  });

  it('is served in the version that it asks for, and says so', async () => {
    for (const version of ['2021-05-23', '2024-02-08', '2025-09-18']) {
      const { headers } = await sandbox.call('GET', '/api/me', undefined, { 'x-polytomic-version': version });
      expect(headers.get('x-polytomic-version')).toBe(version);
    }
  });

  it('is served as 2021-05-23 when it asks for none', async () => {
    const response = await fetch(`${sandbox.url}/api/me`, { headers: { authorization: 'Bearer test-api-key' } });
    expect(response.headers.get('x-polytomic-version')).toBe('2021-05-23');
  });

  it('is a 400 in a version that does not exist', async () => {
    const { status, body } = await sandbox.call('GET', '/api/me', undefined, { 'x-polytomic-version': '1999-01-01' });
    expect(status).toBe(400);
    expect(body.message).toContain('2024-02-08');
  });

  it.each([
    ['GET', '/api/nope'],
    ['DELETE', '/api/me'],
    ['POST', '/api/connections/connect/'],
    ['PATCH', '/api/models/1'],
    ['GET', '/api/bulk/syncs?page=1'],
  ])('is a 404 that names the call when there is no such call: %s %s', async (method, path) => {
    const { status, body } = await sandbox.call(method, path, method === 'GET' ? undefined : {});
    expect(status).toBe(404);
    expect(body).toEqual({ key: 'not_found', message: expect.any(String), status: 404 });
    expect(body.message).toContain(`${method} ${path.split('?')[0]}`);
  });

  it('is a 400 in the documented shape when its path cannot be decoded', async () => {
    const { status, body } = await sandbox.call('GET', '/api/models/%zz');
    expect({ status, body }).toEqual({
      status: 400,
      body: { key: 'bad_request', message: expect.stringContaining('/api/models/%zz'), status: 400 },
    });
  });

  it('is a 404 in the documented shape outside the API too', async () => {
    expect(await sandbox.call('GET', '/elsewhere')).toMatchObject({
      status: 404,
      body: { key: 'not_found', status: 404 },
    });
  });

  it('is a 400 that says so when its body is no JSON, and quotes nothing of it', async () => {
    const text = '{"name": "x", "configuration": {"password": hunter2-hunter2}}';
    const { status, body } = await sandbox.call('POST', '/api/connections', text);
    expect(status).toBe(400);
    expect(body.message).toContain('not valid JSON');
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it.each([['[]'], ['"text"'], ['7'], ['null']])('is a 400 when its body is JSON but no object: %s', async (text) => {
    const { status, body } = await sandbox.call('POST', '/api/connections', text);
    expect(status).toBe(400);
    expect(body.message).toContain('must be a JSON object');
  });

  it('reads its body as JSON whatever its content type says', async () => {
    const { status } = await sandbox.call('POST', '/api/connections', '{"name":"A","type":"linkedinads"}', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(status).toBe(200);
  });

  it('is a 413 in the documented shape when its body is over a mebibyte', async () => {
    const { status, body } = await sandbox.call('POST', '/api/models', JSON.stringify({ name: 'x'.repeat(2 ** 20) }));
    expect(status).toBe(413);
    expect(body).toMatchObject({ key: 'request_failed', status: 413 });
  });
});
