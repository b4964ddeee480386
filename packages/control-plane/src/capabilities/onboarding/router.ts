import { router } from '@tenantry/kernel/trpc/init'
import { sequenceOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service/create.ts'

export const onboardingRouter = router({
  create: sequenceOperation(contract.createTenant).mutation(({ ctx, input }) => service.create(ctx, input)),
})
