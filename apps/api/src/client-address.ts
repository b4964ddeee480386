import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

export type TrustedProxies = (address: string) => boolean

/** Throws for an entry that is neither an address nor a CIDR. */
export function trustedProxies(entries: readonly string[]): TrustedProxies {
  const ranges = entries.map((entry) => {
    if (!ipaddr.isValid(entry) && !ipaddr.isValidCIDR(entry))
      throw new Error(`TRUSTED_PROXIES: "${entry}" is neither an address nor a CIDR.`)
    return ipaddr.isValidCIDR(entry) ? ipaddr.parseCIDR(entry) : rangeOf(ipaddr.parse(entry))
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
  const peer = normalised(remote)
  if (request.headers['x-forwarded-for'] === undefined || !trusted(peer)) return peer
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => ipaddr.isValid(entry))
  const chain = [peer, ...forwarded.reverse().map(normalised)]
  return chain.find((address) => !trusted(address)) ?? chain.at(-1) ?? null
}

/** Without the IPv6 dress that a dual-stack socket gives an IPv4 address. */
const normalised = (address: string) =>
  address.startsWith('::ffff:') && ipaddr.isValid(address) ? ipaddr.process(address).toString() : address
