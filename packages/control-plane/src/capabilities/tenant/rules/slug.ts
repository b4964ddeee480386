import slugify from '@sindresorhus/slugify'
import { tenantSlug } from '../contract.ts'

/** Leaves room for what is put behind it. */
const longestBase = 54

/**
 * What a tenant of that name could be called, the best first: its name in Latin letters, then with a number behind it,
 * and with `suffix`, which should be random, where nothing of the name can be written so or all else is taken.
 */
export function slugCandidates(name: string, suffix: string): string[] {
  const base = slugify(name, { decamelize: false }).slice(0, longestBase).replace(/-+$/, '')
  const stem = base === '' ? 'tenant' : base
  const numbered = base === '' ? [] : [base, ...[2, 3, 4, 5, 6, 7, 8, 9].map((number) => `${base}-${number}`)]
  return [...numbered, `${stem}-${suffix}`].filter((candidate) => tenantSlug.safeParse(candidate).success)
}
