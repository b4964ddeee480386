import { stepNames } from '../contract.ts'
import { describeKeyScopes, type KeyScopes } from './key-scopes.ts'

/** What a decision about one principal and tenant is made from. */
export interface Situation {
  principal: { type: string; id: string }
  isDeactivated: boolean
  /** How the request names the tenant: `current`, or by id, slug or externalId. */
  reference: string
  tenant: {
    slug: string
    status: string
    statusReason: string | null
    inactiveAncestor: { id: string; status: string } | null
  }
  /** Null for who is no member. */
  access: Access | null
  permission: string | undefined
  /** From the highest to the lowest. */
  rolesWithPermission: readonly string[]
  feature: string | undefined
  plan: { name: string; features: ReadonlySet<string> }
  /** Of the feature, in place of the plan. */
  override: { granted: boolean; expiresAt: string | null } | null
  plansWithFeature: readonly string[]
  /** Those in which the permission counts. */
  plansWithPermission: readonly string[]
  /** The operations that need the permission, each with the budget that a call of it draws on. */
  operations: readonly { name: string; limit: string; points: number; windowSeconds: number }[]
}

interface Access {
  role: string | null
  inheritedFrom: string | null
  scopes: ReadonlySet<string>
  /** The feature that is missing, by scope that does not count without it. */
  withheld: ReadonlyMap<string, string>
  sources: readonly Source[]
  key?: KeyScopes
}

interface Source {
  type: string
  name: string
  inheritedFrom: string | null
  scopes: ReadonlySet<string>
}

export interface Step {
  step: (typeof stepNames)[number]
  /** `skipped` has no bearing on this principal or question. */
  outcome: 'passed' | 'failed' | 'skipped'
  detail: string
  /** Null where the step does not stand in the way. */
  wouldChange: string | null
}

type Judgement = Omit<Step, 'step'>

const passed = (detail: string): Judgement => ({ outcome: 'passed', detail, wouldChange: null })
const skipped = (detail: string): Judgement => ({ outcome: 'skipped', detail, wouldChange: null })
const failed = (detail: string, wouldChange: string): Judgement => ({ outcome: 'failed', detail, wouldChange })

const judges: Record<Step['step'], (situation: Situation) => Judgement> = {
  principal: ({ principal, isDeactivated }) =>
    isDeactivated
      ? failed(
          `The ${wordsFor(principal)} ${principal.id}. This account was deactivated.`,
          'Whoever operates the service, by reactivating the account.',
        )
      : passed(`The ${wordsFor(principal)} ${principal.id}.`),

  tenant: ({ reference, tenant }) =>
    passed(
      reference === 'current'
        ? `${tenant.slug}, found by header, subdomain, API key, the token's claim or the only membership.`
        : `${tenant.slug}, named as ${reference}.`,
    ),

  membership: ({ principal, access, tenant }) => {
    if (principal.type !== 'user')
      return skipped(`${principal.type === 'apiKey' ? 'An' : 'A'} ${wordsFor(principal)} needs no membership.`)
    if (access === null)
      return failed(
        `No member of ${tenant.slug}, nor of an ancestor with a role that is inherited.`,
        `A membership of ${tenant.slug}, or an inheritable one of an ancestor.`,
      )
    return passed(
      access.inheritedFrom === null
        ? `A member of ${tenant.slug} itself.`
        : `A member of the ancestor ${access.inheritedFrom}, whose role is inherited.`,
    )
  },

  role: ({ principal, access }) => {
    const roles = rolesOf(access)
    return roles.length > 0 && principal.type === 'user'
      ? passed(`${capitalised(conjunction.format(roles.map(nameOf)))}.`)
      : skipped('Without a membership there is no role.')
  },

  scope: ({ principal, access, plan, permission, ...known }) => {
    if (permission === undefined) return skipped('No permission is asked for.')
    const roles = rolesOf(access)
    const source = roles.find(({ scopes }) => scopes.has(permission))
    const holder = source ? capitalised(nameOf(source)) : `The ${wordsFor(principal)}`
    const ofKey = access?.key ? ` ${describeKeyScopes(access.key)}` : ''
    if (access?.scopes.has(permission)) return passed(`${holder} holds ${permission}.${ofKey}`)
    const feature = access?.withheld.get(permission)
    if (feature !== undefined)
      return failed(
        `${holder} holds ${permission}, but it counts only with the feature ${feature}, which the plan ${plan.name} does not have.`,
        amongPlans(known.plansWithPermission),
      )
    if (access?.key) return failed(`${holder} does not hold ${permission}.${ofKey}`, anotherKey(access.key, permission))
    return failed(
      roles.length > 1
        ? `None of the roles holds ${permission}.`
        : `${roles[0] ? capitalised(nameOf(roles[0])) : holder} does not hold ${permission}.`,
      amongRoles(known.rolesWithPermission),
    )
  },

  plan_feature: ({ feature, plan, override, plansWithFeature: plans }) => {
    if (feature === undefined) return skipped('No feature is asked for.')
    if (override) return byOverride(feature, override)
    if (plan.features.has(feature)) return passed(`The plan ${plan.name} has ${feature}.`)
    return failed(`The plan ${plan.name} does not have ${feature}.`, amongPlans(plans))
  },

  tenant_state: ({ tenant: { slug, status, statusReason, inactiveAncestor: above } }) => {
    const lineage = above === null ? '' : ` Above it ${above.id} is ${above.status}.`
    if (status !== 'active')
      return failed(
        `${slug} is ${status}${statusReason === null ? '.' : `: ${statusReason}`}${lineage}`,
        wayBackFrom(status),
      )
    if (above !== null) return failed(`${slug} itself is active.${lineage}`, wayBackFrom(above.status))
    return passed(`${slug} is active.`)
  },

  api_key: ({ principal }) =>
    principal.type === 'apiKey' ? passed('The key is valid.') : skipped('No API key is used.'),

  rate_limit: ({ operations }) =>
    operations.length === 0
      ? skipped('No operation needs this permission.')
      : passed(operations.map(describeBudget).join(' ')),
}

