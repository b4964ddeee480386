import { router } from '@tenantry/kernel/trpc/init'
import { platformOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { deactivate, reactivate } from './service/change-state.ts'
import { erase } from './service/erase.ts'
import { exportPage } from './service/export.ts'
import { get } from './service/get.ts'
import { list } from './service/list.ts'

export const userRouter = router({
  list: platformOperation(contract.listUsers).query(({ ctx, input }) => list(ctx, input)),
  get: platformOperation(contract.getUser).query(({ ctx, input }) => get(ctx, input)),
  deactivate: platformOperation(contract.deactivateUser).mutation(({ ctx, input }) => deactivate(ctx, input)),
  reactivate: platformOperation(contract.reactivateUser).mutation(({ ctx, input }) => reactivate(ctx, input)),
  export: platformOperation(contract.exportUser).query(({ ctx, input }) => exportPage(ctx, input)),
  erase: platformOperation(contract.eraseUser).mutation(({ ctx, input }) => erase(ctx, input)),
})
