import type { AppError } from '@tenantry/kernel/errors/app-error'
import { type Case, inPath, ofTenant } from './operation-case.ts'

const reason = 'A trial until the end of the year.'
const granted = { overrides: { sso: { granted: true, expiresAt: '2099-01-01T00:00:00.000Z' }, sponsors: null }, reason }

const given: NonNullable<Case['before']> = ({ installation }, { tenant }) =>
  installation
    .callerAs({ type: 'system', name: 'preparation' }, tenant.slug)
    .features.setOverrides({ tenantId: tenant.slug, ...granted })
    .catch((error: AppError) => {
      if (error.code !== 'tenant.inactive') throw error
    })

/** They are set at the moment of the call. */
const steadyTimes = (text: string) => text.replaceAll(/"createdAt":"[^"]+"/g, '"createdAt":"2026-03-16T12:00:00.000Z"')

export const featureCases: Record<string, Case[]> = {
  'features.overrides': [
    { expects: 'ok', as: 'operator', input: inPath, before: given, steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'owner', input: inPath },
  ],
  'features.setOverrides': [
    { expects: 'ok', as: 'operator', input: ofTenant(granted), steady: steadyTimes },
    { expects: 'auth.permission_denied', as: 'owner', input: ofTenant(granted) },
    { expects: 'request.invalid', as: 'operator', input: ofTenant({ overrides: { ssoo: { granted: true } }, reason }) },
  ],
}
