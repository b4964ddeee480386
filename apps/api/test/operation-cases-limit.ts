import { type Case, inPath, ofTenant } from './operation-case.ts'

const reason = 'Agreed on until the new contract.'

/** They are set at the moment of the call. */
const steadyTimes = (text: string) => text.replaceAll(/"createdAt":"[^"]+"/g, '"createdAt":"2026-03-16T12:00:00.000Z"')

export const limitCases: Record<string, Case[]> = {
  'limits.overrides': [
    { expects: 'ok', as: 'operator', input: inPath },
    { expects: 'auth.permission_denied', as: 'owner', input: inPath },
  ],
  'limits.setOverrides': [
    {
      expects: 'ok',
      as: 'operator',
      input: ofTenant({
        overrides: {
          tokens: { value: 5_000_000, expiresAt: '2099-01-01T00:00:00.000Z' },
          pipeline_runs: { value: 'unlimited' },
          events: null,
        },
        reason,
      }),
      steady: steadyTimes,
    },
    {
      expects: 'auth.permission_denied',
      as: 'owner',
      input: ofTenant({ overrides: { tokens: { value: 5 } }, reason }),
    },
    {
      expects: 'request.invalid',
      as: 'operator',
      input: ofTenant({
        overrides: { toasts: { value: 5 }, tokens: { value: 5, expiresAt: '2020-01-01T00:00:00Z' } },
        reason,
      }),
    },
  ],
}
