export { isTenantryError, type TenantryError } from '../http/errors.ts'
export type { ErrorCode } from '../http/operations.ts'
export {
  useMe,
  usePlans,
  useSettings,
  useSettingsSchema,
  useSuspenseMe,
  useSuspensePlans,
  useSuspenseSettings,
  useSuspenseSettingsSchema,
  useSuspenseTenant,
  useSuspenseTenantInfo,
  useSuspenseTenantLimits,
  useSuspenseTenantUsage,
  useTenant,
  useTenantInfo,
  useTenantLimits,
  useTenantUsage,
  useTrackUsage,
  useUpdateSettings,
  useUpdateTenant,
} from './hooks.ts'
export { TenantryProvider, type TenantryProviderProps, useTenantry, useTenantryClient } from './provider.tsx'
