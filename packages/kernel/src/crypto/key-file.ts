import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { z } from 'zod'

const ownerOnly = 0o600

/**
 * The secrets in a file of this installation, made on first use. Processes that start at once agree on one file.
 * Throws, without a word of the content, if others than the owner may touch the file or it does not fit `schema`.
 */
export async function loadOrCreateKeyFile<Secrets>(
  path: string,
  create: () => Secrets | Promise<Secrets>,
  schema: z.ZodType<Secrets>,
): Promise<Secrets> {
  const text = await read(path)
  if (text !== null) return parse(path, text, schema)
  await write(path, schema.parse(await create()), link)
  const written = await read(path)
  if (written === null) throw new Error(`The key file ${path} vanished while it was being made.`)
  return parse(path, written, schema)
}

/** For a file that is there; throws as `loadOrCreateKeyFile` does. */
export async function readKeyFile<Secrets>(path: string, schema: z.ZodType<Secrets>): Promise<Secrets> {
  const text = await read(path)
  if (text === null) throw new Error(`There is no key file ${path}.`)
  return parse(path, text, schema)
}

/** Whoever reads meanwhile gets either content, whole. */
export const replaceKeyFile = <Secrets>(path: string, secrets: Secrets, schema: z.ZodType<Secrets>): Promise<void> =>
  write(path, schema.parse(secrets), rename)

async function read(path: string): Promise<string | null> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new Error(`The key file ${path} cannot be opened (${error.code}).`, { cause: error })
  })
  if (!file) return null
  try {
    const { mode } = await file.stat()
    // Windows has no such bits.
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new Error(`The key file ${path} is open to other users of this machine. Run: chmod 600 ${path}`)
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** Appears complete or not at all. A link fails where a rename would replace the file of a process that was faster. */
async function write(path: string, secrets: unknown, place: typeof link | typeof rename): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomUUID()}`
  const file = await open(draft, 'wx', ownerOnly)
  try {
    await file.writeFile(`${JSON.stringify(secrets, null, 2)}\n`)
    await file.sync()
    await place(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await file.close()
    await rm(draft, { force: true })
  }
}

function parse<Secrets>(path: string, text: string, schema: z.ZodType<Secrets>): Secrets {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    throw new Error(
      `The key file ${path} is not JSON. Restore it from a backup: without it, sealed values stay sealed.`,
    )
  }
  const parsed = schema.safeParse(content)
  if (parsed.success) return parsed.data
  const fields = [...new Set(parsed.error.issues.map((issue) => issue.path.join('.') || 'the whole'))]
  throw new Error(`The key file ${path} is not complete; look at: ${fields.join(', ')}.`)
}
