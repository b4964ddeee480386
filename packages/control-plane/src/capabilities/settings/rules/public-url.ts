import { textProblem } from '@tenantry/kernel/contract/text'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'

const globalUnicastV6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]
// Azure answers instance metadata on a public address.
const metadataAddresses = new Set(['168.63.129.16'])
const privateSuffixes = ['localhost', 'local', 'internal', 'localdomain', 'lan', 'intranet', 'corp', 'home.arpa']

/**
 * Whether an IP literal belongs to the public Internet: not private, loopback, link-local, multicast, reserved or a
 * cloud's metadata service, nor an IPv6 form that wraps an IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== 'unicast' || metadataAddresses.has(parsed.toString())) return false
  return !(parsed instanceof ipaddr.IPv6) || parsed.match(globalUnicastV6)
}

/** Judges a host as `URL.hostname` writes it. What a name resolves to is for the egress guard to see. */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (ipaddr.isValid(host)) return isPublicAddress(host)
  return host.includes('.') && !privateSuffixes.some((suffix) => host.endsWith(`.${suffix}`))
}

export interface UrlProblem {
  message: string
  /** The host that configuration could open to make this acceptable. */
  openableHost?: string
}

export function urlProblems(value: string): UrlProblem[] {
  const url = /[\s\\\p{Cc}]/u.test(value) ? null : URL.parse(value)
  if (!url) return [{ message: 'Must be an absolute URL.' }]
  const problems: UrlProblem[] = []
  if (url.protocol === 'http:') problems.push({ message: 'Must use https.', openableHost: url.hostname })
  else if (url.protocol !== 'https:') return [{ message: 'Must use https.' }]
  if (url.username || url.password) problems.push({ message: 'Must not hold credentials.' })
  if (!isPublicHost(url.hostname)) {
    problems.push({ message: 'Must name a host on the public Internet.', openableHost: url.hostname })
  }
  return problems
}

function addUrlIssues(value: string, check: z.core.$RefinementCtx<string>) {
  for (const { message, openableHost } of urlProblems(value)) {
    check.addIssue({ code: 'custom', message, params: { openableHost } })
  }
}

export const publicUrl = () => z.string().max(2048).superRefine(addUrlIssues).meta({ format: 'uri' })

/** The name of a workspace or the URL of its incoming webhook. */
export const nameOrPublicUrl = () =>
  z
    .string()
    .min(1)
    .max(2048)
    .superRefine((value, check) => {
      if (value.includes('://')) return addUrlIssues(value, check)
      const message = textProblem(value, 'single')
      if (message) check.addIssue({ code: 'custom', message })
    })
