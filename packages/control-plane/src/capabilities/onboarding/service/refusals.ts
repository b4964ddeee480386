import { isOperator } from '@tenantry/kernel/context/actor'
import type { SequenceContext } from '@tenantry/kernel/context/request-context'
import { authErrors, requestErrors } from '@tenantry/kernel/contract/errors'
import type { Issue } from '@tenantry/kernel/errors/app-error'
import { accessRefusal } from '../../api-key/index.ts'
import type { PlanCatalogue } from '../../plan/index.ts'
import { knownPlan } from '../../tenant/index.ts'
import { onboardingErrors } from '../contract.ts'
import type { CreateInput } from './create.ts'

export interface OnboardingOptions {
  /** Every user with a verified address may create tenants, and owns them. */
  selfService: boolean
  /** The one that this installation serves. */
  region: string
}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    onboarding: OnboardingOptions
  }
}

/** What a tenant gets from the platform, not from who signs up. */
const forOperators = ['plan', 'limits', 'parentId', 'region', 'ownerEmail', 'templateId'] as const

/** Throws `auth.permission_denied`, naming the fields that are for platform admins. */
export function refuseUnlessAllowed({ actor, services }: SequenceContext, input: CreateInput): void {
  if (isOperator(actor)) return
  if (!services.onboarding.selfService || actor.type !== 'user')
    throw authErrors.permission_denied({}, 'Only platform admins create tenants here.')
  if (actor.email === null)
    throw authErrors.permission_denied({}, 'Your issuer must have verified your e-mail address before you sign up.')
  const named = forOperators.filter((field) => input[field] !== undefined)
  if (named.length === 0) return
  const issues = named.map((path) => ({ path, message: 'Only platform admins may set this.' }))
  throw authErrors.permission_denied({ issues }, `Only platform admins may set ${named.join(', ')}.`)
}

/**
 * What this installation does not have. Throws `onboarding.unknown_template`, `onboarding.unknown_region`,
 * `tenant.unknown_plan`, `api_key.access_disabled`, or `request.invalid` naming each limit that is none.
 */
export function refuseUnknown({ services }: Pick<SequenceContext, 'services'>, input: CreateInput): void {
  const { catalogue, onboarding } = services
  const { templateId, region, limits = {}, createApiKey } = input
  if (templateId !== undefined) {
    const issues = [{ path: 'templateId', message: 'Expected no template: there are none yet.' }]
    throw onboardingErrors.unknown_template({ issues }, `There is no template "${templateId}".`)
  }
  if (region !== undefined && region !== onboarding.region) {
    const issues = [{ path: 'region', message: `Expected ${onboarding.region}.` }]
    throw onboardingErrors.unknown_region({ issues }, `This installation serves the region ${onboarding.region} only.`)
  }
  const issues = unknownMeters(catalogue, limits)
  if (issues.length > 0) throw requestErrors.invalid({ issues })
  const { name } = knownPlan(catalogue, input.plan ?? catalogue.defaultPlan)
  const refusal = createApiKey ? accessRefusal(catalogue, { plan: name, enabled: true }) : null
  if (refusal) throw refusal
}

const unknownMeters = ({ meters }: PlanCatalogue, limits: object): Issue[] =>
  Object.keys(limits)
    .filter((meter) => !meters[meter])
    .map((meter) => ({ path: `limits.${meter}`, message: `Expected one of ${Object.keys(meters).join(', ')}.` }))
