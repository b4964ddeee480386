import { type ExpectedDatabase, entityTable, type Finding, inspectDatabase } from '@tenantry/kernel/tenancy/inspection'
import { schemaDrift } from '@tenantry/kernel/tenancy/migrate'
import { refusedFunctions, refusingTrigger } from '@tenantry/kernel/tenancy/provision'
import { functionRoles, loginRoles } from '@tenantry/kernel/tenancy/roles'
import { migrations } from '../migrations/index.ts'
import { entities, platformTables, systemTables, tenantTables } from './entities.ts'
import { grants, schemaOwners } from './grants.ts'

/** What a database of this version holds, as entities and grants declare it. */
export const expectedDatabase: ExpectedDatabase = {
  tables: [
    ...tenantTables.map((entity) => entityTable(entity, 'tenant')),
    ...platformTables.map(({ entity }) => entityTable(entity, 'platform')),
    ...systemTables.map(({ name, policies }) => ({ name, scope: 'system' as const, policies })),
  ],
  schemaOwners,
  grants,
  roles: {
    login: loginRoles,
    function: functionRoles,
    owner: 'tenantry_owner',
    serving: ['tenantry_app', 'tenantry_platform'],
    refusedFunctions: refusedFunctions.map((name) => `pg_catalog.${name}`),
    refusingTrigger,
  },
}

/** Whatever in a live installation is not as this version declares it. `ownerUrl` is the URL of `tenantry_owner`. */
export async function inspectInstallation(ownerUrl: string): Promise<Finding[]> {
  const drift = await schemaDrift({ ownerUrl, entities, migrations })
  return [
    ...(await inspectDatabase(ownerUrl, expectedDatabase)),
    ...drift.map((statement) => ({
      subject: 'schema tenantry',
      message: `It differs from what the entities declare: a migration must do “${statement}”.`,
    })),
  ]
}
