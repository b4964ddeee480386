import { router } from '@tenantry/kernel/trpc/init'
import { platformOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { decide } from './service/decide.ts'
import * as reading from './service/list.ts'
import { request } from './service/request.ts'

/** Part of `limits`. */
export const limitRequestRouter = router({
  requests: tenantOperation(contract.listLimitRequests).query(({ ctx, input }) => reading.list(ctx, input)),
  request: tenantOperation(contract.requestLimit).mutation(({ ctx, input }) => request(ctx, input)),
  decide: tenantOperation(contract.decideLimitRequest).mutation(({ ctx, input }) => decide(ctx, input)),
  allRequests: platformOperation(contract.listAllLimitRequests).query(({ ctx, input }) => reading.listAll(ctx, input)),
})
