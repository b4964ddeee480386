import { mutationHook, type Tenantry } from './hook-factory.ts'

const changesUsage = ({ tenants, usage, access }: Tenantry) => [
  tenants.usage.pathFilter(),
  usage.pathFilter(),
  access.pathFilter(),
]

export const useTrackUsage = mutationHook(({ usage }) => usage.track, changesUsage)
export const useConsumeUsage = mutationHook(({ usage }) => usage.consume, changesUsage)
export const useReserveUsage = mutationHook(({ usage }) => usage.reserve, changesUsage)
export const useCommitReservation = mutationHook(({ usage }) => usage.commit, changesUsage)
export const useReleaseReservation = mutationHook(({ usage }) => usage.release, changesUsage)
export const useTrackUsageBatch = mutationHook(({ usage }) => usage.trackBatch, changesUsage)
export const useSetGauge = mutationHook(({ usage }) => usage.setGauge, changesUsage)
export const useVoidUsage = mutationHook(({ usage }) => usage.void, changesUsage)
export const useMigrateUsage = mutationHook(({ usage }) => usage.migrate, changesUsage)

/** What is held shows in usage. */
const changesRuns = (tenantry: Tenantry) => [tenantry.runs.pathFilter(), ...changesUsage(tenantry)]

export const useStartRun = mutationHook(({ runs }) => runs.start, changesRuns)
export const useHeartbeatRun = mutationHook(
  ({ runs }) => runs.heartbeat,
  ({ runs }) => [runs.pathFilter()],
)
export const useCompleteRun = mutationHook(({ runs }) => runs.complete, changesRuns)
