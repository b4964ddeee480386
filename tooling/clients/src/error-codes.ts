import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import * as pipeline from '@tenantry/kernel/contract/errors'

/** Every code that a contract or the pipeline declares, sorted. */
export async function errorCodes(): Promise<string[]> {
  const contracts = await Promise.all((await capabilitiesWithContract()).map(readContract))
  const declared = [pipeline, ...contracts].flatMap((module) => Object.values(module)).flatMap(codesOf)
  return [...new Set([...declared, pipeline.internalErrorCode])].sort()
}

async function capabilitiesWithContract(): Promise<string[]> {
  const folder = new URL('capabilities/', import.meta.resolve('@tenantry/control-plane'))
  const files = await readdir(fileURLToPath(folder), { recursive: true })
  return files.flatMap((file) => /^([a-z-]+)\/contract\.ts$/.exec(file.replaceAll('\\', '/'))?.[1] ?? []).sort()
}

async function readContract(capability: string): Promise<Record<string, unknown>> {
  return import(`@tenantry/control-plane/capabilities/${capability}/contract`)
}

/** What `defineErrors` made; nothing for any other export. */
function codesOf(declaration: unknown): string[] {
  if (typeof declaration !== 'object' || declaration === null) return []
  return Object.values(declaration).flatMap((error: unknown) =>
    typeof error === 'function' && 'code' in error && typeof error.code === 'string' ? [error.code] : [],
  )
}
