import { createTenantryClient, type ErrorCode } from '@tenantry/shared/http'
import { createRestClient } from '@tenantry/shared/openapi/rest-client'
import {
  isTenantryError,
  TenantryProvider,
  useInfiniteEvents,
  useSuspenseTenantInfo,
  useTenant,
  useTenantInfo,
  useUpdateSettings,
  useWatchEvents,
} from '@tenantry/shared/react'

type Same<Left, Right> = [Left, Right] extends [Right, Left] ? true : false
const holds = <Statement extends true>(statement: Statement) => statement

function Tenant() {
  const info = useTenantInfo()
  const suspended = useSuspenseTenantInfo()
  const seats = useTenantInfo(undefined, { select: ({ memberCount }) => memberCount, staleTime: 60_000 })
  const { mutate } = useUpdateSettings()
  const events = useInfiniteEvents(
    { tenantId: 'current' },
    { select: ({ pages }) => pages.flatMap(({ items }) => items) },
  )
  const stream = useWatchEvents({
    onEvent: (event) => {
      if (event.type === 'usage.threshold_reached') holds<Same<typeof event.thresholdPercent, number | null>>(true)
      // @ts-expect-error: no such event
      if (event.type === 'tenant.conquered') stream.reset()
    },
  })
  // @ts-expect-error: the hook turns the pages itself
  useInfiniteEvents({ tenantId: 'current', cursor: '1' })
  holds<Same<NonNullable<typeof events.data>[number]['id'], string>>(true)
  holds<Same<typeof seats.data, number | undefined>>(true)
  holds<Same<typeof suspended.data.userRole, 'owner' | 'admin' | 'member' | 'viewer' | null>>(true)
  const code: ErrorCode | undefined = info.error?.data?.problem.code
  // @ts-expect-error: it needs to be told which tenant
  useTenant()
  // @ts-expect-error: no such field
  mutate({ setting: {} })
  // @ts-expect-error: no such field
  return <p title={code}>{info.data?.nickname}</p>
}

export function readError(error: unknown): number | undefined {
  if (isTenantryError(error)) holds<Same<typeof error.problem.code, ErrorCode>>(true)
  // @ts-expect-error: no such code
  isTenantryError(error, 'tenant.conquered')
  if (!isTenantryError(error, 'tenant.concurrent_update', 'tenant.inactive')) return undefined
  holds<Same<typeof error.problem.code, 'tenant.concurrent_update' | 'tenant.inactive'>>(true)
  return error.problem.currentVersion
}

export async function readTwice(): Promise<string[]> {
  const connection = { url: 'https://tenantry.example', token: 'token' }
  const info = await createTenantryClient(connection).tenants.info.query()
  const { data, error } = await createRestClient(connection).GET('/tenants/current')
  // @ts-expect-error: a code of no answer to this operation
  if (error?.code === 'settings.invalid') return []
  if (error?.code === 'tenant.not_selected') return []
  // @ts-expect-error: no such path
  await createRestClient(connection).GET('/tenants/currant')
  return [info.slug, data?.slug ?? '']
}

export function watch(): () => void {
  const client = createTenantryClient({ url: '', streaming: true })
  const stream = client.events.watch.subscribe(
    { lastEventId: '1' },
    {
      onData: ({ id, data }) => {
        holds<Same<typeof id, string>>(true)
        if (data.type === 'resync') holds<Same<typeof data.reason, 'started' | 'gap'>>(true)
      },
      onError: (error) => readError(error),
    },
  )
  return () => stream.unsubscribe()
}

export const page = (
  <TenantryProvider url="" tenant="acme" token={async () => 'token'}>
    <Tenant />
  </TenantryProvider>
)
