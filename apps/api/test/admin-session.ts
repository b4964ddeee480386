import type { TestTenant } from '@tenantry/control-plane/testing'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import type { Reply, Sending } from './http.ts'

export interface AdminSession {
  api: TestApi
  /** On the plan `starter`. */
  tenant: TestTenant
  /** They sign its admin in. */
  headers: { authorization: string }
  /** By REST. */
  call(path: string, sending?: Sending): Promise<Reply>
  updateSettings(sending: Sending): Promise<Reply>
}

/** One API for the tests of a file, and for each of them a tenant of its own with its only admin. */
export function adminSession(): AdminSession {
  const call: AdminSession['call'] = (path, { headers, ...sending } = {}) =>
    session.api.rest(path, { ...sending, headers: { ...session.headers, ...headers } })
  const session = {
    call,
    updateSettings: (sending) => call('/tenants/current/settings', { method: 'PUT', ...sending }),
    // What is missing is there before the first test.
  } as AdminSession
  beforeAll(async () => {
    session.api = await openTestApi()
  })
  beforeEach(async () => {
    const { installation, signedIn } = session.api
    const { tenant, user } = await installation.enter({ plan: 'starter', role: 'admin' })
    Object.assign(session, { tenant, headers: await signedIn(user) })
  })
  afterAll(() => session.api.close())
  return session
}

export const outcome = ({ status, json }: Pick<Reply, 'status' | 'json'>): string => `${status} ${json?.code ?? 'ok'}`
