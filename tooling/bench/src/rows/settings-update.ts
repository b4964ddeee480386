import { createInternalCaller } from '@tenantry/control-plane/caller'
import { insertTenant } from '@tenantry/control-plane/capabilities/tenant/index'
import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import { newId } from '@tenantry/kernel/tenancy/id'
import pg from 'pg'
import { superuserUrl, useDataFolder } from '../data-folder.ts'
import { openInstallation, readConfig } from '../installation.ts'
import { processLoad } from '../load.ts'
import { type Comparison, compare, type Row } from '../row.ts'

export const settingsUpdateRows: Row[] = [64, 1].map((tenantCount) => ({
  name: `settings update with audit and revision, ${tenantCount === 1 ? 'one tenant' : `${tenantCount} tenants`}`,
  ceiling: 'one UPDATE and two INSERTs in one transaction',
  goal: 0.4,
  measure: (held) => measure(held, tenantCount),
}))

/** In process and as a service, which no rate limit holds for; both sides write the same rows of the same tenants. */
async function measure(held: AsyncDisposableStack, tenantCount: number): Promise<Comparison> {
  const dataFolder = await useDataFolder(held)
  const config = readConfig({ DATA_DIR: dataFolder, LOG_LEVEL: 'warn' })
  const { dependencies, close } = await openInstallation(config)
  held.defer(close)
  const pool = new pg.Pool({ connectionString: await superuserUrl(dataFolder), max: config.DATABASE_POOL_SIZE })
  held.defer(() => pool.end())

  const tenantIds = await createTenants(dependencies, tenantCount)
  const tenantAt = (index: number) => tenantIds[index % tenantCount] ?? ''
  // The first update of a tenant makes the row that the ceiling finds there.
  for (const tenantId of tenantIds) await update(dependencies, tenantId, -1)
  return compare(
    processLoad((index) => update(dependencies, tenantAt(index), index)),
    processLoad((index) => write(pool, tenantAt(index), index)),
  )
}

function createTenants({ database, clock }: Dependencies, count: number): Promise<string[]> {
  return database.platformUnit({ actor: { type: 'system', name: 'bench' }, readOnly: false }, async (em) => {
    const ids: string[] = []
    for (let index = 0; index < count; index++) {
      const slug = `bench-${index}`
      const contactEmail = `owner@${slug}.test`
      const tenant = await insertTenant(em, { slug, name: slug, plan: 'free', contactEmail, createdAt: clock.now() })
      ids.push(tenant.id)
    }
    return ids
  })
}

async function update(dependencies: Dependencies, tenantId: string, index: number): Promise<void> {
  const caller = createInternalCaller(dependencies, { actor: { type: 'service', name: 'bench' }, tenantId })
  await caller.tenants.updateSettings({ settings: { branding: { businessName: `Business ${index}` } } })
}

const statements = {
  settings: `update tenantry.tenant_settings set document = $2, version = version + 1, updated_at = now()
    where tenant_id = $1 returning version`,
  revision: `insert into tenantry.settings_revisions
    (tenant_id, version, document, changed_keys, actor_type, actor_id, created_at)
    values ($1, $2, $3, '{settings.branding.businessName}', 'service', 'service:bench', now())`,
  audit: `insert into tenantry.audit_entries
    (tenant_id, id, at, action, outcome, actor_type, actor_id, target_type, target_id, changes, request_id)
    values ($1::uuid, $2::uuid, now(), 'settings.updated', 'success', 'service', 'service:bench', 'settings', $1::text, $3, $2::uuid::text)`,
}

async function write(pool: pg.Pool, tenantId: string, index: number): Promise<void> {
  const businessName = `Plain ${index}`
  const document = { branding: { businessName } }
  const changes = { 'settings.branding.businessName': { before: 'Plain', after: businessName } }
  const client = await pool.connect()
  try {
    await client.query('begin')
    const { rows } = await client.query<{ version: number }>(statements.settings, [tenantId, document])
    await client.query(statements.revision, [tenantId, rows[0]?.version, document])
    await client.query(statements.audit, [tenantId, newId(), changes])
    await client.query('commit')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}
