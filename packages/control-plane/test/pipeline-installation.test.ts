import { expect, test } from 'vitest'
import { openTestInstallation } from '../src/testing.ts'

test('a test installation answers members, refuses others, and shows what was audited', async () => {
  await using installation = await openTestInstallation()
  const tenant = await installation.createTenant({ plan: 'starter' })
  const child = await installation.createTenant({ parent: tenant, status: 'suspended' })
  const [owner, stranger] = [await installation.createUser(), await installation.createUser()]
  await installation.addMember(tenant.id, owner.id, 'owner')

  const info = await installation.callerAs(owner, tenant.slug).tenants.info()
  expect(info).toMatchObject({ id: tenant.id, subscriptionTier: 'starter', userRole: 'owner' })
  await expect(installation.callerAs(owner, child.id).tenants.usage()).rejects.toMatchObject({
    code: 'tenant.inactive',
  })
  await expect(installation.callerAs(stranger, tenant.id).tenants.info()).rejects.toMatchObject({
    code: 'tenant.not_found',
  })

  expect(await installation.auditEntries(tenant.id)).toMatchObject([{ action: 'access.denied', actorId: stranger.id }])
  expect(await installation.platformAuditEntries()).toMatchObject([
    { action: 'access.denied', concernsTenantId: tenant.id },
  ])
  const bearer = await installation.issuer.sign({ email: owner.email })
  const identity = await installation.dependencies.authenticator.verify(bearer)
  expect(await installation.dependencies.directory.signIn(identity)).toMatchObject({ id: owner.id })
})
