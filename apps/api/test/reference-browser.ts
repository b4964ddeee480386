import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'

export interface OpenedPage {
  page: Page
  /** Every address asked for, in order; what the page itself holds is not asked for. */
  requested: string[]
  /** Errors and warnings of the console, refusals of the content security policy among them, and what scripts threw. */
  complaints: string[]
}

export interface Browser {
  /** An empty page, watched from the start. */
  openPage(): Promise<OpenedPage>
  close(): Promise<void>
}

const patienceMilliseconds = 45_000

const options = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Chromium with a profile that nobody has used before, which goes with it. */
export async function openBrowser(executablePath: string): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'tenantry-browser-'))
  const removeProfile = () => rm(profile, { recursive: true, force: true, maxRetries: 5 })
  const browser = await chromium
    .launchPersistentContext(profile, { executablePath, args: options, viewport: { width: 1280, height: 900 } })
    .catch(async (error: unknown) => {
      await removeProfile()
      throw error
    })
  browser.setDefaultTimeout(patienceMilliseconds)
  return {
    openPage: async () => watched(await browser.newPage()),
    close: async () => {
      await browser.close()
      await removeProfile()
    },
  }
}

function watched(page: Page): OpenedPage {
  const requested: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => {
    if (!/^(data|blob):/.test(request.url())) requested.push(request.url())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  return { page, requested, complaints }
}
