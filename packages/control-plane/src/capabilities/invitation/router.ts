import { router } from '@tenantry/kernel/trpc/init'
import { publicOperation, sequenceOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { accept } from './service/accept.ts'
import { create } from './service/create.ts'
import { list } from './service/list.ts'
import { preview } from './service/preview.ts'
import { resend } from './service/resend.ts'
import { revoke } from './service/revoke.ts'

export const invitationRouter = router({
  list: tenantOperation(contract.listInvitations).query(({ ctx, input }) => list(ctx, input)),
  create: tenantOperation(contract.createInvitation).mutation(({ ctx, input }) => create(ctx, input)),
  resend: tenantOperation(contract.resendInvitation).mutation(({ ctx, input }) => resend(ctx, input)),
  revoke: tenantOperation(contract.revokeInvitation).mutation(({ ctx, input }) => revoke(ctx, input)),
  preview: publicOperation(contract.previewInvitation).mutation(({ ctx, input }) => preview(ctx, input)),
  accept: sequenceOperation(contract.acceptInvitation).mutation(({ ctx, input }) => accept(ctx, input)),
})
