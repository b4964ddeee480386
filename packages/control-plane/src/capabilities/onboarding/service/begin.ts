import { randomBytes } from 'node:crypto'
import type { SequenceContext, ServiceContext } from '@tenantry/kernel/context/request-context'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { accessRefusal } from '../../api-key/index.ts'
import { findUserById } from '../../member/index.ts'
import { getInheritedSettings } from '../../settings/index.ts'
import {
  againWhileTaken,
  findFreeSlug,
  findParent,
  insertTenant,
  knownPlan,
  slugCandidates,
  type Tenant,
} from '../../tenant/index.ts'
import { onboardingErrors } from '../contract.ts'
import { insertOnboarding, type Onboarding } from '../repository.ts'
import type { OnboardingRequest } from '../rules/request.ts'
import type { CreateInput } from './create.ts'
import { refuseUnknown } from './refusals.ts'

type Request = Pick<Onboarding, 'tenantId' | 'principal' | 'key' | 'requestHash'>

/**
 * Makes the tenant, to be provisioned, and writes down what else there is to do: from here on it is done, whoever does
 * it. Throws whatever is wrong with the request.
 */
export async function begin(ctx: SequenceContext, request: Request, input: CreateInput): Promise<Onboarding> {
  refuseUnknown(ctx, input)
  const once = () => beginOnce(ctx, request, input)
  return input.slug === undefined ? againWhileTaken(once) : once()
}

async function beginOnce(ctx: SequenceContext, request: Request, input: CreateInput): Promise<Onboarding> {
  return ctx.unit.platform(async (unit) => {
    const { owner, contactEmail } = await ownerOf(unit, input)
    const parent = input.parentId === undefined ? null : await parentOf(unit, input.parentId)
    const tenant = await insertTenant(unit.em, {
      ...fieldsOf(ctx, input),
      id: request.tenantId,
      slug: input.slug ?? (await freeSlug(unit, input.name)),
      contactEmail,
      parent,
    })
    if (input.createApiKey) await refuseUselessKey(unit, tenant)
    recordCreation(unit, tenant, parent)
    return insertOnboarding(unit.em, {
      ...request,
      request: { owner, limits: limitsOf(input), createApiKey: input.createApiKey ?? false },
      actor: ctx.actor,
      requestId: ctx.requestId,
      startedAt: unit.clock.now(),
    })
  }, request.tenantId)
}

async function refuseUselessKey(unit: ServiceContext, { plan }: Tenant): Promise<void> {
  const { features } = await getInheritedSettings(unit)
  const refusal = accessRefusal(unit.services.catalogue, { plan, enabled: features.apiAccessEnabled })
  if (refusal) throw refusal
}

function fieldsOf({ services: { catalogue }, clock }: SequenceContext, input: CreateInput) {
  const { name, organizationType, websiteUrl, timezone, externalId, tags } = input
  const told = { organizationType, websiteUrl, timezone, externalId, tags }
  return {
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    name,
    plan: knownPlan(catalogue, input.plan ?? catalogue.defaultPlan).name,
    status: 'provisioning' as const,
    createdAt: clock.now(),
  }
}

async function freeSlug({ em }: ServiceContext, name: string): Promise<string> {
  const slug = await findFreeSlug(em, slugCandidates(name, randomBytes(4).toString('hex')))
  if (slug === null) throw new Error('No slug is free, not even a random one')
  return slug
}

async function parentOf({ em }: ServiceContext, parentId: string): Promise<Tenant> {
  const parent = await findParent(em, parentId)
  if (parent) return parent
  throw onboardingErrors.unusable_parent({
    issues: [{ path: 'parentId', message: 'Expected the id of an active tenant that stands below none that is not.' }],
  })
}

async function ownerOf(
  { em, actor }: ServiceContext,
  { ownerEmail, contactEmail }: CreateInput,
): Promise<{ owner: OnboardingRequest['owner']; contactEmail: string }> {
  const user = 'id' in actor ? await findUserById(em, actor.id) : null
  const owner = ownerEmail === undefined ? callerAsOwner() : named(ownerEmail.toLowerCase())
  const contact = contactEmail ?? owner.email
  if (contact === null) throw refusal('contactEmail', 'Expected an address: the owner has no verified one.')
  return { owner, contactEmail: contact }

  function callerAsOwner() {
    if (!user) throw refusal('ownerEmail', 'Expected an address: you are no user, who could own the tenant.')
    return { userId: user.id, email: user.email }
  }

  /** Whoever is known under the address may have lost it since: only a sign-in says who has it now. */
  function named(email: string) {
    const isCaller = user !== null && 'email' in actor && actor.email?.toLowerCase() === email
    return { userId: isCaller ? user.id : null, email }
  }
}

const refusal = (path: string, message: string) => requestErrors.invalid({ issues: [{ path, message }] })

const limitsOf = ({ limits = {} }: CreateInput) =>
  Object.fromEntries(Object.entries(limits).map(([meter, limit]) => [meter, limit === -1 ? null : limit]))

function recordCreation({ record }: ServiceContext, tenant: Tenant, parent: Tenant | null): void {
  const { id, name, slug, plan, contactEmail } = tenant
  const made = { name, slug, plan, contactEmail, ...(parent === null ? {} : { parentId: parent.id }) }
  record('tenant.created', {
    target: { type: 'tenant', id },
    changes: Object.fromEntries(Object.entries(made).map(([field, after]) => [field, { before: null, after }])),
  })
}
