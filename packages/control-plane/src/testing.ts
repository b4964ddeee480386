import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createDevelopmentIssuer,
  createDevelopmentKey,
  type DevelopmentIssuer,
} from '@tenantry/kernel/authentication/development-issuer'
import { createTokenVerifier } from '@tenantry/kernel/authentication/token-verifier'
import { createMemoryBus } from '@tenantry/kernel/bus/memory-bus'
import { createTenantCache } from '@tenantry/kernel/cache/tenant-cache'
import type { Actor } from '@tenantry/kernel/context/actor'
import { type Clock, systemClock } from '@tenantry/kernel/context/clock'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { createApiKeyTexts } from '@tenantry/kernel/crypto/api-key-text'
import { createSealer } from '@tenantry/kernel/crypto/sealer'
import { createLogger } from '@tenantry/kernel/observability/logger'
import { createMetrics } from '@tenantry/kernel/observability/metrics'
import { createAbuseGuard } from '@tenantry/kernel/rate-limit/abuse-guard'
import { createFailureBlock } from '@tenantry/kernel/rate-limit/failure-block'
import { createRateLimits } from '@tenantry/kernel/rate-limit/rate-limits'
import { type DatabaseOptions, type OpenDatabase, openDatabase } from '@tenantry/kernel/tenancy/unit-of-work'
import { inject } from 'vitest'
import { createInternalCaller, type InternalCall, type InternalCaller } from './caller.ts'
import type { BaseRole } from './capabilities/access/index.ts'
import { AuditEntry, PlatformAuditEntry } from './capabilities/audit/entity.ts'
import { insertMembership, insertUser } from './capabilities/member/index.ts'
import { loadCatalogue, type PlanCatalogue, readCatalogue } from './capabilities/plan/index.ts'
import { Tenant } from './capabilities/tenant/entity.ts'
import { insertTenant, type NewTenant } from './capabilities/tenant/repository.ts'
import { type ControlPlaneParts, createDependencies } from './dependencies.ts'
import { entities } from './entities.ts'
import { cloneTemplate, type TestDatabase } from './testing-database.ts'

export interface TestTenant {
  id: string
  slug: string
}

export interface TestUser {
  id: string
  email: string
}

export interface NewTestTenant {
  plan?: string
  status?: NewTenant['status']
  parent?: { id: string }
  slug?: string
  statusReason?: string
  timezone?: string
}

/** A real installation over a database of its own. `await using` closes it. */
export interface TestInstallation extends AsyncDisposable {
  dependencies: Dependencies
  database: OpenDatabase
  testDatabase: TestDatabase
  /** What a reload reads, once it has been written; the default catalogue until then. */
  catalogueFile: string
  /** Signs tokens that `dependencies.authenticator` accepts; the subject is the e-mail address, as with `createUser`. */
  issuer: DevelopmentIssuer
  createTenant(tenant?: NewTestTenant): Promise<TestTenant>
  createUser(email?: string): Promise<TestUser>
  /** Owners and admins are members of descendants too. A user's access is remembered for a second after a call. */
  addMember(tenantId: string, userId: string, role: BaseRole): Promise<void>
  /** A new user with that role in the tenant. */
  createMember(tenantId: string, role: BaseRole): Promise<TestUser>
  /** A fresh tenant and a caller in it, whose budgets and caches nobody has touched; the owner if nothing else is said. */
  enter(
    options?: NewTestTenant & { role?: BaseRole },
  ): Promise<{ tenant: TestTenant; user: TestUser; caller: InternalCaller }>
  /** Calls as a user, or as any other actor; the tenant by id, slug or externalId. */
  callerAs(
    caller: TestUser | InternalCall['actor'],
    tenantRef?: string,
    options?: Pick<InternalCall, 'idempotencyKey' | 'requestId' | 'signal'>,
  ): InternalCaller
  /** The tenant's log, oldest first, with what is written after the answer. */
  auditEntries(tenantId: string): Promise<AuditEntry[]>
  /** The installation's log, oldest first, likewise. */
  platformAuditEntries(): Promise<PlatformAuditEntry[]>
  /** Closes what is open and drops the database. */
  close(): Promise<void>
}

/** The platform admin that tests act as. */
export const operator = {
  type: 'platformAdmin',
  id: '00000000-0000-7000-8000-000000000000',
  email: 'operator@platform.test',
  name: null,
} satisfies Actor

export interface TestInstallationOptions {
  clock?: Clock
  platformAccess?: boolean
  streams?: ControlPlaneParts['streams']
  onboarding?: ControlPlaneParts['onboarding']
  mailer?: ControlPlaneParts['mailer']
  /** How its database is reached, where not directly. */
  reach?(database: TestDatabase): Promise<Partial<DatabaseOptions>>
  publicUrl?: string
  /** Whether people and keys are blocked who probe for tenants or go on against limits, as tests do in whole tables. */
  blocking?: boolean
  /** In place of the default one, until it is reloaded. */
  catalogue?: PlanCatalogue
}

