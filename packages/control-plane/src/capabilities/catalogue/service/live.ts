import type { Bus } from '@tenantry/kernel/bus/bus'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { createScopes, type ScopeCatalogue } from '../../access/index.ts'
import type { CatalogueReading, PlanCatalogue } from '../../plan/index.ts'

/** The catalogue of this process, which may become another while it runs. */
export interface LiveCatalogue {
  /** The one in force, whichever that is at the time it is asked. */
  catalogue: PlanCatalogue
  scopes: ScopeCatalogue
  /** Reads the file again; nothing takes effect. */
  read(): CatalogueReading
  /** Puts another one in force, here and wherever the file says the same. */
  take(catalogue: PlanCatalogue): void
  /** Whether another process has a newer one than the file of this one says. */
  isOutdated(): boolean
  /** Another number whenever one came into force, here or elsewhere: the same may have been entered anew since. */
  epoch(): number
  /** Has the one of this process entered; the others are told if theirs is another. */
  announce(enter: () => Promise<unknown>): Promise<void>
  /** Compares with the one that was entered last. */
  catchUp(): Promise<void>
}

export interface LiveCatalogueOptions extends Pick<Dependencies, 'logger'> {
  bus: Bus
  initial: PlanCatalogue
  read(): CatalogueReading
  /** Of the catalogue that limits were last made of; null before there are any, and where it cannot be asked. */
  latestDigest(): Promise<string | null>
}

const channel = 'catalogue.changed'

export function createLiveCatalogue({ bus, logger, initial, read, latestDigest }: LiveCatalogueOptions): LiveCatalogue {
  let current = initial
  let scopes = createScopes(initial.scopes)
  let isOutdated = false
  let epoch = 0

  function put(next: PlanCatalogue): void {
    current = next
    scopes = createScopes(next.scopes)
    isOutdated = false
    epoch += 1
  }

  function consider(digest: unknown): void {
    if (digest === current.digest) {
      isOutdated = false
      epoch += 1
      return
    }
    const reading = read()
    if ('catalogue' in reading && reading.catalogue.digest === digest) {
      put(reading.catalogue)
      logger.info({ digest }, 'the plan catalogue was read again')
      return
    }
    isOutdated = true
    logger.error(
      { digest, faults: 'problems' in reading ? reading.problems : [] },
      'another process has another plan catalogue than the file of this one',
    )
  }

  bus.subscribe(channel, consider)
  async function catchUp(): Promise<void> {
    const digest = await latestDigest()
    if (digest !== null) consider(digest)
  }

  bus.onRecovered(() => void catchUp())

  return {
    catalogue: follow(() => current),
    scopes: followScopes(() => scopes),
    read,
    take: (next) => {
      put(next)
      void bus.publish(channel, next.digest)
    },
    isOutdated: () => isOutdated,
    epoch: () => epoch,
    announce: async (enter) => {
      const latest = await latestDigest()
      await enter()
      if (latest !== current.digest) await bus.publish(channel, current.digest)
    },
    catchUp,
  }
}

/** Stands for whichever is in force, so that whoever has kept it needs no other. */
const follow = (current: () => PlanCatalogue): PlanCatalogue => ({
  get digest() {
    return current().digest
  },
  get currency() {
    return current().currency
  },
  get meters() {
    return current().meters
  },
  get features() {
    return current().features
  },
  get scopes() {
    return current().scopes
  },
  get plans() {
    return current().plans
  },
  get order() {
    return current().order
  },
  get defaultPlan() {
    return current().defaultPlan
  },
  plan: (name) => current().plan(name),
})

const followScopes = (current: () => ScopeCatalogue): ScopeCatalogue => ({
  get all() {
    return current().all
  },
  get every() {
    return current().every
  },
  get ofRole() {
    return current().ofRole
  },
  featureOf: (scope) => current().featureOf(scope),
})
