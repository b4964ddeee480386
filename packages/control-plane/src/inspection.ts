import {
  type ExpectedDatabase,
  entityTable,
  type Finding,
  inspect,
  printDeclarations,
  withSnapshot,
} from '@tenantry/kernel/tenancy/inspection'
import { schemaDrift } from '@tenantry/kernel/tenancy/migrate'
import { provisionedFunctionsSql, refusedFunctions, refusingTrigger } from '@tenantry/kernel/tenancy/provision'
import { functionRoles, loginRoles } from '@tenantry/kernel/tenancy/roles'
import { migrations } from '../migrations/index.ts'
import type { OwnersView } from './capabilities/isolation/index.ts'
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
  scripts: [provisionedFunctionsSql, ...migrations.map(({ sql }) => sql)],
  extensions: { plpgsql: 'pg_catalog', pgcrypto: 'tenancy' },
}

/** What the owner of the database can tell of it. `ownerUrl` is the URL of `tenantry_owner`. */
export async function ownersView(ownerUrl: string): Promise<OwnersView> {
  return {
    printed: await withSnapshot(ownerUrl, (query) => printDeclarations(query, expectedDatabase)),
    drift: await schemaDrift({ ownerUrl, entities, migrations }),
  }
}

/** Whatever in the catalogue of a live installation is not as this version declares it. */
export async function inspectInstallation(ownerUrl: string): Promise<Finding[]> {
  const { printed, drift } = await ownersView(ownerUrl)
  const inspected = await withSnapshot(ownerUrl, (query) => inspect(query, expectedDatabase, printed))
  return [
    ...inspected.flatMap(({ findings }) => findings),
    ...drift.map((statement) => ({
      subject: 'schema tenantry',
      message: `It differs from what the entities declare: a migration must do “${statement}”.`,
    })),
  ]
}
