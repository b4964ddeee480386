import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { systemClock } from '../context/clock.ts'
import { serviceErrors } from '../contract/errors.ts'

export interface KeyFetching {
  /** For one fetch, discovery included. */
  timeoutMilliseconds: number
  /** After a fetch, an unknown key id asks the issuer again only once this has passed. */
  cooldownMilliseconds: number
  /** A key that its issuer withdrew is believed no longer than this. */
  maxAgeMilliseconds: number
  /** An issuer that failed is left alone for this long. */
  retryMilliseconds: number
}

const deliberate: KeyFetching = {
  timeoutMilliseconds: 3_000,
  cooldownMilliseconds: 10_000,
  maxAgeMilliseconds: 300_000,
  retryMilliseconds: 3_000,
}

const keySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) })
const discoveryDocument = z.looseObject({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) })

/** The keys published at a JWKS URL, fetched when first needed. Throws `service.overloaded` while they cannot be had. */
export function jwksKeys(url: string | URL, fetching: Partial<KeyFetching> = {}): JWTVerifyGetKey {
  return keysAt(new URL(url), async () => String(url), { ...deliberate, ...fetching })
}

/**
 * The keys of an issuer, found by OpenID Connect discovery when first needed and anew with every fetch, so that neither
 * a start before the issuer's nor a moved JWKS needs a restart. Throws `service.overloaded` while they cannot be had.
 */
export function discoverIssuer(issuerUrl: string, fetching: Partial<KeyFetching> = {}): JWTVerifyGetKey {
  const location = new URL(`${issuerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const locate = async (request: FetchRequest) => {
    const document = discoveryDocument.parse(await fetchJson(location.href, request))
    if (document.issuer !== issuerUrl) {
      throw new Error(`The issuer at ${issuerUrl} calls itself ${document.issuer}; the two must be the same text.`)
    }
    if (location.protocol === 'https:' && !document.jwks_uri.startsWith('https:')) {
      throw new Error(`The issuer ${issuerUrl} publishes its keys over plain HTTP.`)
    }
    return document.jwks_uri
  }
  return keysAt(location, locate, { ...deliberate, ...fetching })
}

type FetchRequest = Parameters<FetchImplementation>[1]

function keysAt(
  location: URL,
  locate: (request: FetchRequest) => Promise<string>,
  fetching: KeyFetching,
): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(location, {
    timeoutDuration: fetching.timeoutMilliseconds,
    cooldownDuration: fetching.cooldownMilliseconds,
    cacheMaxAge: fetching.maxAgeMilliseconds,
    [customFetch]: withholding(fetching.retryMilliseconds, async (_, request) =>
      Response.json(keySet.parse(await fetchJson(await locate(request), request))),
    ),
  })
  return async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (isAboutTheToken(error)) throw error
      const retryAfterSeconds = Math.ceil(fetching.retryMilliseconds / 1000)
      const unavailable = serviceErrors.overloaded({ retryAfterSeconds }, 'The keys of the token issuer cannot be had.')
      throw Object.assign(unavailable, { cause: error })
    }
  }
}

/** jose's own cooldown starts at a success only: without this, every request would knock at an issuer that is down. */
function withholding(retryMilliseconds: number, attempt: FetchImplementation): FetchImplementation {
  let failure: { error: unknown; until: number } | null = null
  return async (url, request) => {
    if (failure && systemClock.now().getTime() < failure.until) throw failure.error
    try {
      const response = await attempt(url, request)
      failure = null
      return response
    } catch (error) {
      failure = { error, until: systemClock.now().getTime() + retryMilliseconds }
      throw error
    }
  }
}

async function fetchJson(url: string, request: FetchRequest): Promise<unknown> {
  const response = await fetch(url, request)
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}.`)
  return response.json()
}

function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}
