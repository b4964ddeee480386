import { QueryClient } from '@tanstack/react-query'
import {
  isTenantryError,
  TenantryProvider,
  type TenantryProviderProps,
  useInfiniteEvents,
  useSettings,
  useSuspenseInfiniteEvents,
  useTenantInfo,
  useTenantUsage,
  useWatchEvents,
} from '@tenantry/shared/react'
import { act, cleanup, render, renderHook, waitFor } from '@testing-library/react'
import { createElement, type ReactNode, Suspense } from 'react'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openTestApi, type TestApi } from './api-server.ts'
import { shownText } from './page.ts'

let api: TestApi

beforeAll(async () => {
  api = await openTestApi({ streams: { heartbeatMilliseconds: 200 } })
})

afterEach(cleanup)

afterAll(() => api.close())

const within = (props: Omit<TenantryProviderProps, 'children'>) => ({
  wrapper: ({ children }: { children: ReactNode }) => createElement(TenantryProvider, props, children),
})

/** A tenant of its own, and what the provider needs for its owner. */
async function enter() {
  const { tenant, user, caller } = await api.installation.enter()
  const token = await api.tokenOf(user)
  return { tenant, caller, provided: { url: api.origin, tenant: tenant.slug, token } }
}

const color = (settings: unknown) =>
  (settings as { branding?: { primaryColor?: string } } | undefined)?.branding?.primaryColor

const PageCount = () => useSuspenseInfiniteEvents({ tenantId: 'current' }).data.pages.length

/** Shows how its stream is, and notes down the versions of the tenant that it is told of. */
function StreamStatus({ seen }: { seen: number[] }) {
  return useWatchEvents({ onEvent: (event) => event.type === 'tenant.updated' && seen.push(event.version) }).status
}

describe('a list', () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `Name ${index + 1}`)

  async function enterRenamed(count: number) {
    const entered = await enter()
    for (const name of names(count)) await entered.caller.tenants.update({ tenantId: 'current', name })
    return entered
  }
  const versionsIn = (pages: { items: { event: object }[] }[] | undefined) =>
    pages?.map(({ items }) => items.map(({ event }) => ('version' in event ? event.version : null)))

  test('gathers its pages one after another, to the last', async () => {
    const { provided } = await enterRenamed(5)
    const { result } = renderHook(() => {
      const { data, hasNextPage, fetchNextPage } = useInfiniteEvents({ tenantId: 'current', limit: 2 })
      return { pages: data?.pages, hasNextPage, fetchNextPage }
    }, within(provided))
    for (const count of [1, 2]) {
      await waitFor(() => expect(result.current.pages).toHaveLength(count))
      expect(result.current.hasNextPage).toBe(true)
      await act(() => result.current.fetchNextPage())
    }
    await waitFor(() => expect(versionsIn(result.current.pages)).toEqual([[6, 5], [4, 3], [2]]))
    expect(result.current.hasNextPage).toBe(false)
  })

  test('suspends until its first page is there', async () => {
    const { provided } = await enterRenamed(1)
    render(createElement(Suspense, { fallback: 'loading' }, createElement(PageCount)), within(provided))
    expect(shownText()).toBe('loading')
    await waitFor(() => expect(shownText()).toBe('1'))
  })
})

describe('watching', () => {
  test('shows what somebody else has changed, and says how the stream is', async () => {
    const { caller, provided } = await enter()
    const seen: string[] = []
    const { result, unmount } = renderHook(
      () => ({
        stream: useWatchEvents({ onEvent: ({ type }) => seen.push(type) }),
        info: useTenantInfo(),
        settings: useSettings(),
        usage: useTenantUsage(),
      }),
      within(provided),
    )
    expect(result.current.stream.status).toBe('connecting')
    await waitFor(() => expect(seen).toEqual(['resync']))
    expect(result.current.stream).toMatchObject({ status: 'pending', error: null })
    await caller.tenants.update({ tenantId: 'current', name: 'Renamed by another' })
    await waitFor(() => expect(result.current.info.data?.name).toBe('Renamed by another'))
    await caller.tenants.updateSettings({ settings: { branding: { primaryColor: '#abcdef' } } })
    await waitFor(() => expect(color(result.current.settings.data?.settings)).toBe('#abcdef'))
    await caller.usage.track({ tenantId: 'current', metric: 'conversations', amount: 1_000_000 })
    await waitFor(() => expect(result.current.usage.data?.conversationsCount).toBe(1_000_000))
    unmount()
  })

  test('tells why a stream is refused, and keeps none while it is disabled', async () => {
    const { provided } = await enter()
    const refused = renderHook(() => useWatchEvents(), within({ ...provided, tenant: 'nobody-knows' }))
    await waitFor(() => expect(refused.result.current.status).toBe('error'))
    expect(isTenantryError(refused.result.current.error, 'tenant.not_found')).toBe(true)
    const disabled = renderHook(() => useWatchEvents({ enabled: false }), within(provided))
    expect(disabled.result.current.status).toBe('idle')
  })

  test('goes over to the other tenant when the provider does', async () => {
    const one = await enter()
    const other = await enter()
    const seen: number[] = []
    const queryClient = new QueryClient()
    const pageOf = ({ provided }: typeof one) =>
      createElement(TenantryProvider, { ...provided, queryClient }, createElement(StreamStatus, { seen }))
    const page = render(pageOf(one))
    await waitFor(() => expect(shownText()).toBe('pending'))
    page.rerender(pageOf(other))
    await waitFor(() => expect(shownText()).toBe('connecting'))
    await waitFor(() => expect(shownText()).toBe('pending'))
    await one.caller.tenants.update({ tenantId: 'current', name: 'First', tags: ['a'] })
    for (const name of ['Second', 'Third']) await other.caller.tenants.update({ tenantId: 'current', name })
    await waitFor(() => expect(seen).toEqual([2, 3]))
  })
  test('goes over to who signs in next, who hears nothing of what the one before had left', async () => {
    const { tenant, caller, provided } = await enter()
    const next = await api.tokenOf(await api.installation.createMember(tenant.id, 'viewer'))
    const streams: { authorization: string | null; lastEventId: boolean }[] = []
    const recording: typeof fetch = (input, init) => {
      const headers = new Headers(init?.headers)
      const lastEventId = String(input).includes('lastEventId') || headers.has('last-event-id')
      streams.push({ authorization: headers.get('authorization'), lastEventId })
      return fetch(input, init)
    }
    const seen: number[] = []
    const pageOf = (token: string) =>
      createElement(TenantryProvider, { ...provided, token, fetch: recording }, createElement(StreamStatus, { seen }))
    const page = render(pageOf(provided.token))
    await waitFor(() => expect(shownText()).toBe('pending'))
    await caller.tenants.update({ tenantId: 'current', name: 'Second' })
    await waitFor(() => expect(seen).toEqual([2]))
    page.rerender(pageOf(next))
    await waitFor(() =>
      expect(streams).toEqual([
        { authorization: `Bearer ${provided.token}`, lastEventId: false },
        { authorization: `Bearer ${next}`, lastEventId: false },
      ]),
    )
    await waitFor(() => expect(shownText()).toBe('pending'))
    await caller.tenants.update({ tenantId: 'current', name: 'Third' })
    await waitFor(() => expect(seen).toEqual([2, 3]))
  })
})
