import { QueryClient } from '@tanstack/react-query'
import { appRouter } from '@tenantry/control-plane'
import * as door from '@tenantry/shared/react'
import {
  isTenantryError,
  TenantryProvider,
  type TenantryProviderProps,
  usePlans,
  useSettings,
  useSuspenseTenantInfo,
  useTenant,
  useTenantInfo,
  useTenantUsage,
  useTrackUsage,
  useUpdateSettings,
  useUpdateTenant,
} from '@tenantry/shared/react'
import { act, cleanup, render, renderHook, waitFor } from '@testing-library/react'
import type { AnyTRPCProcedure } from '@trpc/server'
import { createElement, type ReactNode, Suspense } from 'react'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { shownText } from './page.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi()
})

afterEach(cleanup)

afterAll(() => api.close())

const within = (props: Omit<TenantryProviderProps, 'children'>) => ({
  wrapper: ({ children }: { children: ReactNode }) => createElement(TenantryProvider, props, children),
})

type Seen = (string | undefined)[]

/** Shows the tenant's slug and notes down everything that it has shown. */
function Slug({ seen }: { seen: Seen }) {
  const slug = useTenantInfo().data?.slug
  seen.push(slug)
  return slug ?? null
}

const SuspendingSlug = () => useSuspenseTenantInfo().data.slug

/** A tenant of its own, and what the provider needs for its owner. */
async function enter() {
  const { tenant, user, caller } = await api.installation.enter()
  const token = await api.tokenOf(user)
  return { tenant, caller, provided: { url: api.origin, tenant: tenant.slug, token } }
}

/** A `fetch` that holds mutations back, and reads from when that is said, until each is let go. */
function holding() {
  const held: (() => void)[] = []
  const holds = { reads: false }
  const send: typeof fetch = async (input, init) => {
    if (init?.method === 'POST' || holds.reads) await new Promise<void>((resolve) => held.push(resolve))
    return fetch(input, init)
  }
  const release = () => waitFor(() => (held.shift() ?? expect.fail('nothing is held'))())
  return { fetch: send, release, holds }
}

const color = (settings: unknown) =>
  (settings as { branding?: { primaryColor?: string } } | undefined)?.branding?.primaryColor

describe('every operation has a hook', () => {
  type AnyHook = (input: unknown) => { mutate?(input: unknown): void }
  const hooks = Object.entries(door).filter(([name]) => /^use(?!Suspense|Infinite|Tenantry)/.test(name)) as [
    string,
    AnyHook,
  ][]
  const called = hooks.filter(([name]) => name !== 'useWatchEvents')
  const offline: typeof fetch = () => Promise.reject(new Error('offline'))

  /** The operation that a hook calls, as the caches of TanStack Query name it. */
  function operationOf(hook: AnyHook): string {
    const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } })
    const { result } = renderHook(
      () => hook({ tenantId: 'acme' }),
      within({ url: 'http://service', queryClient, fetch: offline }),
    )
    act(() => result.current.mutate?.({}))
    const keys = [
      ...queryClient
        .getQueryCache()
        .getAll()
        .map(({ queryKey }) => queryKey),
      ...queryClient
        .getMutationCache()
        .getAll()
        .map(({ options }) => options.mutationKey),
    ]
    return (keys as string[][][]).map(([path = []]) => path.join('.')).join()
  }

  test('reads and mutations', () => {
    // The types nest what stands flat there at run time.
    const procedures = Object.entries(appRouter._def.procedures as unknown as Record<string, AnyTRPCProcedure>)
    const answered = procedures.filter(([, { _def }]) => _def.type !== 'subscription')
    expect(called.map(([, hook]) => operationOf(hook)).sort()).toEqual(answered.map(([name]) => name).sort())
    expect(procedures.length - answered.length).toBe(hooks.length - called.length)
  })

  test('each read has one that suspends', () => {
    const reads = called.filter(([, hook]) => {
      const { result } = renderHook(() => hook({}), within({ url: 'http://service', fetch: offline }))
      return result.current.mutate === undefined
    })
    expect(reads.map(([name]) => name).filter((name) => !(name.replace('use', 'useSuspense') in door))).toEqual([])
  })
})

