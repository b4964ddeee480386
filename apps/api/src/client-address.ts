import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

export type TrustedProxies = (address: string) => boolean

/** Throws for the first entry that is neither an address nor a CIDR. */
export function trustedProxies(entries: readonly string[]): TrustedProxies {
  const ranges = entries.map((entry, index) => {
    // Not ipaddr.js alone: it reads `10/8` as 0.0.0.10/8.
    if (isIP(entry.split('/')[0] ?? '') !== 0) {
      if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry)
      if (isIP(entry) !== 0) return rangeOf(ipaddr.parse(entry))
    }
    throw new Error(`Entry ${index + 1} is neither an address nor a CIDR.`)
  })
  return (address) => {
    if (!ipaddr.isValid(address)) return false
    const parsed = ipaddr.process(address)
    return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
  }
}

const rangeOf = (address: ipaddr.IPv4 | ipaddr.IPv6): [ipaddr.IPv4 | ipaddr.IPv6, number] => [
  address,
  address.kind() === 'ipv4' ? 32 : 128,
]

/** The nearest address that is no trusted proxy; a bare X-Forwarded-For counts for nothing. */
export function clientAddress(request: IncomingMessage, trusted: TrustedProxies): string | null {
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
