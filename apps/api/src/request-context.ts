import type { Dependencies } from '@tenantry/kernel/context/dependencies'
import type { Credentials, RequestContext, TenantHints } from '@tenantry/kernel/context/request-context'
import { isReservedName } from '@tenantry/kernel/contract/reserved-names'
import type { AddressRanges } from '@tenantry/kernel/network/address-ranges'
import type { SaidByRequest } from '@tenantry/shared/openapi/express'
import type { Request, Response } from 'express'
import { clientAddress } from './client-address.ts'
import { requestIdOf } from './request-id.ts'
import { callRecorder } from './request-log.ts'

export interface ContextOptions {
  dependencies: Dependencies
  baseDomain: string | undefined
  trustedProxies: AddressRanges
}

/** Reads who calls, about which tenant, and from where; decides nothing. */
export function createRequestContext(
  { dependencies, baseDomain, trustedProxies }: ContextOptions,
  request: Request,
  response: Response,
  how: { transport: 'rest' | 'trpc' } & SaidByRequest,
): RequestContext {
  const requestId = requestIdOf(request, response)
  return {
    dependencies,
    requestId,
    transport: how.transport,
    client: { address: clientAddress(request, trustedProxies), userAgent: request.get('user-agent') ?? null },
    credentials: credentialsOf(request),
    tenantHints: { ...(how.tenant ? { path: how.tenant } : {}), ...tenantHintsOf(request, baseDomain) },
    idempotencyKey: request.get('idempotency-key') ?? null,
    ifMatch: how.ifMatch,
    setHeader: (name, value) => {
      if (!response.headersSent) response.setHeader(name, value)
    },
    answered: callRecorder(response),
    logger: dependencies.logger.child({ requestId }),
  }
}

function credentialsOf(request: Request): Credentials {
  const authorization = request.get('authorization')
  const apiKey = request.get('x-api-key')
  // Anything but a bearer token is a credential that verifies as nothing, not an anonymous call.
  const bearer = authorization === undefined ? undefined : (/^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? '')
  return { ...(bearer === undefined ? {} : { bearer }), ...(apiKey === undefined ? {} : { apiKey }) }
}

function tenantHintsOf(request: Request, baseDomain: string | undefined): TenantHints {
  const header = request.get('x-tenant-id')?.trim()
  const subdomain = baseDomain === undefined ? undefined : subdomainOf(request.hostname, baseDomain)
  return { ...(header ? { header } : {}), ...(subdomain ? { subdomain } : {}) }
}

function subdomainOf(hostname: string | undefined, baseDomain: string): string | undefined {
  const host = hostname?.toLowerCase() ?? ''
  const suffix = `.${baseDomain.toLowerCase()}`
  const label = host.endsWith(suffix) ? host.slice(0, -suffix.length) : ''
  return /^[a-z0-9-]{3,63}$/.test(label) && !isReservedName(label) ? label : undefined
}
