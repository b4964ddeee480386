import { requestErrors } from '@tenantry/kernel/contract/errors'
import { parameterName } from './rest-procedure.ts'

interface Entry<Target> {
  target: Target
  /** Where in the path each parameter stands. */
  positions: [name: string, depth: number][]
}

interface Branch<Target> {
  fixed: Map<string, Branch<Target>>
  parameter: Branch<Target> | null
  entries: Map<string, Entry<Target>>
}

export interface RouteMatch<Target> {
  target: Target
  parameters: [name: string, value: string][]
}

export interface RouteTrie<Target> {
  /** Throws if another target already answers this method on the same path. */
  add(method: string, path: string, target: Target): void
  /** `allowed` lists the methods of the path; it is empty where there is no such path. */
  find(method: string, segments: string[]): { match: RouteMatch<Target> | null; allowed: string[] }
}

export function createRouteTrie<Target>(): RouteTrie<Target> {
  const root = newBranch<Target>()
  return {
    add(method, path, target) {
      const segments = pathSegments(path)
      const { entries } = segments.reduce(grow, root)
      if (entries.has(method)) throw new Error(`Two operations answer ${method} ${path}`)
      const positions = segments.flatMap((segment, depth): [string, number][] => {
        const name = parameterName(segment)
        return name === null ? [] : [[name, depth]]
      })
      entries.set(method, { target, positions })
    },
    find(method, segments) {
      const leaves = [...matches(root, segments)]
      const entry = leaves.find((leaf) => leaf.entries.has(method))?.entries.get(method)
      const allowed = [...new Set(leaves.flatMap((leaf) => [...leaf.entries.keys()]))]
      if (!entry) return { match: null, allowed }
      const parameters = entry.positions.map(([name, depth]): [string, string] => [name, segments[depth] ?? ''])
      return { match: { target: entry.target, parameters }, allowed }
    },
  }
}

/** Percent-decoded segments without trailing slashes. Throws `request.invalid` where the encoding is broken. */
export function pathSegments(path: string): string[] {
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end -= 1
  if (end === 0) return []
  return path
    .slice(path.startsWith('/') ? 1 : 0, end)
    .split('/')
    .map(decodeSegment)
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw requestErrors.invalid({}, 'The path is not correctly percent-encoded.')
  }
}

function newBranch<Target>(): Branch<Target> {
  return { fixed: new Map(), parameter: null, entries: new Map() }
}

function grow<Target>(branch: Branch<Target>, segment: string): Branch<Target> {
  if (parameterName(segment) !== null) {
    branch.parameter ??= newBranch()
    return branch.parameter
  }
  const next = branch.fixed.get(segment) ?? newBranch<Target>()
  branch.fixed.set(segment, next)
  return next
}

/** Every branch the path reaches, those by fixed segments first. */
function* matches<Target>(branch: Branch<Target>, segments: string[], depth = 0): Generator<Branch<Target>> {
  const segment = segments[depth]
  if (segment === undefined) {
    yield branch
    return
  }
  const fixed = branch.fixed.get(segment)
  if (fixed) yield* matches(fixed, segments, depth + 1)
  // `/tenants//users` is a client's empty id, not a tenant without a name.
  if (branch.parameter && segment !== '') yield* matches(branch.parameter, segments, depth + 1)
}
