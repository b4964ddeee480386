import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Whether an address is in one of the ranges. An IPv4 address in the dress of IPv6 is the one it stands for. */
export type AddressRanges = (address: string) => boolean

/** Reads addresses and CIDRs. Throws for the first entry that is neither. */
export function addressRanges(entries: readonly string[]): AddressRanges {
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
