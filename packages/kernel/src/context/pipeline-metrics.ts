import type { BudgetName } from '../contract/operation.ts'
import type { BlockReason } from './rate-limits.ts'

export interface PipelineMetrics {
  operation(name: string, status: number, seconds: number): void
  rateLimited(limit: BudgetName): void
  /** What a tenant may use of that meter was used up. */
  quotaRefused(meter: string): void
  principalBlocked(reason: BlockReason): void
  denied(code: string): void
  /** An entry of the audit log that has no transaction of its own could not be written. */
  auditFailed(action: string): void
  /** A batch that one call has written: how long that took, and what its oldest item has waited in all. */
  batchWritten(batch: { items: number; seconds: number; oldestSeconds: number }): void
  /** Reads how many wait whenever the metrics are asked for. */
  registerQueue(queue: string, count: () => number): void
}
