import { createBackground } from '@tenantry/kernel/background/background'
import type { Bus } from '@tenantry/kernel/bus/bus'
import type { Clock } from '@tenantry/kernel/context/clock'
import type { Dependencies, Directory, Services, TenantAccess } from '@tenantry/kernel/context/dependencies'
import type { AnyOperation } from '@tenantry/kernel/contract/operation'
import type { Mailer } from '@tenantry/kernel/mail/mailer'
import type { OperationMeta } from '@tenantry/kernel/trpc/init'
import { migrations } from '../migrations/index.ts'
import { createBudgets } from './budgets.ts'
import { type AccessRow, createDirectory, findDeactivated, listInactive } from './capabilities/access/index.ts'
import { createApiCalls } from './capabilities/api-call/index.ts'
import { type ApiKeyOptions, createApiKeys } from './capabilities/api-key/index.ts'
import { auditLog } from './capabilities/audit/index.ts'
import { createLiveCatalogue } from './capabilities/catalogue/index.ts'
import { explainPath } from './capabilities/decision/index.ts'
import { createEventStreams, type EventStreamOptions } from './capabilities/event/index.ts'
import { createInvitations } from './capabilities/invitation/index.ts'
import { createIsolation } from './capabilities/isolation/index.ts'
import { createMetering, findLatestDigest, tenantAt } from './capabilities/metering/index.ts'
import type { OnboardingOptions } from './capabilities/onboarding/index.ts'
import { type CatalogueReading, featuresOf, type PlanCatalogue, readCatalogue } from './capabilities/plan/index.ts'
import { createUsageSources } from './capabilities/reconciliation/index.ts'
import { listPlansInUse } from './capabilities/tenant/index.ts'
import { announceAlerts, rememberUsage } from './capabilities/usage/index.ts'
import { createSightings } from './capabilities/user/index.ts'
import { expectedDatabase } from './inspection.ts'
import { joinAsOwner } from './join-as-owner.ts'
import { appRouter } from './router.ts'
import { version } from './version.ts'

/** What `createDependencies` makes itself. */
type Made =
  | 'background'
  | 'directory'
  | 'apiKeys'
  | 'auditLog'
  | 'budget'
  | 'explainPath'
  | 'callQuota'
  | 'platformAccess'
  | 'services'

export type ControlPlaneParts = Omit<Dependencies, Made> &
  Pick<Dependencies['services'], 'bus' | 'cache'> & {
    catalogue: PlanCatalogue
    /** Reads its file again; the default one unless told. */
    readCatalogue?: () => CatalogueReading
    /** Whether the catalogue takes the place of another that is in force, as that of a service does; not unless told. */
    replacesCatalogue?: boolean
    apiKeyTexts: ApiKeyOptions['texts']
    /** Whether the doors know platform admins; they do unless told. */
    platformAccess?: boolean
    streams?: Partial<Omit<EventStreamOptions, 'bus' | 'look'>>
    onboarding?: Partial<OnboardingOptions>
    mailer?: Mailer | null
    /** Where people reach this installation; links in mails begin with it. */
    publicUrl?: string
    /** How long a tenant that was deleted can be restored; 30 unless told. */
    deletionRetentionDays?: number
  }

type Entitled = Pick<TenantAccess['tenant'], 'plan' | 'featureOverrides'>

const changedTenants = 'tenants.changed'
const expectedPeople = 'people.expected'
const changedPeople = 'people.changed'
const changedKeys = 'api_keys.changed'
const watcher = { type: 'system', name: 'streams' } as const

/** Joins the kernel's parts with what the product answers itself. */
export function createDependencies(given: ControlPlaneParts): Dependencies {
  const {
    bus,
    cache,
    catalogue: _,
    readCatalogue: __,
    replacesCatalogue: ___,
    apiKeyTexts,
    streams,
    onboarding,
    mailer = null,
    publicUrl = 'http://127.0.0.1:3000',
    platformAccess = true,
    deletionRetentionDays = 30,
    ...parts
  } = given
  const { catalogue, scopes, ...liveCatalogue } = openCatalogue(given)
  const sightings = createSightings(parts)
  const rights = { ...parts, scopes, ...plannedBy(catalogue, parts.clock) }
  const directory = createDirectory({
    ...rights,
    noteSeen: sightings.note,
    claimOwnership: (user, tenantId) => joinAsOwner(dependencies, user, tenantId),
  })
  const apiKeys = createApiKeys({ ...parts, directory, catalogue, texts: apiKeyTexts, platformAccess })

  const here = forgettingHere(directory, apiKeys, () => eventStreams)
  const budget = createBudgets({ cache, catalogue, database: parts.database })
  const eventStreams = createEventStreams({
    bus,
    heartbeatMilliseconds: 15_000,
    streamsPerTenant: 50,
    ...streams,
    look: async (tenantIds) => {
      for (const id of await listInactive(parts.database, watcher, tenantIds).catch(() => [])) here.forgetAccess(id)
      for (const id of await directory.changedUsers().catch(() => [])) here.forgetUser(id)
    },
  })
  const metering = openMetering(given, { catalogue, liveCatalogue, dependencies: () => dependencies })
  const services = {
    bus,
    cache,
    catalogue,
    ...alsoServed(parts),
    apiCalls: createApiCalls(() => dependencies, parts),
    liveCatalogue,
    apiKeys,
    decisions: { ...decisionsIn(rights, directory), budget },
    deletionRetentionDays,
    eventStreams,
    forgetAccess: everywhere(bus, changedTenants, here.forgetAccess),
    forgetApiKey: everywhere(bus, changedKeys, apiKeys.forget),
    forgetSignIns: everywhere(bus, expectedPeople, directory.forgetSignIns),
    forgetUser: everywhere(bus, changedPeople, here.forgetUser),
    sightings,
    invitations: createInvitations({ database: parts.database, directory }),
    isolation: openIsolation(parts),
    mailer,
    metering,
    publicUrl: publicUrl.replace(/\/+$/, ''),
    onboarding: { selfService: false, region: 'default', ...onboarding },
    scopes,
  }
  const made = { directory, apiKeys, auditLog, budget, explainPath, platformAccess, services }
  const dependencies: Dependencies = { ...parts, ...made, background: createBackground(), callQuota: services.apiCalls }
  return dependencies
}

