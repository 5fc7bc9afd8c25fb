/** `/api/me`: whose key this is. */
import type { Route } from './api-call.ts';
import { ORGANIZATION_ID, ORGANIZATION_NAME, USER } from './world.ts';

export function identityRoutes(): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/me',
      handle: () => ({
        status: 200,
        body: {
          data: { ...USER, organization_id: ORGANIZATION_ID, organization_name: ORGANIZATION_NAME, is_user: true },
        },
      }),
    },
  ];
}
