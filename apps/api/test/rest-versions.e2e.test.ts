import { describe, expect, test } from 'vitest'
import { adminSession, outcome } from './admin-session.ts'

const session = adminSession()
const { call, updateSettings } = session

describe('versions', () => {
  const colour = (primaryColor: string) => ({ settings: { branding: { primaryColor } } })

  test('go out as ETag, and the current answer is not sent again', async () => {
    const { etag = '' } = (await call('/tenants/current/settings')).headers
    expect(etag).toMatch(/^"1\./)
    const again = await call('/tenants/current/settings', { headers: { 'if-none-match': etag } })
    expect({ status: again.status, text: again.text, etag: again.headers.etag }).toEqual({
      status: 304,
      text: '',
      etag,
    })
    await updateSettings({ json: colour('#111111') })
    const changed = await call('/tenants/current/settings', { headers: { 'if-none-match': etag } })
    expect({ status: changed.status, etag: changed.headers.etag }).toEqual({
      status: 200,
      etag: expect.stringMatching(/^"2\./),
    })
  })

  test('are not all that an answer shows: what changed beside them is sent, and so is what another role may see', async () => {
    const { etag = '' } = (await call('/tenants/current/settings')).headers
    await call(`/tenants/${session.tenant.slug}`, { method: 'PATCH', json: { name: 'Renamed meanwhile' } })
    const renamed = await call('/tenants/current/settings', { headers: { 'if-none-match': etag } })
    expect({ status: renamed.status, name: renamed.json?.name }).toEqual({ status: 200, name: 'Renamed meanwhile' })

    const viewer = await session.api.installation.createMember(session.tenant.id, 'viewer')
    const asViewer = await session.api.rest('/tenants/current/settings', {
      headers: { ...(await session.api.signedIn(viewer)), 'if-none-match': renamed.headers.etag ?? '' },
    })
    expect(asViewer.status).toBe(200)
  })

  test('come in by If-Match, and a stale one is a failed precondition that names the current one', async () => {
    const first = await updateSettings({ json: colour('#111111'), headers: { 'if-match': '"1"' } })
    expect({ status: first.status, etag: first.headers.etag }).toEqual({
      status: 200,
      etag: expect.stringMatching(/^"2\./),
    })
    const stale = await updateSettings({ json: colour('#222222'), headers: { 'if-match': '"1"' } })
    expect(outcome(stale)).toBe('412 tenant.concurrent_update')
    expect(stale.json.currentVersion).toBe(2)
    expect((await call('/tenants/current/settings')).json.settings.branding.primaryColor).toBe('#111111')
    const tenantStale = { method: 'PATCH', json: { name: 'Stale' }, headers: { 'if-match': '"9"' } }
    expect(outcome(await call(`/tenants/${session.tenant.slug}`, tenantStale))).toBe('412 tenant.concurrent_update')
  })

  test('may be in the body instead, where a stale one is a conflict', async () => {
    const stale = await updateSettings({ json: { ...colour('#222222'), expectedVersion: 9 } })
    expect(outcome(stale)).toBe('409 tenant.concurrent_update')
    expect(stale.json.currentVersion).toBe(1)
  })

  test('must agree where they are named twice, and be ours', async () => {
    const twice = { json: { ...colour('#222222'), expectedVersion: 1 }, headers: { 'if-match': '"2"' } }
    expect(outcome(await updateSettings(twice))).toBe('400 request.invalid')
    for (const tag of ['W/"1"', '1', '"1", "2"', '"abc"']) {
      expect(outcome(await updateSettings({ json: colour('#222222'), headers: { 'if-match': tag } }))).toBe(
        '400 request.invalid',
      )
    }
    expect(outcome(await updateSettings({ json: colour('#333333'), headers: { 'if-match': '*' } }))).toBe('200 ok')
  })
})
