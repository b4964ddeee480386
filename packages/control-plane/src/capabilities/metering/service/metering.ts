import type { Clock } from '@tenantry/kernel/context/clock'
import type { Database, Dependencies } from '@tenantry/kernel/context/dependencies'
import { createAside } from '@tenantry/kernel/group-commit/aside'
import { createLanes } from '@tenantry/kernel/group-commit/lanes'
import { callPatiently } from '@tenantry/kernel/group-commit/patient-call'
import type { PlanCatalogue } from '../../plan/index.ts'
import { type WrittenItem, writeBatch } from '../repository/write.ts'
import type { UsageItem } from '../rules/batch.ts'
import { type AccountCall, createAccountCalls } from './account-calls.ts'
import { deferWhereOpen } from './defer.ts'
import { createLimitResolver } from './limits.ts'
import { createRememberer, type RememberOptions } from './remember.ts'

export interface MeteringOptions extends RememberOptions {
  database: Database
  clock: Clock
  logger: Dependencies['logger']
  metrics: Pick<Dependencies['metrics'], 'batchWritten' | 'registerQueue'>
  catalogue: PlanCatalogue
  /** Another number whenever the catalogue may have been entered anew; none where it stays the same. */
  catalogueEpoch?(): number
  /** Whether its catalogue takes the place of another that is in force, as that of a service does. */
  replacesCatalogue?: boolean
  /** Tells of the alerts of a tenant that nobody was told of; those that it leaves are told of later, by a job. */
  announce(tenantId: string): Promise<void>
}

/** The engine: what usage is counted by, exactly, in this process and all others. */
export interface Metering {
  /**
   * Answers when the item is kept, or refused; of a meter that fails open also `deferred`, when it will be kept later.
   * Throws `service.overloaded`, after which the same may be tried again.
   */
  write(item: UsageItem): Promise<WrittenItem>
  /** The same for who keeps the item and sends it again: nothing is deferred. */
  writeUndeferred(item: UsageItem): Promise<WrittenItem>
  /**
   * One call on a tenant's account, by a signed function of its own; it may be made again, after limits were made or the
   * database was gone. Throws `service.overloaded`.
   */
  onAccount<Answer>(tenantId: string, call: AccountCall<Answer>): Promise<Answer>
  /** Resolves when caches show what was counted for the tenant until now. */
  remembered(tenantId: string): Promise<void>
  /** Resolves when those who watch the tenant were told of the alerts until now. */
  told(tenantId: string): Promise<void>
  /**
   * Makes the limits of tenants anew now, so that what stands above them is told at once; where it is not `patient`, not of
   * those whose accounts somebody holds. Throws `service.overloaded`.
   */
  refresh(tenantIds: readonly string[], how?: { patient: boolean }): Promise<void>
  /** Of the catalogue that limits must be made of. Throws `catalogue.not_in_force`. */
  catalogueRevision(): Promise<number>
  /** For functions of the engine that are called in the transaction of somebody else. */
  signValues: Database['signValues']
  /** Has those who watch the tenant told of alerts that somebody else's transaction has raised; does not wait for it. */
  tell(tenantId: string): void
  /** How many items wait. */
  readonly queued: number
  /** How many were answered and wait to be kept. */
  readonly deferred: number
  /**
   * Lets in nothing more, and ends when all is answered and told. `last` is what still calls `writeUndeferred`, until it
   * has settled; what was deferred does not wait for it.
   */
  close(last?: Promise<unknown>): Promise<void>
}

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    metering: Metering
  }
}

const patiently = (work: () => Promise<void>) =>
  callPatiently({ call: async () => ({ answer: await work() }), makeReady: async () => undefined })

function verdictOf(item: WrittenItem): 'busy' | 'unready' | { answer: WrittenItem } {
  if (item.outcome === 'busy') return 'busy'
  return item.outcome === 'unresolved' ? 'unready' : { answer: item }
}

export function createMetering(options: MeteringOptions): Metering {
  const { database, clock, logger, metrics, catalogue } = options
  const resolver = createLimitResolver(options)
  const aside = createAside(logger)
  const announceAll = (tenantIds: readonly string[]) => {
    for (const tenantId of tenantIds) aside.run(`alerts ${tenantId}`, () => options.announce(tenantId))
  }
  const remember = createRememberer(aside, options)
  const resolve = async (tenantIds: readonly string[], patient: boolean) =>
    announceAll(await resolver.resolve(tenantIds, { patient }))
  const lanes = createLanes<UsageItem, WrittenItem>({
    accountOf: ({ tenantId }) => tenantId,
    write: async (items, mode) => {
      const catalogueRevision = await resolver.revision()
      const written = await writeBatch(database, items, { now: clock.now(), catalogueRevision, ...mode })
      for (const [tenantId, values] of written.counters) remember(tenantId, values)
      for (const tenantId of written.unsure) remember(tenantId, null)
      announceAll(written.alerted)
      return written.items.map(verdictOf)
    },
    makeReady: (tenantIds) => resolve(tenantIds, false),
    written: (batch) => metrics.batchWritten(batch),
  })
  const deferral = deferWhereOpen(lanes, { catalogue, logger })
  metrics.registerQueue('usage', () => lanes.size)
  metrics.registerQueue('usage_deferred', () => deferral.size)

  const accounts = createAccountCalls({
    makeReady: (tenantId) => resolve([tenantId], true),
    call: async (tenantId, call, patient) => {
      const done = await call({ database, now: clock.now(), catalogueRevision: await resolver.revision(), patient })
      if (done === 'unready') return done
      if (done.counters.length > 0) remember(tenantId, done.counters)
      announceAll(done.alerted)
      return done
    },
  })

  return {
    write: deferral.write,
    writeUndeferred: (item) => lanes.write(item, { repeated: false }),
    onAccount: accounts.call,
    remembered: (tenantId) => aside.idle(`cache ${tenantId}`),
    told: (tenantId) => aside.idle(`alerts ${tenantId}`),
    refresh: (tenantIds, { patient } = { patient: true }) => patiently(() => resolve(tenantIds, patient)),
    catalogueRevision: resolver.revision,
    signValues: database.signValues,
    tell: (tenantId) => announceAll([tenantId]),
    get queued() {
      return lanes.size
    },
    get deferred() {
      return deferral.size
    },
    close: async (last) => {
      await Promise.all([accounts.close(), Promise.all([deferral.close(), last]).then(lanes.close)])
      await aside.close()
    },
  }
}
