import { makeUser } from '@tenantry/control-plane/capabilities/member/service.fixture'
import { operator } from '@tenantry/control-plane/testing'
import type { TestApi } from './api-server.ts'
import type { Case } from './operation-case.ts'
import type { World } from './operation-world.ts'

/** One of the same name in every world, who is a member where a case says so; others erase and deactivate others. */
const personOf = ({ tenant }: World) => {
  const mark = tenant.slug.slice(-12)
  return { id: `019cf6a1-4e00-7000-8000-${mark}`, email: `person.${mark}@people.test` }
}
const about =
  (fields: object = {}) =>
  (world: World) => ({ userId: personOf(world).id, ...fields })
const oneself = ({ user }: World) => ({ userId: user.id, reason: 'They left us.' })
const reason = 'They left us.'

const known = ({ installation }: TestApi, world: World) => makeUser(installation, personOf(world))
const joined =
  (role: 'member' | 'owner') =>
  async (api: TestApi, world: World): Promise<void> => {
    await known(api, world)
    await api.installation.addMember(world.tenant.id, personOf(world).id, role)
  }
const users = ({ installation }: TestApi) => installation.callerAs(operator).users
const deactivated = async (api: TestApi, world: World): Promise<void> => {
  await known(api, world)
  await users(api).deactivate({ userId: personOf(world).id, reason })
}
const erased = async (api: TestApi, world: World): Promise<void> => {
  await known(api, world)
  await users(api).erase({ userId: personOf(world).id })
}

/** Whoever was made for a world is called by what tells worlds apart. */
const steady = (text: string) =>
  text
    .replaceAll(/person\.[0-9a-f]{12}@/g, 'somebody@')
    .replaceAll(/erased-[0-9a-f-]{36}@/g, 'erased-019cf6a1-4e00-7000-8000-000000000004@')
    .replaceAll('"issuer":"fixture"', '"issuer":"https://login.example"')
    .replaceAll(/("createdAt"|"at"):"[^"]+"/g, '$1:"2026-03-16T12:00:00.000Z"')

export const userCases: Record<string, Case[]> = {
  'users.list': [
    {
      expects: 'ok',
      as: 'operator',
      input: (world) => ({ q: personOf(world).email.toUpperCase(), state: 'active', limit: 10 }),
      before: known,
      steady,
    },
    { expects: 'auth.permission_denied', as: 'owner' },
    { expects: 'request.invalid', as: 'operator', input: { cursor: 'the second page', state: 'lost' } },
  ],
  'users.get': [
    { expects: 'ok', as: 'operator', input: about(), before: joined('member'), steady },
    { expects: 'auth.permission_denied', as: 'owner', input: about() },
    { expects: 'user.not_found', as: 'operator', input: about() },
  ],
  'users.deactivate': [
    { expects: 'ok', as: 'operator', input: about({ reason }), before: known, steady },
    { expects: 'auth.permission_denied', as: 'owner', input: about({ reason }) },
    { expects: 'user.not_found', as: 'operator', input: about({ reason }) },
    { expects: 'user.oneself', as: 'operator', input: oneself },
    { expects: 'user.erased', as: 'operator', input: about({ reason }), before: erased },
    { expects: 'request.invalid', as: 'operator', input: about() },
  ],
  'users.reactivate': [
    { expects: 'ok', as: 'operator', input: about({ reason }), before: deactivated, steady },
    { expects: 'auth.permission_denied', as: 'owner', input: about({ reason }) },
    { expects: 'user.not_found', as: 'operator', input: about({ reason }) },
    { expects: 'user.oneself', as: 'operator', input: oneself },
    { expects: 'user.erased', as: 'operator', input: about({ reason }), before: erased },
  ],
  'users.export': [
    { expects: 'ok', as: 'operator', input: about({ limit: 2 }), before: joined('member'), steady },
    { expects: 'auth.permission_denied', as: 'owner', input: about() },
    { expects: 'user.not_found', as: 'operator', input: about() },
    { expects: 'request.invalid', as: 'operator', input: about({ cursor: 'the second page' }), before: known },
  ],
  'users.erase': [
    {
      expects: 'ok',
      as: 'operator',
      input: about({ reason: 'Asked for by letter.' }),
      before: joined('member'),
      steady,
    },
    { expects: 'auth.permission_denied', as: 'owner', input: about() },
    { expects: 'user.not_found', as: 'operator', input: about() },
    { expects: 'user.oneself', as: 'operator', input: oneself },
    { expects: 'user.last_owner', as: 'operator', input: about(), before: joined('owner') },
  ],
}
