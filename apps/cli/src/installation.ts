import type { InternalCaller } from '@tenantry/control-plane/caller'
import type { InstallationParts, OpenOptions } from '@tenantry/installation/open'
import { AppError } from '@tenantry/kernel/errors/app-error'
import type { z } from 'zod'
import type { Surroundings } from './command.ts'
import type { Config } from './config.ts'
import { idOf } from './named-user.ts'

/** Works on the installation of the environment: joins its embedded server, or starts it and stops it again. */
export async function withInstallation<Result>(
  environment: NodeJS.ProcessEnv,
  work: (parts: InstallationParts, config: Config) => Promise<Result>,
  options: Partial<Pick<OpenOptions, 'prepare'>> = {},
): Promise<Result> {
  const { openInstallation } = await import('./open-installation.ts')
  return openInstallation(environment, work, options)
}

interface Asked<Operation> {
  /** Its contract, from a module that loads no database. */
  operation: () => Promise<Operation>
  input: object
  /** By id, slug or externalId. */
  tenant?: string
  /** By id, or by an address that no other has; the operation gets the id. */
  user?: string
  idempotencyKey?: string | undefined
  /** Refused, with `catalogue.not_in_force`, where the services have another plan catalogue: what is told and done rests on it. */
  underCatalogue?: boolean
}

const unknownId = '00000000-0000-7000-8000-000000000000'

interface CheckedOperation {
  input: z.ZodType
}

/** Checks what was typed as the operation does, opens the installation, and calls it as the command line. */
export async function operate<Operation extends CheckedOperation, Result>(
  { environment }: Surroundings,
  { operation, input, tenant, user, idempotencyKey, underCatalogue = false }: Asked<Operation>,
  call: (caller: InternalCaller, input: z.input<Operation['input']>) => Promise<Result>,
): Promise<Result> {
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
  const told = tenant === undefined ? given : { ...given, tenantId: 'current' }
  const isAddress = user?.includes('@') ?? false
  // Whom an address belongs to is known only once the installation is open.
  const shown = { ...told, ...(user === undefined ? {} : { userId: isAddress ? unknownId : user }) }
  await check((await operation()).input, shown)
  const work = () =>
    withInstallation(environment, async (parts) => {
      const { callerIn } = await import('./open-installation.ts')
      if (underCatalogue) await parts.dependencies.services.metering.catalogueRevision()
      const whole =
        user === undefined || !isAddress ? shown : { ...shown, userId: await idOf(callerIn(parts).users, user) }
      return call(callerIn(parts, tenant, idempotencyKey), whole as z.input<Operation['input']>)
    })
  return tenant === undefined ? work() : namingTenant(tenant, work)
}

/** Throws `request.invalid`, as the operation would. */
export async function check(schema: z.ZodType, input: object): Promise<void> {
  await import('@tenantry/kernel/contract/plain-words')
  const { success, error } = schema.safeParse(input)
  if (success) return
  const { issuesOf } = await import('@tenantry/kernel/errors/to-trpc-error')
  const { requestErrors } = await import('@tenantry/kernel/contract/errors')
  throw requestErrors.invalid({ issues: issuesOf(error) })
}

/** The error of an operation says that there is none, not what was looked for: callers over the network know what they asked. */
export async function namingTenant<Result>(tenant: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'tenant.not_found') throw error
    const { tenantSelectionErrors } = await import('@tenantry/kernel/contract/errors')
    const named = `There is no tenant “${tenant}”. Name it by slug, id or externalId.`
    throw tenantSelectionErrors.not_found(error.details, named)
  }
}
