import type { Actor } from '../context/actor.ts'
import { actorKey } from '../context/actor.ts'
import type { RequestContext } from '../context/request-context.ts'
import { writeEntryAlone } from './entry-alone.ts'

/**
 * A caller that is refused again and again is written down this often for each tenant it aims at, so that no noise
 * hides an attempt; the metric counts every time.
 */
const budget = { points: 30, windowSeconds: 60 }
/** Of who is refused for being refused too often: written down without a look-up. */
const excessBudget = { points: 1, windowSeconds: 60 }
const action = 'access.denied'

export interface Denial {
  actor: Actor
  code: string
  operation?: string
  /** The tenants it was aimed at; none where there is none of that name. */
  tenantIds?: () => Promise<(string | null)[]>
  /** Beyond a budget: once in a minute for each caller is enough. */
  isExcess?: boolean
}

/**
 * Audits a refused attempt in transactions of its own: in the log of each tenant it was aimed at, where that exists,
 * and in the platform's. After the answer, which would else tell by its time whether there is such a tenant.
 */
export async function recordDenial(ctx: RequestContext, denial: Denial): Promise<void> {
  const { metrics, background, clock } = ctx.dependencies
  metrics.denied(denial.code)
  const at = clock.now()
  await background.start(() => writeDenial(ctx, denial, at))
}

async function writeDenial(
  ctx: RequestContext,
  { actor, code, operation, tenantIds = noTenants, isExcess = false }: Denial,
  at: Date,
): Promise<void> {
  const { dependencies } = ctx
  const caller = actor.type === 'anonymous' ? `address:${ctx.client.address}` : actorKey(actor)
  try {
    const aimedAt = new Set((await tenantIds()).filter((tenantId) => tenantId !== null))
    const write = async (tenantId: string | null) => {
      const key = isExcess ? `${caller} excess` : `${caller} ${tenantId}`
      const drawn = await dependencies.rateLimits.consume('denied', key, isExcess ? excessBudget : budget)
      if (!drawn.allowed) return
      const details = { code, ...(operation ? { operation } : {}) }
      await writeEntryAlone(ctx, { tenantId, action, outcome: 'denied', at, actor, details })
    }
    await Promise.all([...(aimedAt.size > 0 ? aimedAt : [null])].map(write))
  } catch (error) {
    dependencies.metrics.auditFailed(action)
    ctx.logger.error({ err: error, code }, 'a denial could not be audited')
  }
}

const noTenants = async () => []
