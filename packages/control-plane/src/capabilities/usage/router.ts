import { router } from '@tenantry/kernel/trpc/init'
import { cachedTenantOperation, eventOperation, tenantOperation } from '@tenantry/kernel/trpc/procedures'
import * as contract from './contract.ts'
import { trackBatch } from './service/batch.ts'
import { listEvents } from './service/events.ts'
import { setGauge } from './service/gauge.ts'
import * as reading from './service/read.ts'
import * as tracking from './service/track.ts'
import { getTrends } from './service/trends.ts'
import { voidUsage } from './service/void.ts'

export const usageRouter = router({
  check: cachedTenantOperation(contract.checkUsage).query(({ ctx, input }) => reading.checkUsage(ctx, input)),
  events: tenantOperation(contract.listUsageEvents).query(({ ctx, input }) => listEvents(ctx, input)),
  setGauge: eventOperation(contract.setGauge).mutation(({ ctx, input }) => setGauge(ctx, input)),
  stats: cachedTenantOperation(contract.getUsageStats).query(({ ctx }) => reading.getUsage(ctx)),
  track: eventOperation(contract.trackUsage).mutation(({ ctx, input }) => tracking.track(ctx, input)),
  trends: tenantOperation(contract.getUsageTrends).query(({ ctx, input }) => getTrends(ctx, input)),
  trackBatch: eventOperation(contract.trackUsageBatch).mutation(({ ctx, input }) => trackBatch(ctx, input)),
  void: tenantOperation(contract.voidUsage).mutation(({ ctx, input }) => voidUsage(ctx, input)),
  consume: eventOperation(contract.consumeUsage).mutation(({ ctx, input }) => tracking.consume(ctx, input)),
})

/** Part of `tenants`. */
export const tenantUsageRouter = router({
  usage: cachedTenantOperation(contract.getUsage).query(({ ctx }) => reading.getUsage(ctx)),
})
