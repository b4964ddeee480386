import type { TestApi } from './api-server.ts'
import type { Case } from './operation-case.ts'
import type { World } from './operation-world.ts'

/** Nobody of the world itself, who is to call. */
const principalOf = ({ other }: World) => `user:${other.id}`
const ofBlock = (world: World) => ({ blockId: `probing:${principalOf(world)}`, reason: 'It was a drill.' })

async function block({ installation }: TestApi, world: World): Promise<void> {
  const { abuseGuard } = installation.dependencies
  for (let name = 1; name <= 90; name += 1) await abuseGuard.recordProbe(principalOf(world), `tenant-${name}`)
}

/** Other tests block at the same time. */
const steady = (text: string) =>
  text.replaceAll(
    /"blocks":\[[^\]]+\]/g,
    '"blocks":[{"id":"probing:user:0190a1f0-0000-7000-8000-000000000007","reason":"probing","principal":{"type":"user","id":"0190a1f0-0000-7000-8000-000000000007"},"since":"2026-03-16T12:00:00.000Z","until":"2026-03-16T12:01:00.000Z"}]',
  )

export const blockCases: Record<string, Case[]> = {
  'blocks.list': [
    { expects: 'ok', as: 'operator', before: block, steady },
    { expects: 'auth.permission_denied', as: 'owner' },
  ],
  'blocks.lift': [
    { expects: 'ok', as: 'operator', before: block, input: ofBlock },
    { expects: 'block.not_found', as: 'operator', input: ofBlock },
    { expects: 'request.invalid', as: 'operator', input: { blockId: 'everybody', reason: '' } },
    { expects: 'auth.permission_denied', as: 'owner', input: ofBlock },
  ],
}
