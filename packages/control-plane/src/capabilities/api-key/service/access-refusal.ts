import { apiKeyUseErrors } from '@tenantry/kernel/contract/errors'
import type { AppError } from '@tenantry/kernel/errors/app-error'
import { type PlanCatalogue, planNamed } from '../../plan/index.ts'

/** The feature without which no key works. */
export const apiAccess = 'api_access'
const setting = 'features.apiAccessEnabled'

/** Why a tenant takes no API keys, as its features and its settings are; null where it does. One with no overrides has the plan's. */
export function accessRefusal(
  catalogue: PlanCatalogue,
  { plan, features, enabled }: { plan: string; features?: ReadonlySet<string>; enabled: boolean },
): AppError | null {
  const { title, ...planned } = planNamed(catalogue, plan)
  if (!(features ?? planned.features).has(apiAccess)) {
    const why = planned.features.has(apiAccess)
      ? 'API access was withdrawn from this tenant.'
      : `The plan ${title} has no API access.`
    return apiKeyUseErrors.access_disabled({ requiresFeature: apiAccess }, why)
  }
  return enabled
    ? null
    : apiKeyUseErrors.access_disabled({ key: setting }, `The setting ${setting} of this tenant is off.`)
}