function byOverride(feature: string, { granted, expiresAt }: NonNullable<Situation['override']>): Judgement {
  const until = expiresAt === null ? 'for good' : `until ${expiresAt}`
  const whatever = `whatever the plan has, ${until}.`
  return granted
    ? passed(`An override grants ${feature} to this tenant, ${whatever}`)
    : failed(`An override withdraws ${feature} from this tenant, ${whatever}`, 'A platform admin who takes it away.')
}

const conjunction = new Intl.ListFormat('en')
const capitalised = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

const wordsFor = ({ type }: Situation['principal']) =>
  type === 'apiKey' ? 'API key' : type === 'platformAdmin' ? 'platform admin' : type

const anotherKey = ({ given }: KeyScopes, permission: string) =>
  given.has(permission)
    ? 'A role with this scope for who made the key, or a key made by somebody who holds it.'
    : 'A key with this scope, made by somebody who holds it.'

const rolesOf = (access: Access | null) => access?.sources.filter(({ type }) => type !== 'platform') ?? []

function nameOf({ type, name, inheritedFrom }: Source): string {
  const role = type === 'custom_role' ? `the custom role ${name}` : `the role ${name}`
  return inheritedFrom === null ? role : `${role} of the ancestor ${inheritedFrom}`
}

const amongRoles = (roles: readonly string[]) =>
  roles.length > 0 ? `One of the roles that hold it: ${roles.join(', ')}.` : 'Nothing: no role holds it.'
const amongPlans = (plans: readonly string[]) =>
  plans.length > 0 ? `One of the plans that have it: ${plans.join(', ')}.` : 'Nothing: no plan has it.'

const describeBudget = ({ name, limit, points, windowSeconds }: Situation['operations'][number]) =>
  `${name} draws on the class ${limit}: ${points} calls in ${windowSeconds} seconds.`

function wayBackFrom(status: string): string {
  if (status === 'deleting') return 'Restoring it, while its retention lasts.'
  if (status === 'provisioning') return 'Waiting until it is set up.'
  return 'A platform admin who makes it active again.'
}

/** Every step of the decision in its order, whether or not an earlier one failed. */
export const explainSteps = (situation: Situation): Step[] =>
  stepNames.map((step) => ({ step, ...judges[step](situation) }))
