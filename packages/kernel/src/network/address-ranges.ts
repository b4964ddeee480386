import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Whether an address is in one of the ranges. An IPv4 address in the dress of IPv6 is the one it stands for. */
export type AddressRanges = (address: string) => boolean

/** Reads addresses and CIDRs; what is an IPv4 range in the dress of IPv6 is read as that. Throws for the first entry that is neither. */
export function addressRanges(entries: readonly string[]): AddressRanges {
  const ranges = entries.map((entry, index) => {
    // Not ipaddr.js alone: it reads `10/8` as 0.0.0.10/8.
    if (isIP(entry.split('/')[0] ?? '') !== 0) {
      if (ipaddr.isValidCIDR(entry)) return undressed(ipaddr.parseCIDR(entry))
      if (isIP(entry) !== 0) return rangeOf(ipaddr.process(entry))
    }
    throw new Error(`Entry ${index + 1} is neither an address nor a CIDR.`)
  })
  return (address) => {
    if (!ipaddr.isValid(address)) return false
    const parsed = ipaddr.process(address)
    return ranges.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
  }
}

/** Whether `addressRanges` reads it. */
export function isAddressRange(entry: string): boolean {
  try {
    return addressRanges([entry]) !== undefined
  } catch {
    return false
  }
}

/** `::ffff:10.0.0.0/104` is `10.0.0.0/8`; a wider range holds more than IPv4, and no address that is asked for. */
function undressed([network, bits]: Range): Range {
  if (!(network instanceof ipaddr.IPv6) || !network.isIPv4MappedAddress()) return [network, bits]
  if (bits < mappedBits) throw new Error(`Write a range of IPv4 addresses as such, and not as ${network}/${bits}.`)
  return [network.toIPv4Address(), bits - mappedBits]
}

const mappedBits = 96

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number]

const rangeOf = (address: Range[0]): Range => [address, address.kind() === 'ipv4' ? 32 : 128]
