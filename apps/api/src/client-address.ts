import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { AddressRanges } from '@tenantry/kernel/network/address-ranges'
import ipaddr from 'ipaddr.js'

/** The nearest address that is no trusted proxy; a bare X-Forwarded-For counts for nothing. */
export function clientAddress(request: IncomingMessage, trusted: AddressRanges): string | null {
  const remote = request.socket.remoteAddress
  if (remote === undefined) return null
  let nearest = normalised(remote)
  const forwarded = request.headers['x-forwarded-for']
  if (forwarded === undefined) return nearest
  for (const entry of String(forwarded).split(',').reverse()) {
    const address = trusted(nearest) ? readAddress(entry.trim()) : null
    // Whoever stands before an entry that cannot be read was not seen by a proxy of ours.
    if (address === null) return nearest
    nearest = address
  }
  return nearest
}

/** Some proxies write the port too: `192.0.2.7:1234`, `[2001:db8::7]:1234`. */
function readAddress(entry: string): string | null {
  const [, bracketed, dotted] = /^(?:\[(.+)\](?::\d+)?|([\d.]+):\d+)$/.exec(entry) ?? []
  const address = bracketed ?? dotted ?? entry
  return isIP(address) === 0 ? null : normalised(address)
}

/** Without the IPv6 dress that a dual-stack socket gives an IPv4 address. */
const normalised = (address: string) => (address.startsWith('::ffff:') ? ipaddr.process(address).toString() : address)
