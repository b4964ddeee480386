import type { Actor } from '@tenantry/kernel/context/actor'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { BaseRole } from '../src/capabilities/access/index.ts'
import { findUserByIdentity, insertMembership, insertUser } from '../src/capabilities/member/index.ts'
import { findTenantBySlug, insertTenant } from '../src/capabilities/tenant/index.ts'
import { seededUsers } from './people.ts'
import { seedUsage } from './usage.ts'

const seeder: Actor = { type: 'system', name: 'seed' }

/** Of the development issuer, whose subject is the e-mail address. */
export const developmentIssuerName = 'urn:tenantry:development'

const dayMilliseconds = 86_400_000

const tenants = [
  { slug: 'acme', name: 'Acme', plan: 'starter', contactEmail: 'owner@acme.test', parent: null, ageDays: 120 },
  { slug: 'acme-labs', name: 'Acme Labs', plan: 'free', contactEmail: 'owner@acme.test', parent: 'acme', ageDays: 60 },
  { slug: 'globex', name: 'Globex', plan: 'free', contactEmail: 'owner@globex.test', parent: null, ageDays: 30 },
  {
    slug: 'initech',
    name: 'Initech',
    plan: 'business',
    contactEmail: 'owner@initech.test',
    parent: null,
    ageDays: 200,
    suspended: 'Invoice 2041 is unpaid.',
  },
] as const

/** Makes what is missing of the demo: each tenant once, with its people. Who has left one since does not come back. */
export async function seedDemo(dependencies: Dependencies): Promise<void> {
  for (const tenant of tenants) await seedTenant(dependencies, tenant)
  await seedUsage(dependencies, await idOf(dependencies, 'acme'))
}

async function seedTenant(
  { database, clock }: Dependencies,
  { parent, ageDays, ...fields }: (typeof tenants)[number],
): Promise<void> {
  await database.platformUnit({ actor: seeder, readOnly: false }, async (em) => {
    if (await findTenantBySlug(em, fields.slug)) return
    const { slug, name, plan, contactEmail } = fields
    const suspended = 'suspended' in fields ? { status: 'suspended' as const, statusReason: fields.suspended } : {}
    const tenant = await insertTenant(em, {
      slug,
      name,
      plan,
      contactEmail,
      ...suspended,
      createdAt: new Date(clock.now().getTime() - ageDays * dayMilliseconds),
      parent: parent === null ? null : await findTenantBySlug(em, parent),
    })
    const people: { userId: string; role: BaseRole }[] = []
    for (const person of peopleOf(slug)) {
      const userId = await seedUser(em, person, clock.now())
      if (person.member) people.push({ userId, role: person.member.role })
    }
    await database.inTenant(em, { tenantId: tenant.id, actor: seeder, spansTenants: true }, async () => {
      for (const member of people) await insertMembership(em, { ...member, joinedAt: clock.now() })
    })
  })
}

/** Whoever is of no tenant comes with the first. */
const peopleOf = (slug: string) =>
  seededUsers.filter(({ member }) => (member ? member.tenant === slug : slug === tenants[0].slug))

async function seedUser(
  em: Parameters<typeof insertUser>[0],
  { email, name }: (typeof seededUsers)[number],
  createdAt: Date,
): Promise<string> {
  const identity = { issuer: developmentIssuerName, subject: email }
  const known = await findUserByIdentity(em, identity)
  return known?.id ?? (await insertUser(em, { ...identity, email, name, createdAt }))
}

async function idOf({ database }: Dependencies, slug: string): Promise<string> {
  const tenant = await database.platformUnit({ actor: seeder, readOnly: true }, (em) => findTenantBySlug(em, slug))
  if (!tenant) throw new Error(`There is no tenant ${slug}`)
  return tenant.id
}
