import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import {
  findMemberAccess,
  findTenant,
  findUserId,
  listOwnTenantIds,
  listReachableTenants,
  signInUser,
} from './repository.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

test('what the directory tells of one user it does not tell under the signature of another', async () => {
  const { tenant, user } = await installation.enter()
  const { tenant: own, user: stranger } = await installation.enter()
  const ask = (userId: string) =>
    installation.database.userUnit({ userId, readOnly: true }, async (em) => ({
      access: await findMemberAccess(em, tenant.id),
      reachable: (await listReachableTenants(em)).map(({ tenantId }) => tenantId),
      own: await listOwnTenantIds(em),
    }))
  expect(await ask(user.id)).toMatchObject({ access: { role: 'owner' }, reachable: [tenant.id], own: [tenant.id] })
  expect(await ask(stranger.id)).toEqual({ access: null, reachable: [own.id], own: [own.id] })
})

test('the directory tells a tenant-bound transaction nothing about anybody', async () => {
  const { tenant, user } = await installation.enter()
  const actor = { type: 'system', name: 'injected' } as const
  const answer = await installation.database.tenantUnit({ tenantId: tenant.id, actor, readOnly: true }, async (em) => ({
    reachable: await listReachableTenants(em),
    own: await listOwnTenantIds(em),
    access: await findMemberAccess(em, tenant.id),
    user: await findUserId(em, installation.issuer.issuer, user.email),
  }))
  expect(answer).toEqual({ reachable: [], own: [], access: null, user: null })
})

test('an identity that was signed for one person signs in nobody else', async () => {
  const user = await installation.createUser()
  const identity = {
    issuer: installation.issuer.issuer,
    subject: user.email,
    email: 'owner@acme.test',
    name: null,
    at: new Date(),
  }
  const forged = installation.database.identityUnit('0:0', (em) => signInUser(em, identity))
  await expect(forged).rejects.toThrow('no signed identity context')
  const found = await installation.database.identityUnit('0:0', (em) => findUserId(em, identity.issuer, user.email))
  expect(found).toBeNull()
})

test('tenants are looked up for non-members under the signature of the platform only', async () => {
  const tenant = await installation.createTenant()
  const { user } = await installation.enter()
  const asPlatform = await installation.database.platformUnit({ actor: operator, readOnly: true }, (em) =>
    findTenant(em, tenant.slug),
  )
  expect(asPlatform).toMatchObject({ tenantId: tenant.id })
  const asUser = await installation.database.userUnit({ userId: user.id, readOnly: true }, (em) =>
    findTenant(em, tenant.slug),
  )
  expect(asUser).toBeNull()
})