export async function openTestInstallation({
  clock = systemClock,
  platformAccess = true,
  streams = {},
  onboarding = {},
  mailer = null,
  reach = async () => ({}),
  publicUrl = 'https://tenantry.example',
  blocking = true,
  catalogue = loadCatalogue(),
}: TestInstallationOptions = {}): Promise<TestInstallation> {
  const testDatabase = await cloneTemplate(
    `${inject('postgresUrl')}/postgres`,
    `test_${randomBytes(8).toString('hex')}`,
  )
  const database = await openDatabase({
    appUrl: testDatabase.urls.tenantry_app,
    platformUrl: testDatabase.urls.tenantry_platform,
    entities,
    signingKey: testDatabase.signingKey,
    poolSize: 10,
    statementTimeoutMilliseconds: 15_000,
    refuseSecondConnection: true,
    ...(await reach(testDatabase)),
  })
  const issuer = createDevelopmentIssuer({
    issuer: 'urn:tenantry:test',
    audience: 'tenantry',
    key: createDevelopmentKey(),
    clock,
  })
  const catalogueFile = join(tmpdir(), `${testDatabase.name}.yaml`)
  const logger = createLogger({ level: 'silent' })
  const encryptionKeys = [{ id: 'test', key: randomBytes(32) }]
  const rateLimits = createRateLimits()
  const dependencies = createDependencies({
    clock,
    logger,
    metrics: createMetrics(),
    database,
    authenticator: createTokenVerifier({ issuers: [issuer], clock }),
    rateLimits,
    failureBlock: createFailureBlock({ clock }),
    abuseGuard: createAbuseGuard({
      clock,
      rateLimits,
      openBlock: ({ rules, ...details }) =>
        createFailureBlock({
          clock,
          ...details,
          rules: blocking ? rules : { ...rules, failures: Number.POSITIVE_INFINITY },
        }),
    }),
    sealer: createSealer(encryptionKeys),
    apiKeyTexts: createApiKeyTexts('test', encryptionKeys),
    bus: createMemoryBus(logger),
    cache: createTenantCache({ clock, maxItems: 10_000 }),
    catalogue,
    readCatalogue: () => readCatalogue(existsSync(catalogueFile) ? catalogueFile : undefined),
    replacesCatalogue: true,
    platformAccess,
    streams,
    onboarding,
    mailer,
    publicUrl,
  })
  const population = populating(dependencies, issuer)
  const close = async () => {
    const { apiCalls, metering } = dependencies.services
    await Promise.all([dependencies.background.settled(), metering.close(apiCalls.close())])
    await database.close()
    await testDatabase.drop()
    rmSync(catalogueFile, { force: true })
  }
  const callerAs: TestInstallation['callerAs'] = (caller, tenantRef, options) =>
    createInternalCaller(dependencies, {
      actor: 'type' in caller ? caller : { type: 'user', ...caller, name: null },
      ...(tenantRef === undefined ? {} : { tenantId: tenantRef }),
      ...options,
    })
  const createMember: TestInstallation['createMember'] = async (tenantId, role) => {
    const user = await population.createUser()
    await population.addMember(tenantId, user.id, role)
    return user
  }
  return {
    dependencies,
    database,
    testDatabase,
    catalogueFile,
    issuer,
    ...population,
    ...observing(dependencies),
    createMember,
    callerAs,
    enter: async ({ role = 'owner', ...tenantOptions } = {}) => {
      const tenant = await population.createTenant(tenantOptions)
      const user = await createMember(tenant.id, role)
      return { tenant, user, caller: callerAs(user, tenant.id) }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function populating(
  { database, clock }: Dependencies,
  { issuer }: DevelopmentIssuer,
): Pick<TestInstallation, 'createTenant' | 'createUser' | 'addMember'> {
  return {
    createTenant: ({ plan = 'business', parent, slug = `tenant-${randomBytes(6).toString('hex')}`, ...fields } = {}) =>
      database.platformUnit({ actor: operator, readOnly: false }, async (em) => {
        const tenant = await insertTenant(em, {
          ...fields,
          slug,
          name: `Tenant ${slug}`,
          plan,
          contactEmail: `owner@${slug}.test`,
          createdAt: clock.now(),
          parent: parent ? await em.findOneOrFail(Tenant, { id: parent.id }) : null,
        })
        return { id: tenant.id, slug }
      }),

    createUser: async (email = `user-${randomBytes(6).toString('hex')}@people.test`) => {
      const user = { issuer, subject: email, email, name: null, createdAt: clock.now() }
      return {
        id: await database.platformUnit({ actor: operator, readOnly: false }, (em) => insertUser(em, user)),
        email,
      }
    },

    addMember: (tenantId, userId, role) =>
      database.tenantUnit({ tenantId, actor: operator, readOnly: false }, (em) =>
        insertMembership(em, { userId, role, joinedAt: clock.now() }),
      ),
  }
}

function observing({
  background,
  database,
}: Dependencies): Pick<TestInstallation, 'auditEntries' | 'platformAuditEntries'> {
  const read = { actor: operator, readOnly: true }
  // Ids are sorted by the time of their making.
  const orderBy = { id: 'asc' } as const
  return {
    auditEntries: async (tenantId) => {
      await background.settled()
      return database.platformUnit(read, (em) => em.find(AuditEntry, { tenantId }, { orderBy }))
    },
    platformAuditEntries: async () => {
      await background.settled()
      return database.platformUnit(read, (em) => em.find(PlatformAuditEntry, {}, { orderBy }))
    },
  }
}
