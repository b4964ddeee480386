import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation, twoTenantOperation, userOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { add } from './service/add.ts'
import { get } from './service/get.ts'
import { getMe } from './service/get-me.ts'
import { list } from './service/list.ts'
import { leave, remove } from './service/remove.ts'
import { transfer } from './service/transfer.ts'
import { transferOwnership } from './service/transfer-ownership.ts'
import { update } from './service/update.ts'

export const meRouter = router({
  get: userOperation(contract.getMe).query(({ ctx }) => getMe(ctx)),
})

export const memberRouter = router({
  list: tenantOperation(contract.listMembers).query(({ ctx, input }) => list(ctx, input)),
  get: tenantOperation(contract.getMember).query(({ ctx, input }) => get(ctx, input)),
  add: tenantOperation(contract.addMember).mutation(({ ctx, input }) => add(ctx, input)),
  update: tenantOperation(contract.updateMember).mutation(({ ctx, input }) => update(ctx, input)),
  remove: tenantOperation(contract.removeMember).mutation(({ ctx, input }) => remove(ctx, input)),
  leave: tenantOperation(contract.leaveTenant).mutation(({ ctx }) => leave(ctx)),
  transferOwnership: tenantOperation(contract.transferOwnership).mutation(({ ctx, input }) =>
    transferOwnership(ctx, input),
  ),
  transfer: twoTenantOperation(contract.transferMembers).mutation(({ ctx, input }) => transfer(ctx, input)),
})