const alsoServed = ({ abuseGuard, sealer, database }: Pick<Dependencies, 'abuseGuard' | 'sealer' | 'database'>) => ({
  abuseGuard,
  sealer,
  usageSources: createUsageSources({ database }),
})

const openCatalogue = ({ bus, logger, catalogue, readCatalogue: read = readCatalogue, database }: ControlPlaneParts) =>
  createLiveCatalogue({
    bus,
    logger,
    initial: catalogue,
    read: () => read(),
    latestDigest: () => findLatestDigest(database, { type: 'system', name: 'catalogue' }).catch(() => null),
  })

const plannedBy = (catalogue: PlanCatalogue, clock: Clock) => ({
  featuresOf: (tenant: Entitled) => featuresOf(catalogue, tenant, clock.now()),
  tenantNow: (stored: AccessRow) => tenantAt(catalogue, stored, clock.now()),
})

const decisionsIn = (
  rights: Parameters<typeof findDeactivated>[0],
  { findAccess }: Directory,
): Omit<Services['decisions'], 'budget'> => ({
  findAccess,
  findDeactivated: (actor, about) => findDeactivated(rights, actor, about),
  operationsNeeding,
})

const forgettingHere = (
  directory: Directory,
  apiKeys: Services['apiKeys'],
  streams: () => Services['eventStreams'],
) => ({
  forgetAccess: (tenantId: string) => {
    directory.forget(tenantId)
    apiKeys.forgetTenant(tenantId)
    streams().wake(tenantId)
  },
  forgetUser: (userId: string) => {
    directory.forgetUser(userId)
    streams().wakeAll()
  },
})

function everywhere(bus: Bus, channel: string, forget: (name: string) => void): (name: string) => void {
  bus.subscribe(channel, (name) => forget(String(name)))
  return (name) => {
    // At once in this process, whose caller may ask again before any message is back.
    forget(name)
    void bus.publish(channel, name)
  }
}

const openMetering = (
  { database, clock, logger, metrics, cache, replacesCatalogue = false }: ControlPlaneParts,
  {
    catalogue,
    liveCatalogue,
    dependencies,
  }: Pick<Services, 'catalogue' | 'liveCatalogue'> & { dependencies(): Dependencies },
) =>
  createMetering({
    database,
    clock,
    logger,
    metrics,
    catalogue,
    catalogueEpoch: liveCatalogue.epoch,
    replacesCatalogue,
    announce: (tenantId) => announceAlerts(dependencies(), tenantId),
    remember: (tenantId, counters) => rememberUsage(cache, tenantId, counters),
    forget: (tenantId) => cache.invalidate(tenantId, 'usage'),
  })

const openIsolation = ({ database, clock }: Pick<Dependencies, 'database' | 'clock'>) =>
  createIsolation({
    database,
    clock,
    expected: expectedDatabase,
    migrations: migrations.map(({ name }) => name),
    version,
  })

function operationsNeeding(permission: string): { name: string; operation: AnyOperation }[] {
  // The types nest what stands flat there at run time, by path.
  const procedures = appRouter._def.procedures as unknown as Record<string, { _def: { meta: OperationMeta } }>
  return Object.entries(procedures)
    .map(([name, { _def }]) => ({ name, operation: _def.meta.operation }))
    .filter(({ operation }) => operation.permission === permission)
}

/** Plans that tenants have but the catalogue does not: these tenants are served as the lowest plan. */
export async function findMissingPlans({ database, services }: Dependencies): Promise<string[]> {
  const actor = { type: 'system', name: 'catalogue' } as const
  const inUse = await database.platformUnit({ actor, readOnly: true }, listPlansInUse)
  return inUse.filter((plan) => services.catalogue.plan(plan) === null)
}
