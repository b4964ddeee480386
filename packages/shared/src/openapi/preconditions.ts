import { hash } from 'node:crypto'
import { requestErrors } from '@tenantry/kernel/contract/errors'
import { AppError } from '@tenantry/kernel/errors/app-error'

/** The version that the tag of `If-Match` begins with, null for `*`. Throws `request.invalid` for anything but one strong tag of ours. */
export function versionOfIfMatch(header: string): number | null {
  if (header.trim() === '*') return null
  const version = Number(/^"([1-9]\d{0,14})(?:\.[\w-]+)?"$/.exec(header.trim())?.[1])
  if (Number.isNaN(version)) {
    throw requestErrors.invalid({}, 'If-Match takes the ETag of one answer, such as "7", and no weak tag.')
  }
  return version
}

/**
 * The tag of a versioned answer, null where the answer has no version. What an answer shows beside the versioned
 * resource, and what it hides from this caller, is no part of the version, so that a digest of the text follows it.
 */
export function entityTag(data: unknown, text: string): string | null {
  const version = (data as { version?: unknown } | null | undefined)?.version
  return Number.isInteger(version) ? `"${version}.${hash('sha256', text, 'base64url').slice(0, 16)}"` : null
}

/** Weak comparison (RFC 9110, 13.1.2). */
export function isUnchanged(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.trim() === '*' || [...ifNoneMatch.matchAll(/"[^"]*"/g)].some(([candidate]) => candidate === tag)
}

/** A stale version that came by `If-Match` is a failed precondition, whatever code its capability declared. */
export function asPreconditionFailure(error: AppError): AppError {
  const versioned = error.details.currentVersion !== undefined || error.code === 'tenant.concurrent_update'
  const stale = error.kind === 'conflict' && versioned
  return stale ? new AppError('precondition_failed', error.code, error.message, error.details) : error
}
