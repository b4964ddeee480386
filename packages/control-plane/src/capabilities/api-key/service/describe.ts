import type { z } from 'zod'
import type { listApiKeys } from '../contract.ts'
import type { ApiKeyRow } from '../repository.ts'

type Described = z.input<typeof listApiKeys.output>['items'][number]

/** A key as it is shown, without any secret. */
export function describe(row: ApiKeyRow, now: Date): Described {
  const { id, name, scopes, ipAllowlist, expiresAt, createdAt, rotatedAt, formerEndsAt, lastUsedAt } = row
  return {
    id,
    name,
    scopes,
    ipAllowlist,
    expiresAt,
    // The contract lists the kinds; no other can create a key.
    createdBy: { type: row.createdByType as Described['createdBy']['type'], id: row.createdById },
    createdAt,
    rotatedAt,
    formerSecretEndsAt: formerEndsAt && formerEndsAt > now ? formerEndsAt : null,
    lastUsedAt,
  }
}
