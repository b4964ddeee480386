import type { IncomingMessage } from 'node:http'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import type { AddressRanges } from '@tenantry/kernel/network/address-ranges'
import type { RequestHandler } from 'express'

/** Refuses rather than redirects: what came in the clear has been read already, and its sender must learn of it. */
export function requireHttps(trusted: AddressRanges): RequestHandler {
  return (request, _response, next) => {
    if (!cameByHttps(request, trusted)) throw requestErrors.https_required()
    next()
  }
}

/**
 * Whether a trusted proxy says so, by X-Forwarded-Proto or by Forwarded (RFC 7239). Every value that is there must say
 * it: a proxy may have passed on what the client wrote.
 */
export function cameByHttps({ socket, headers }: IncomingMessage, trusted: AddressRanges): boolean {
  if (socket.remoteAddress === undefined || !trusted(socket.remoteAddress)) return false
  const said = [...listed(headers['x-forwarded-proto']), ...forwardedProtocols(headers.forwarded ?? '')]
  return said.length > 0 && said.every((protocol) => protocol === 'https')
}

function listed(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  return String(header)
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
}

/** An open quote would swallow what the next proxy added: a header that cannot be read counts as one that says no. */
function forwardedProtocols(header: string): string[] {
  const pair = /\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*))\s*([;,]|$)/y
  const protocols: string[] = []
  let said = false
  while (pair.lastIndex < header.length) {
    const read = pair.exec(header)
    if (!read) return ['unreadable']
    const [, name = '', quoted, plain = '', separator] = read
    if (name.toLowerCase() === 'proto') {
      protocols.push((quoted ?? plain).toLowerCase())
      said = true
    }
    if (separator === ',') said = false
  }
  // The last entry is the trusted proxy's own: without a word about the protocol there it has said nothing.
  if (header !== '' && !said) protocols.push('unsaid')
  return protocols
}
