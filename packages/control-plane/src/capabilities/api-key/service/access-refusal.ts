import { apiKeyUseErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { type PlanCatalogue, planNamed } from '../../plan/index.ts'

/** The feature without which no key works. */
export const apiAccess = 'api_access'
const setting = 'features.apiAccessEnabled'

/** Why a tenant takes no API keys, as its plan and its settings are; null where it does. */
export function accessRefusal(
  catalogue: PlanCatalogue,
  { plan, enabled }: { plan: string; enabled: boolean },
): AppError | null {
  const { features, title } = planNamed(catalogue, plan)
  if (!features.has(apiAccess)) {
    return apiKeyUseErrors.access_disabled({ requiresFeature: apiAccess }, `The plan ${title} has no API access.`)
  }
  return enabled
    ? null
    : apiKeyUseErrors.access_disabled({ key: setting }, `The setting ${setting} of this tenant is off.`)
}
