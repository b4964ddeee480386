import { productSchema } from './roles.ts'

/** Spread into `defineEntity`: a table of the whole installation. It states its own policies; with none nobody reads it. */
export const platformScoped = {
  schema: productSchema,
  rowLevelSecurity: 'force' as const,
}
