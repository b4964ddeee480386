import type { TenantContext } from '@tenantry/kernel/context/request-context'
import { overrideLimits } from '../../limit/index.ts'
import { queueMail } from '../../mail/index.ts'
import { addMember, insertPendingOwner } from '../../member/index.ts'
import { getSettingsForUpdate } from '../../settings/index.ts'
import { getOwnTenant } from '../../tenant/index.ts'
import type { Onboarding } from '../repository.ts'

export interface Step {
  /** Kept with what is done: a step that is renamed is done again where it was under way. */
  name: string
  run(unit: TenantContext, onboarding: Onboarding): Promise<void>
}

/** In order; the activation comes after all of them, and with it an API key. */
export const steps: readonly Step[] = [
  { name: 'owner', run: addOwner },
  { name: 'settings', run: makeSettings },
  { name: 'limits', run: setLimits },
  { name: 'mail', run: writeWelcome },
]

async function addOwner(unit: TenantContext, { request: { owner } }: Onboarding): Promise<void> {
  const { userId, email } = owner
  if (userId !== null) await addMember(unit, { userId, role: 'owner' })
  else if (email !== null) {
    await insertPendingOwner(unit.em, email, unit.clock.now())
    const changes = { role: { before: null, after: 'owner' } }
    unit.record('member.invited', { target: { type: 'email', id: email.slice(0, 200) }, changes })
  }
}

async function makeSettings({ em, tenant }: TenantContext): Promise<void> {
  await getSettingsForUpdate(em, tenant.createdAt)
}

async function setLimits(unit: TenantContext, { request: { limits } }: Onboarding): Promise<void> {
  const meters = Object.entries(limits)
  if (meters.length === 0) return
  const wanted = Object.fromEntries(meters.map(([meter, value]) => [meter, { value, expiresAt: null }]))
  await overrideLimits(unit, wanted, 'Set when the tenant was created.')
}

async function writeWelcome(unit: TenantContext, { request: { owner } }: Onboarding): Promise<void> {
  const { name, slug, contactEmail } = await getOwnTenant(unit.em)
  await queueMail(unit, {
    recipient: (owner.email ?? contactEmail).toLowerCase(),
    subject: `${name} is ready`,
    paragraphs: [
      `${name} has been set up, and you are its owner.`,
      `Sign in with this e-mail address. In paths and in the header X-Tenant-ID it is called ${slug}.`,
    ],
  })
}
