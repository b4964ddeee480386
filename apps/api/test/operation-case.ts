import { operator } from '@tenantry/control-plane/testing'
import type { TestApi } from './api-server.ts'
import type { Input } from './doors.ts'
import type { Caller, World } from './operation-world.ts'

export interface Case {
  /** `ok`, or the code of the refusal. */
  expects: string
  as: Caller
  input?: Input | ((world: World) => Input)
  /** Named by the header, or in process by `tenantId`; the world's own tenant unless told. */
  tenant?: 'own' | 'other' | 'unknown' | 'none'
  status?: 'active' | 'suspended'
  before?(api: TestApi, world: World): Promise<unknown>
  /** Whether what it prepares is what others prepare otherwise: it is played by itself. */
  isAlone?: boolean
  /** Puts in the text of an answer, for what is another each time, what stays the same. */
  steady?(text: string): string
}

export const inPath = ({ tenant }: World) => ({ tenantId: tenant.slug })
export const ofTenant =
  (fields: Input = {}) =>
  (world: World) => ({ ...inPath(world), ...fields })
export const asService = ({ installation }: TestApi, { tenant }: World) =>
  installation.callerAs({ type: 'service', name: 'preparation' }, tenant.slug)

/** The caller's other tenant comes to stand on the last level. */
export const putDeep = async ({ installation }: TestApi, { other }: World) => {
  let parent: { id: string } | undefined
  for (let level = 1; level < 8; level++) parent = await installation.createTenant({ ...(parent && { parent }) })
  const moved = { tenantId: other.id, parentId: parent?.id ?? null, reason: 'Preparation' }
  return installation.callerAs(operator).tenants.move(moved)
}
