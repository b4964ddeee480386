import { authErrors } from '../contract/errors.ts'
import type { AppError, ErrorDetails } from './app-error.ts'

/** The first by itself, for whoever asks for one after the other, and all where there are several. */
export function missingDetails(scopes: readonly string[]): ErrorDetails {
  const [missingScope] = scopes
  return {
    ...(missingScope === undefined ? {} : { missingScope }),
    ...(scopes.length < 2 ? {} : { missingScopes: [...scopes] }),
  }
}

/** `withheldFor` is the feature without which the scope does not count, though it is held. */
export function missingScope(scope: string, withheldFor: string | undefined): AppError {
  if (withheldFor === undefined)
    return authErrors.permission_denied({ missingScope: scope }, `This needs the scope ${scope}.`)
  return authErrors.permission_denied(
    { missingScope: scope, requiresFeature: withheldFor },
    `The scope ${scope} counts only in a plan with the feature ${withheldFor}, which this one does not have.`,
  )
}
