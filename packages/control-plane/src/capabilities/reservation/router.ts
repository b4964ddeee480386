import { router } from '@tenantry/kernel/trpc/init'
import { eventOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import * as service from './service.ts'

/** Part of `usage`. */
export const reservationRouter = router({
  reserve: eventOperation(contract.reserveUsage).mutation(({ ctx, input }) => service.reserve(ctx, input)),
  reservation: tenantOperation(contract.getReservation).query(({ ctx, input }) => service.get(ctx, input)),
  commit: eventOperation(contract.commitReservation).mutation(({ ctx, input }) => service.commit(ctx, input)),
  release: eventOperation(contract.releaseReservation).mutation(({ ctx, input }) => service.release(ctx, input)),
})
