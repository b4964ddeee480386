import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isolationPromises } from '../../../test/isolation.fixture.ts'
import { openTestInstallation, operator, type TestInstallation } from '../../testing.ts'
import * as contract from './contract.ts'
import { signedInvitation } from './repository.ts'
import { digestOf } from './rules/token.ts'
import { callAsNobody, invite, invited, refusalOf } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

const inputs = {
  'invitations.create': { email: 'any@people.test', role: 'member' },
  'invitations.resend': { invitationId: randomUUID() },
  'invitations.revoke': { invitationId: randomUUID() },
  'invitations.accept': { token: 'any' },
}
// What a preview answers stands below: nobody can be answered without the database.
const { previewInvitation: _, ...others } = contract
for (const { promise, check } of isolationPromises(others, inputs)) test(promise, () => check(installation))

test('a preview answers a caller without a principal, who has the token', async () => {
  const { tenant, caller } = await installation.enter()
  const { token } = await invited(installation, caller)
  const preview = callAsNobody(installation).invitations.preview({ token })
  expect(await preview).toMatchObject({ tenantName: `Tenant ${tenant.slug}` })
})

test('nobody but a user accepts: no key, service or job', async () => {
  const { tenant, caller } = await installation.enter()
  const { token } = await invited(installation, caller)
  for (const actor of [
    { type: 'apiKey', id: randomUUID(), tenantId: tenant.id, scopes: ['members:manage'] },
    { type: 'service', name: 'any' },
    { type: 'system', name: 'any' },
  ] as const) {
    const refused = await refusalOf(installation.callerAs(actor, tenant.id).invitations.accept({ token }))
    expect(refused).toMatchObject({ code: 'auth.permission_denied' })
  }
})

test('an invitation of another tenant is none: it is not listed, sent again or revoked', async () => {
  const [here, there] = [await installation.enter(), await installation.enter()]
  const { id: invitationId } = await invite(there.caller, 'far@people.test')
  expect((await here.caller.invitations.list({ tenantId: 'current' })).items).toEqual([])
  for (const verb of ['resend', 'revoke'] as const) {
    const refused = await refusalOf(here.caller.invitations[verb]({ tenantId: 'current', invitationId }))
    expect(refused).toMatchObject({ code: 'invitation.not_found', status: 404 })
  }
  expect((await there.caller.invitations.list({ tenantId: 'current' })).items).toMatchObject([{ state: 'pending' }])
})

test('an invitation is found only under a context that was signed for the digest of its token', async () => {
  const { tenant, user, caller } = await installation.enter()
  const { id, token } = await invited(installation, caller)
  const { database } = installation
  const digest = digestOf(token)
  expect(await database.identityRead(`invitation:${digest}`, signedInvitation)).toMatchObject([
    { id, tenantId: tenant.id },
  ])
  for (const other of [
    `invitation:${digestOf('another')}`,
    'invitation:',
    'invitation',
    digest,
    `${digest}:${digest}`,
    `api-key:${digest}`,
    `api-key:${id}:${digest}`,
  ]) {
    expect(await database.identityRead(other, signedInvitation), other).toEqual([])
  }
  expect(await database.userRead(user.id, signedInvitation)).toEqual([])
  const unit = { tenantId: tenant.id, actor: { type: 'user' as const, ...user, name: null }, readOnly: true }
  expect(await database.tenantUnit(unit, (em) => em.execute(signedInvitation.text))).toEqual([])
  await expect(database.platformRead(operator, signedInvitation)).rejects.toMatchObject({ code: '42501' })
})
