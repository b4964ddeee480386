import { router } from '@tenantry/kernel/trpc/init'
import { eventOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { complete } from './service/complete.ts'
import { heartbeat } from './service/heartbeat.ts'
import * as reading from './service/read.ts'
import { start } from './service/start.ts'

export const runRouter = router({
  start: eventOperation(contract.startRun).mutation(({ ctx, input }) => start(ctx, input)),
  heartbeat: eventOperation(contract.heartbeatRun).mutation(({ ctx, input }) => heartbeat(ctx, input)),
  complete: eventOperation(contract.completeRun).mutation(({ ctx, input }) => complete(ctx, input)),
  list: tenantOperation(contract.listRuns).query(({ ctx, input }) => reading.list(ctx, input)),
  get: tenantOperation(contract.getRun).query(({ ctx, input }) => reading.get(ctx, input)),
})
