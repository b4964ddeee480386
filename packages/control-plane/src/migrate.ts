import { installJobs } from '@tenantry/kernel/jobs/jobs'
import { withInstallationLock } from '@tenantry/kernel/tenancy/advisory-lock'
import { recordDeclarations } from '@tenantry/kernel/tenancy/declarations'
import { installSigningKeys, runMigrations } from '@tenantry/kernel/tenancy/migrate'
import type { AcceptedKey } from '@tenantry/kernel/tenancy/signed-context'
import { migrations } from '../migrations/index.ts'
import { entities } from './entities.ts'
import { expectedDatabase } from './inspection.ts'

export interface MigrateOptions {
  /** URL of `tenantry_owner`. */
  ownerUrl: string
  /** URL of `tenantry_jobs`. */
  jobsUrl: string
  /** A function where they may change until it is this process's turn. */
  signingKeys: readonly AcceptedKey[] | (() => Promise<readonly AcceptedKey[]>)
}

/** What a database still lacks before this version may serve from it. */
export function pendingMigrations(applied: readonly string[]): string[] {
  return migrations.map(({ name }) => name).filter((name) => !applied.includes(name))
}

/** Brings a provisioned database up to date; safe to repeat, and in several processes at once. Returns the migrations that ran. */
export async function migrate({ ownerUrl, jobsUrl, signingKeys }: MigrateOptions): Promise<string[]> {
  return withInstallationLock(ownerUrl, async () => {
    const ran = await runMigrations({ ownerUrl, entities, migrations })
    await installSigningKeys(ownerUrl, typeof signingKeys === 'function' ? await signingKeys() : signingKeys)
    await installJobs(jobsUrl)
    await recordDeclarations(ownerUrl, expectedDatabase)
    return ran
  })
}
