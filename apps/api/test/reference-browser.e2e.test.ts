import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { type Browser, type OpenedPage, openBrowser } from './reference-browser.ts'

const chromium = inject('chromium')

describe.skipIf(chromium === null)('the API reference in Chromium', { timeout: 120_000 }, () => {
  let api: TestApi
  let browser: Browser
  let opened: OpenedPage

  beforeAll(async () => {
    api = await openTestApi()
    browser = await openBrowser(String(chromium))
    // The page is heavy, and keeps nothing but the token: what needs none comes first.
    opened = await browser.openPage()
    await opened.page.goto(`${api.origin}/api/docs`)
    await opened.page.locator('.opblock').first().waitFor()
  })

  afterAll(async () => {
    await browser.close()
    await api.close()
  })

  const askedElsewhere = () => opened.requested.filter((address) => !address.startsWith(`${api.origin}/`))

  test('shows every operation under its tag, and asks nobody else for anything', async () => {
    const { json } = await api.send('/api/openapi.json')
    const operations = Object.values<object>(json.paths).flatMap((item) => Object.keys(item))
    expect(await opened.page.locator('.opblock').count()).toBe(operations.length)
    const tags = await opened.page.locator('.opblock-tag > a').allTextContents()
    expect(tags).toEqual(json.tags.map(({ name }: { name: string }) => name))
    expect(askedElsewhere()).toEqual([])
    expect(opened.complaints).toEqual([])
  })

  test('shows a refusal with its problem document', async () => {
    expect(await tryOut('me.get')).toMatchObject({ status: '401', body: { code: 'auth.unauthenticated' } })
    // The browser's own, of every answer that is an error.
    expect(opened.complaints.splice(0)).toEqual([expect.stringContaining('401')])
  })

  test('tries a read and changes with a pasted token', async () => {
    const { tenant, user } = await api.installation.enter({ role: 'admin' })
    await authorize(await api.tokenOf(user))

    const read = await tryOut('tenants.info')
    expect(read).toMatchObject({ status: '200', body: { slug: tenant.slug, userRole: 'admin' } })

    const settings = { branding: { primaryColor: '#00ff00' } }
    const changed = await tryOut('tenants.updateSettings', { body: { settings } })
    expect(changed).toMatchObject({ status: '200', body: { settings, version: 2 } })

    const event = { metric: 'tokens', amount: 7 }
    const tracked = await tryOut('usage.track', { fields: { tenantId: tenant.slug }, body: event })
    expect(tracked).toMatchObject({ status: '201', body: { used: 7 } })

    expect(askedElsewhere()).toEqual([])
    expect(opened.complaints).toEqual([])
  })

  async function authorize(token: string): Promise<void> {
    await opened.page.getByRole('button', { name: 'Authorize' }).first().click()
    const form = opened.page.locator('.auth-container form', { has: opened.page.locator('#auth-bearer-value') })
    await form.locator('#auth-bearer-value').fill(token)
    await form.getByRole('button', { name: 'Apply credentials' }).click()
    await opened.page.locator('.close-modal').click()
  }

  /** The status and body that the page shows; it adds a word to a status that is not documented. */
  async function tryOut(
    operationId: string,
    { fields = {}, body }: { fields?: Record<string, string>; body?: object } = {},
  ): Promise<{ status: string | null; body: unknown }> {
    const block = opened.page.locator('.opblock', { has: opened.page.locator(`a[href$="/${operationId}"]`) })
    await block.locator('.opblock-summary-control').click()
    for (const [name, value] of Object.entries(fields)) {
      await block.locator(`tr[data-param-name="${name}"] input`).fill(value)
    }
    if (body) await block.locator('.body-param__text').fill(JSON.stringify(body))
    await block.getByRole('button', { name: 'Execute' }).click()
    const answer = block.locator('.live-responses-table .response')
    const text = await answer.locator('.highlight-code code').textContent()
    return { status: await answer.locator('.response-col_status').textContent(), body: JSON.parse(String(text)) }
  }
})
