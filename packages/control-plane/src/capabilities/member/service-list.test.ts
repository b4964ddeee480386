import { newId } from '@tenantry/kernel/tenancy/id'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestInstallation, type TestInstallation } from '../../testing.ts'
import { baseRoles } from '../access/index.ts'
import { everyMember, inTenant } from './service.fixture.ts'

let installation: TestInstallation
beforeAll(async () => {
  installation = await openTestInstallation()
})
afterAll(() => installation.close())

describe('the list', () => {
  test('shows direct members and inherited ones, each once, with the role that counts', async () => {
    const { tenant: root, user: owner } = await installation.enter()
    const middle = await installation.createTenant({ parent: root })
    const leaf = await installation.createTenant({ parent: middle })
    const rootAdmin = await installation.createMember(root.id, 'admin')
    await installation.createMember(root.id, 'viewer')
    const own = await installation.createMember(leaf.id, 'member')
    await installation.addMember(middle.id, owner.id, 'owner')
    await installation.addMember(leaf.id, rootAdmin.id, 'viewer')
    const ownAdmin = await installation.createMember(middle.id, 'admin')
    await installation.addMember(leaf.id, ownAdmin.id, 'admin')

    const listed = await everyMember(installation.callerAs(own, leaf.id), { limit: 1 })
    const expected = [
      { userId: owner.id, role: 'owner', inheritedFrom: middle.id },
      { userId: rootAdmin.id, role: 'admin', inheritedFrom: root.id },
      { userId: own.id, role: 'member', inheritedFrom: null },
      { userId: ownAdmin.id, role: 'admin', inheritedFrom: null },
    ]
    expect(listed.map(({ userId, role, inheritedFrom }) => ({ userId, role, inheritedFrom }))).toEqual(
      expected.toSorted((one, other) => (one.userId < other.userId ? 1 : -1)),
    )
    expect(listed.find(({ userId }) => userId === own.id)).toEqual({
      userId: own.id,
      email: own.email,
      name: null,
      role: 'member',
      permissions: [],
      joinedAt: expect.any(String),
      state: 'active',
      inheritedFrom: null,
    })
    for (const one of listed)
      expect(await installation.callerAs(own, leaf.id).members.get({ ...inTenant, userId: one.userId })).toEqual(one)
    for (const role of baseRoles) {
      const ofRole = await everyMember(installation.callerAs(own, leaf.id), { role, limit: 1 })
      expect(ofRole).toEqual(listed.filter((one) => one.role === role))
    }
  })

  test('finds members by the beginning of a name or an address, in any letter case, and nobody of elsewhere', async () => {
    const { tenant, caller } = await installation.enter()
    const word = `q${newId().replaceAll('-', '')}`
    const signIn = (subject: string, name: string | null) =>
      installation.dependencies.directory.signIn({
        issuer: installation.issuer.issuer,
        subject,
        email: `${subject}@people.test`,
        emailVerified: true,
        name,
        platformAdmin: false,
        tenantClaim: null,
        authenticationMethods: [],
        authenticatedAt: null,
        expiresAt: new Date(Date.now() + 60_000),
      })
    const byName = await signIn(`x${word}`, `${word.toUpperCase()} Lovelace`)
    const byAddress = await signIn(`${word}-first`, null)
    await signIn(`${word}-second`, null)
    await installation.addMember(tenant.id, byName.id, 'viewer')
    await installation.addMember(tenant.id, byAddress.id, 'member')
    const found = await everyMember(caller, { q: word, limit: 1 })
    expect(found.map(({ userId }) => userId)).toEqual([byAddress.id, byName.id])
    expect((await everyMember(caller, { q: word, role: 'viewer' })).map(({ userId }) => userId)).toEqual([byName.id])
    expect(await everyMember(caller, { q: `${word}%` })).toEqual([])
  })

  test('is the same where more people than are looked up one by one are called so', async () => {
    const { tenant, caller } = await installation.enter()
    const word = `many${newId().slice(-8)}`
    const owner = new pg.Client(installation.testDatabase.adminUrl)
    await owner.connect()
    await owner.query(
      `insert into tenantry.users (id, issuer, subject, email, created_at)
       select gen_random_uuid(), 'many', $1 || n, $1 || n || '@people.test', now() from generate_series(1, 1005) n`,
      [word],
    )
    const { rows } = await owner.query<{ id: string }>(
      `select id from tenantry.users where issuer = 'many' order by id desc limit 5`,
    )
    await owner.end()
    for (const { id } of rows) await installation.addMember(tenant.id, id, 'viewer')
    const found = await everyMember(caller, { q: word, limit: 2 })
    expect(found.map(({ userId }) => userId)).toEqual(rows.map(({ id }) => id))
  })
})
