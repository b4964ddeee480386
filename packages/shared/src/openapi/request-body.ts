import type { IncomingMessage } from 'node:http'
import { MIMEType } from 'node:util'
import { requestErrors } from '@tenantry/kernel/contract/errors'

export const defaultBodyLimitBytes = 256 * 1024

export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
}

/**
 * The JSON object in the body, `{}` for none. Throws `request.too_large`, `request.unsupported_media_type` and
 * `request.invalid`.
 */
export async function readJsonBody(request: IncomingMessage, limitBytes: number): Promise<Record<string, unknown>> {
  if (!hasBody(request)) return {}
  refuseOtherMedia(request)
  return parseObject(await readBytes(request, limitBytes))
}

function refuseOtherMedia({ headers }: IncomingMessage): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding !== 'identity') {
    throw requestErrors.unsupported_media_type({}, 'Send the body without a Content-Encoding.')
  }
  const type = mediaType(headers['content-type'])
  if (type?.type !== 'application' || !(type.subtype === 'json' || type.subtype.endsWith('+json'))) {
    throw requestErrors.unsupported_media_type()
  }
  if ((type.params.get('charset') ?? 'utf-8').toLowerCase() !== 'utf-8') {
    throw requestErrors.unsupported_media_type({}, 'Send the body encoded as UTF-8.')
  }
}

function mediaType(header: string | undefined): MIMEType | null {
  try {
    return new MIMEType(header ?? '')
  } catch {
    return null
  }
}

async function readBytes(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes)
  const chunks: Buffer[] = []
  let size = 0
  // Leaving the loop early would otherwise take the socket from the request, which loggers still ask for the address.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limitBytes) throw tooLarge(limitBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(limitBytes: number) {
  return requestErrors.too_large({}, `The body is larger than the ${limitBytes} bytes this operation takes.`)
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  if (bytes.length === 0) return {}
  const value = parseJson(decodeText(bytes))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw requestErrors.invalid({}, 'The body must be a JSON object.')
  }
  // Checked above: an object that is neither null nor an array.
  return value as Record<string, unknown>
}

function decodeText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw requestErrors.invalid({}, 'The body is not valid UTF-8.')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw requestErrors.invalid({}, 'The body is not valid JSON.')
  }
}
