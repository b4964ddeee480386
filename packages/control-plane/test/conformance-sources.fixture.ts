import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { ErrorFactory } from '@tenantry/kernel/contract/errors'
import type { Operation } from '@tenantry/kernel/contract/operation'
import type { Finding } from '@tenantry/kernel/tenancy/inspection'
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import type { CataloguedError } from '../src/error-catalogue.ts'

/** Texts by path from the root of the repository. */
export type Sources = ReadonlyMap<string, string>

const root = fileURLToPath(new URL('../../..', import.meta.url))
export const capabilitiesFolder = 'packages/control-plane/src/capabilities'

/** What runs: the sources of packages and apps, without their tests. */
export async function readSources(): Promise<Sources> {
  const folders = (await Promise.all(['packages', 'apps'].map(packageFolders))).flat()
  const paths = (await Promise.all(folders.map(sourcePaths))).flat()
  const texts = paths.map(async (path): Promise<[string, string]> => [path, await readFile(join(root, path), 'utf8')])
  return new Map(await Promise.all(texts))
}

/** Paths of all that stands in a capability, tests included, from the folder of capabilities. */
export async function capabilityPaths(): Promise<string[]> {
  const entries = await readdir(join(root, capabilitiesFolder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, capabilitiesFolder).length + 1))
}

/** What a source exports, by name. */
export async function exportsOf(path: string): Promise<[string, unknown][]> {
  return Object.entries((await import(/* @vite-ignore */ pathToFileURL(join(root, path)).href)) as object)
}

async function packageFolders(parent: string): Promise<string[]> {
  return (await readdir(join(root, parent))).map((name) => join(parent, name, 'src'))
}

async function sourcePaths(folder: string): Promise<string[]> {
  const files = await readdir(join(root, folder), { recursive: true }).catch(() => [])
  return files
    .filter((file) => /\.tsx?$/.test(file) && !/\.(test|fixture)\.tsx?$/.test(file) && !/(^|\/)testing/.test(file))
    .map((file) => join(folder, file))
}

const declaringPlaces = ['packages/kernel/src/errors/', 'packages/kernel/src/contract/errors.ts']
const trpcPlaces = ['packages/kernel/src/errors/', 'packages/kernel/src/trpc/']

/** Files that make an AppError themselves, each with the reason. */
const makers: Readonly<Record<string, string>> = {
  'packages/shared/src/openapi/preconditions.ts': 'answers a declared code by the status that If-Match asks for',
}

/** Errors are thrown by what declared them, and by nothing else. */
export function throwFindings(sources: Sources): Finding[] {
  const classes = [...sources.values()].flatMap((text) =>
    [...text.matchAll(/class (\w+) extends AppError\b/g)].map(([, name = '']) => name),
  )
  const making = new RegExp(`new (${['AppError', ...classes].join('|')})\\(`)
  return [...sources].flatMap(([path, text]) => {
    const within = (places: string[]) => places.some((place) => path.startsWith(place))
    const messages = [
      making.test(text) &&
        !within(declaringPlaces) &&
        !(path in makers) &&
        'It makes an AppError by hand: declare the error with defineErrors in contract.ts, and call what that gives.',
      /\bTRPCError\b/.test(text) &&
        !within(trpcPlaces) &&
        'It uses TRPCError: throw a declared error; kernel/errors turns it into what tRPC needs.',
      /\b(throw|Error\()[^\n;]*['"`][a-z_]+\.[a-z_]+['"`]/.test(text) &&
        'It writes an error code as text where it throws: throw what defineErrors gives for that code.',
    ]
    return messages.filter((message) => message !== false).map((message) => ({ subject: `file ${path}`, message }))
  })
}

type ErrorGroup = Readonly<Record<string, CataloguedError>>

/** Whether something that a module exports was made by `defineErrors`. */
export function isErrorGroup(exported: unknown): exported is ErrorGroup {
  if (typeof exported !== 'object' || exported === null) return false
  const made = Object.values(exported)
  return made.length > 0 && made.every((error) => typeof error === 'function' && 'code' in error && 'kind' in error)
}

/** A code means one thing, and every group that is declared is in the catalogue. */
export function catalogueFindings(
  declared: Readonly<Record<string, ErrorGroup>>,
  catalogue: readonly ErrorGroup[],
): Finding[] {
  const unlisted = Object.entries(declared)
    .filter(([, group]) => !catalogue.includes(group))
    .map(([name]) => ({
      subject: `errors ${name}`,
      message: 'They are in no catalogue: list them in error-catalogue.ts.',
    }))
  const errors = catalogue.flatMap((group) => Object.values(group))
  const twice = errors.filter(({ code }, place) => errors.findIndex((error) => error.code === code) !== place)
  return [
    ...unlisted,
    ...twice.map(({ code }) => ({
      subject: `error ${code}`,
      message: 'It is declared twice: import it from where it is declared first, or give it another name.',
    })),
  ]
}

/** What a service throws stands in the contract of an operation of its capability; the pipeline's own errors go without. */
export function undeclaredThrowFindings(
  sources: Sources,
  router: AnyTRPCRouter,
  { declared, pipeline }: { declared: Readonly<Record<string, ErrorGroup>>; pipeline: readonly ErrorGroup[] },
): Finding[] {
  const implied = new Set(pipeline.flatMap((group) => Object.values(group)).map(({ code }) => code))
  const promised = new Set(
    Object.values<AnyTRPCProcedure>(router._def.procedures).flatMap((procedure) =>
      ((procedure._def.meta as { operation?: Operation } | undefined)?.operation?.errors ?? []).map(
        ({ code }: ErrorFactory) => code as string,
      ),
    ),
  )
  return [...sources].flatMap(([path, text]) => {
    if (!/\/capabilities\/[a-z-]+\/service(\.ts$|\/)/.test(path)) return []
    const thrown = [...text.matchAll(/\bthrow (\w+)\.(\w+)\(/g)].flatMap(
      ([, group = '', name = '']) => declared[group]?.[name]?.code ?? [],
    )
    return [...new Set(thrown)]
      .filter((code) => !implied.has(code) && !promised.has(code))
      .map((code) => ({
        subject: `file ${path}`,
        message: `It throws ${code}, which no operation declares: add it to the errors of the operation in contract.ts.`,
      }))
  })
}

const roles = ['contract', 'entity', 'repository', 'service', 'router', 'index', 'factory']
const kebab = '[a-z0-9]+(-[a-z0-9]+)*'
const allowed = [
  new RegExp(`^${kebab}/(${roles.join('|')})\\.ts$`),
  new RegExp(`^${kebab}/(${roles.join('|')})/${kebab}\\.ts$`),
  new RegExp(`^${kebab}/rules/(${kebab}/)*${kebab}\\.ts$`),
  new RegExp(`^${kebab}/(${kebab}/)*${kebab}\\.(test|fixture)\\.ts$`),
]

/** A file's name says its role. `paths` begin with the name of the capability. */
export function fileNameFindings(paths: readonly string[]): Finding[] {
  return paths
    .filter((path) => !allowed.some((form) => form.test(path.replaceAll('\\', '/'))))
    .map((path) => ({
      subject: `file ${capabilitiesFolder}/${path}`,
      message: `No role has this name: use ${roles.join(', ')} (a folder of that name where one file is too long), or rules/ for pure modules.`,
    }))
}
