import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as assignments from './service/assignments.ts'
import { create } from './service/create.ts'
import { list, listOfMember, listScopes } from './service/list.ts'
import { remove } from './service/remove.ts'
import { update } from './service/update.ts'

export const roleRouter = router({
  list: tenantOperation(contract.listRoles).query(({ ctx, input }) => list(ctx, input)),
  scopes: tenantOperation(contract.listScopes).query(({ ctx }) => listScopes(ctx)),
  create: tenantOperation(contract.createRole).mutation(({ ctx, input }) => create(ctx, input)),
  update: tenantOperation(contract.updateRole).mutation(({ ctx, input }) => update(ctx, input)),
  remove: tenantOperation(contract.removeRole).mutation(({ ctx, input }) => remove(ctx, input)),
})

export const userRoleRouter = router({
  list: tenantOperation(contract.listUserRoles).query(({ ctx, input }) => listOfMember(ctx, input)),
  add: tenantOperation(contract.addUserRole).mutation(({ ctx, input }) => assignments.add(ctx, input)),
  remove: tenantOperation(contract.removeUserRole).mutation(({ ctx, input }) => assignments.remove(ctx, input)),
})