describe('reading', () => {
  test('hooks answer for the tenant of the provider', async () => {
    const { tenant, provided } = await enter()
    const { result } = renderHook(
      () => [useTenantInfo(), useTenant({ tenantId: 'current' })] as const,
      within(provided),
    )
    await waitFor(() => expect(result.current.every(({ isSuccess }) => isSuccess)).toBe(true))
    expect(result.current.map(({ data }) => data?.id)).toEqual([tenant.id, tenant.id])
  })

  test('a suspending hook shows the fallback, then the answer', async () => {
    const { tenant, provided } = await enter()
    render(createElement(Suspense, { fallback: 'loading' }, createElement(SuspendingSlug)), within(provided))
    expect(shownText()).toBe('loading')
    await waitFor(() => expect(shownText()).toBe(tenant.slug))
  })

  test('a refusal comes at once, with its code', async () => {
    const { provided } = await enter()
    const { result } = renderHook(() => useTenantInfo(), within({ ...provided, tenant: 'nobody-knows' }))
    await waitFor(() => expect(result.current.isError).toBe(true))
    expect(isTenantryError(result.current.error, 'tenant.not_found')).toBe(true)
    expect(result.current.failureCount).toBe(1)
  })

  test('another tenant’s answer is never shown while its own is on the way', async () => {
    const one = await enter()
    const other = await api.installation.createTenant()
    const me = await api.issuer.sign({ email: 'traveller@people.test' })
    const traveller = await api.installation.createUser('traveller@people.test')
    for (const tenant of [one.tenant, other]) await api.installation.addMember(tenant.id, traveller.id, 'viewer')
    const queryClient = new QueryClient()
    const seen: Seen = []
    const pageOf = (tenant: string) =>
      createElement(
        TenantryProvider,
        { url: api.origin, token: me, tenant, queryClient },
        createElement(Slug, { seen }),
      )
    const page = render(pageOf(one.tenant.slug))
    await waitFor(() => expect(shownText()).toBe(one.tenant.slug))
    seen.length = 0
    page.rerender(pageOf(other.slug))
    await waitFor(() => expect(shownText()).toBe(other.slug))
    expect(new Set(seen)).toEqual(new Set([undefined, other.slug]))
  })

  test('what is public needs no token', async () => {
    const { result } = renderHook(
      () => usePlans(undefined, { select: ({ items }) => items.length }),
      within({ url: api.origin }),
    )
    await waitFor(() => expect(result.current.data).toBeGreaterThan(1))
  })
})

describe('changing', () => {
  test('a new name shows wherever the tenant is shown', async () => {
    const { provided } = await enter()
    const { result } = renderHook(
      () => ({ info: useTenantInfo(), settings: useSettings(), update: useUpdateTenant() }),
      within(provided),
    )
    await waitFor(() => expect(result.current.info.isSuccess && result.current.settings.isSuccess).toBe(true))
    await act(() => result.current.update.mutateAsync({ tenantId: 'current', name: 'Renamed' }))
    await waitFor(() => {
      expect([result.current.info.data?.name, result.current.settings.data?.name]).toEqual(['Renamed', 'Renamed'])
    })
  })

  test('recorded usage shows in the usage', async () => {
    const { provided } = await enter()
    const { result } = renderHook(() => ({ usage: useTenantUsage(), track: useTrackUsage() }), within(provided))
    await waitFor(() => expect(result.current.usage.isSuccess).toBe(true))
    await act(() => result.current.track.mutateAsync({ tenantId: 'current', metric: 'tokens', amount: 5 }))
    await waitFor(() => expect(result.current.usage.data?.tokensUsed).toBe(5))
  })
})

describe('changing settings', () => {
  async function open() {
    const { caller, provided } = await enter()
    await caller.tenants.updateSettings({ settings: { branding: { primaryColor: '#000000' } } })
    const doors = holding()
    const { result } = renderHook(
      () => ({ settings: useSettings(), update: useUpdateSettings() }),
      within({ ...provided, fetch: doors.fetch }),
    )
    await waitFor(() => expect(result.current.settings.isSuccess).toBe(true))
    const shown = () => color(result.current.settings.data?.settings)
    const change = (primaryColor: string, expectedVersion?: number) => {
      let settled: Promise<unknown> = Promise.resolve()
      const settings = { branding: { primaryColor } }
      act(() => {
        settled = result.current.update.mutateAsync({ settings, expectedVersion }).catch((error: unknown) => error)
      })
      return { settled: () => act(() => settled) }
    }
    return { result, shown, change, caller, ...doors }
  }

  test('the change shows before the service has answered, and stays', async () => {
    const { shown, change, release, result } = await open()
    const changing = change('#111111')
    await waitFor(() => expect(shown()).toBe('#111111'))
    expect(result.current.update.isPending).toBe(true)
    await release()
    await changing.settled()
    await waitFor(() => expect([shown(), result.current.settings.data?.version]).toEqual(['#111111', 3]))
  })

  test('a stale change is taken back, and the newest settings are read', async () => {
    const { shown, change, release, holds, caller } = await open()
    const changing = change('#111111', 2)
    await waitFor(() => expect(shown()).toBe('#111111'))
    await caller.tenants.updateSettings({ settings: { branding: { primaryColor: '#eeeeee' } } })
    holds.reads = true
    await release()
    expect(isTenantryError(await changing.settled(), 'tenant.concurrent_update')).toBe(true)
    await waitFor(() => expect(shown()).toBe('#000000'))
    await release()
    await waitFor(() => expect(shown()).toBe('#eeeeee'))
  })

  test('two refused changes leave nothing behind', async () => {
    const { shown, change, release, holds } = await open()
    const refused = [change('no colour'), change('#111111', 99)]
    await waitFor(() => expect(shown()).toBe('#111111'))
    holds.reads = true
    for (const { settled } of refused) {
      await release()
      await settled()
    }
    await waitFor(() => expect(shown()).toBe('#000000'))
  })

  test('an invalid change is taken back, and a later one stays shown', async () => {
    const { result, shown, change, release } = await open()
    const refused = change('no colour')
    const accepted = change('#222222')
    await waitFor(() => expect(shown()).toBe('#222222'))
    await release()
    expect(isTenantryError(await refused.settled(), 'settings.invalid')).toBe(true)
    expect(shown()).toBe('#222222')
    await release()
    await accepted.settled()
    await waitFor(() => expect([shown(), result.current.settings.data?.version]).toEqual(['#222222', 3]))
  })
})
