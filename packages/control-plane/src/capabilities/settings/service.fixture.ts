import { operator, type TestInstallation } from '../../testing.ts'
import { SettingsRevision } from './entity.ts'

/** The saved versions of a tenant's settings, oldest first. */
export function revisionsOf({ database }: TestInstallation, tenantId: string): Promise<SettingsRevision[]> {
  return database.platformUnit({ actor: operator, readOnly: true }, (em) =>
    em.find(SettingsRevision, { tenantId }, { orderBy: { version: 'asc' } }),
  )
}
