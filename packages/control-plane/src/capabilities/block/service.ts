import type { AbuseGuard, BlockReason } from '@tenantry/kernel/context/rate-limits'
import type { DetachedPlatformContext, PlatformSequenceContext } from '@tenantry/kernel/context/request-context'
import { blockErrors } from './contract.ts'

declare module '@tenantry/kernel/context/dependencies' {
  interface Services {
    abuseGuard: AbuseGuard
  }
}

/** The newest first. */
export async function list({ services }: Pick<DetachedPlatformContext, 'services'>) {
  const running = await services.abuseGuard.list()
  const blocks = running.map(({ reason, subject, since, until }) => {
    const [type = '', id = ''] = subject.split(':')
    return { id: `${reason}:${subject}`, reason, principal: { type: type as 'user' | 'apiKey', id }, since, until }
  })
  return { blocks: blocks.sort((one, other) => other.since.getTime() - one.since.getTime()) }
}

/** Throws `block.not_found`; `service.overloaded` where the block goes on, and may be lifted again. */
export async function lift(
  ctx: PlatformSequenceContext,
  { blockId, reason: why }: { blockId: string; reason: string },
) {
  const { blocks } = await list(ctx)
  const block = blocks.find(({ id }) => id === blockId)
  if (!block) throw blockErrors.not_found()
  const { reason, principal, since, until } = block
  const details = { reason: why, blockedFor: reason, since: since.toISOString(), until: until.toISOString() }
  // First: a block is not lifted where nobody could read that it was.
  await ctx.unit.platform(async ({ record }) => record('platform.block_lifted', { target: principal, details }))
  await ctx.services.abuseGuard.lift(reason satisfies BlockReason, `${principal.type}:${principal.id}`)
  return { id: blockId, liftedAt: ctx.clock.now() }
}
