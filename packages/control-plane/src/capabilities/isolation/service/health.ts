import type { Database, Rehearsal } from '@tenantry/kernel/context/dependencies'
import { listConnectionLimits, listReplicationSlots, listValidKeys, type Server } from '../repository/health.ts'
import { lookWithin } from '../repository/look.ts'
import { connectionsCheck, replicationCheck, signingKeysCheck, versionCheck } from '../rules/health.ts'
import type { Check } from '../rules/report.ts'

interface Seen {
  server: Server
  pool: ReturnType<Database['pool']>
}

export async function healthChecks(rehearsal: Rehearsal, { server, pool }: Seen): Promise<Check[]> {
  return [
    await lookWithin(
      rehearsal,
      {
        name: 'signing_keys',
        promise: 'At most two keys sign contexts, this process has one of them, and one will stay valid.',
      },
      async () => signingKeysCheck(await listValidKeys(rehearsal)),
    ),
    await lookWithin(
      rehearsal,
      { name: 'version', promise: 'PostgreSQL is of a version that is supported.' },
      async () => versionCheck(server),
    ),
    await lookWithin(
      rehearsal,
      {
        name: 'connections',
        promise: 'There are connections to spare, on the server and in the pool of this process.',
      },
      async () => connectionsCheck(server, pool, await listConnectionLimits(rehearsal)),
    ),
    await lookWithin(
      rehearsal,
      { name: 'replication', promise: 'The service writes to a primary, and whoever reads along keeps up.' },
      async () => replicationCheck(server, await listReplicationSlots(rehearsal)),
    ),
  ]
}
