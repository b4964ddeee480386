import { createInternalCaller } from '@tenantry/control-plane/caller'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { AppError } from '@tenantry/kernel/errors/app-error'

/** As `POST /platform/catalogue/reload`; what comes of it is logged. */
export async function reloadCatalogue(dependencies: Dependencies): Promise<void> {
  const { logger } = dependencies
  try {
    const { applied, ...diff } = await createInternalCaller(dependencies, {
      actor: { type: 'system', name: 'SIGHUP' },
    }).catalogue.reload({})
    logger.info({ applied, diff }, applied ? 'the plan catalogue was reloaded' : 'the plan catalogue says the same')
  } catch (error) {
    const issues = error instanceof AppError ? error.details.issues : undefined
    logger.error({ err: error, issues }, 'the plan catalogue was not reloaded; the one before stays in force')
  }
}

/** Has the others told where this process starts with another catalogue than they have. */
export async function announceCatalogue({ services, logger }: Dependencies): Promise<void> {
  const { liveCatalogue, metering } = services
  try {
    await liveCatalogue.announce(metering.catalogueRevision)
  } catch (error) {
    logger.error({ err: error }, 'the plan catalogue could not be compared with that of other processes')
  }
}
