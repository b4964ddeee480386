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
  /** Puts in the text of an answer, for what is another each time, what stays the same. */
  steady?(text: string): string
}

export const inPath = ({ tenant }: World) => ({ tenantId: tenant.slug })
export const ofTenant =
  (fields: Input = {}) =>
  (world: World) => ({ ...inPath(world), ...fields })
export const asService = ({ installation }: TestApi, { tenant }: World) =>
  installation.callerAs({ type: 'service', name: 'preparation' }, tenant.slug)
