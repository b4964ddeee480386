import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openProductionApi, type ProductionApi } from './production-api.ts'

const metricsToken = 'a-token-for-prometheus'
const doors = ['/', '/api/docs', '/api/openapi.json', '/api/v1/plans', '/trpc/plans.list']
const https = { 'x-forwarded-proto': 'https' }

let behindProxy: ProductionApi
let strangers: ProductionApi

beforeAll(async () => {
  const environment = { REQUIRE_HTTPS: 'true', METRICS_TOKEN: metricsToken }
  ;[behindProxy, strangers] = await Promise.all([
    openProductionApi({ ...environment, TRUSTED_PROXIES: '127.0.0.1' }),
    openProductionApi({ ...environment, TRUSTED_PROXIES: '192.0.2.1' }),
  ])
})

afterAll(() => Promise.all([behindProxy.close(), strangers.close()]))

describe('where https is required', () => {
  test.each(doors)('%s refuses plain HTTP, and says what to do', async (path) => {
    const refused = await behindProxy.send(path)
    expect(refused).toMatchObject({ status: 403, json: { code: 'request.https_required', title: 'Forbidden' } })
    expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(refused.json.requestId).toBe(refused.headers['x-request-id'])
    expect(refused.json.detail).toMatch(/HTTPS/)
  })

  test.each(doors)('%s answers what a trusted proxy got by https, and has browsers stay with it', async (path) => {
    const answered = await behindProxy.send(path, { headers: https })
    expect(answered.status).toBeLessThan(400)
    expect(answered.headers['strict-transport-security']).toMatch(/max-age=\d{7}/)
  })

  test.each<Record<string, string>>([
    https,
    { forwarded: 'proto=https' },
    { ...https, 'x-forwarded-for': '192.0.2.1' },
  ])('nobody else is believed: %j', async (headers) => {
    const refused = await strangers.send('/api/v1/plans', { headers })
    expect(refused).toMatchObject({ status: 403, json: { code: 'request.https_required' } })
  })

  test('a change in the clear is not made, whoever asks for it', async () => {
    const headers = await behindProxy.signedIn('person@people.test')
    const change = { method: 'PUT', json: { settings: { branding: { primaryColor: '#123456' } } }, headers }
    expect(await behindProxy.send('/api/v1/tenants/current/settings', change)).toMatchObject({
      status: 403,
      json: { code: 'request.https_required' },
    })
  })

  test('health, readiness and metrics stay within reach of plain HTTP', async () => {
    const authorization = `Bearer ${metricsToken}`
    expect(await strangers.send('/livez')).toMatchObject({ status: 200 })
    expect(await strangers.send('/readyz')).toMatchObject({ status: 200 })
    expect(await strangers.send('/metrics', { headers: { authorization } })).toMatchObject({ status: 200 })
  })
})
