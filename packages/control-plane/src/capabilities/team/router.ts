import { router } from '@tenantry/kernel/trpc/init'
import { tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

export const teamRouter = router({
  list: tenantOperation(contract.listTeams).query(({ ctx, input }) => service.list(ctx, input)),
  create: tenantOperation(contract.createTeam).mutation(({ ctx, input }) => service.create(ctx, input)),
  update: tenantOperation(contract.updateTeam).mutation(({ ctx, input }) => service.update(ctx, input)),
  remove: tenantOperation(contract.removeTeam).mutation(({ ctx, input }) => service.remove(ctx, input)),
  listMembers: tenantOperation(contract.listTeamMembers).query(({ ctx, input }) => service.listMembers(ctx, input)),
  addMember: tenantOperation(contract.addTeamMember).mutation(({ ctx, input }) => service.addMember(ctx, input)),
  removeMember: tenantOperation(contract.removeTeamMember).mutation(({ ctx, input }) =>
    service.removeMember(ctx, input),
  ),
})
