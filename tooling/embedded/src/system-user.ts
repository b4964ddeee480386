import { execFile } from 'node:child_process'
import { realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { embeddedErrors } from './errors.ts'

/** The account the server runs as where that is not our own. */
export interface SystemUser {
  uid: number
  gid: number
}

const run = promisify(execFile)

/**
 * The user that serves the cluster of a folder, null where it is the one of this process. As root that cannot be: then
 * it is the owner of the cluster, and `postgres`, made if need be, for a new one.
 */
export async function findSystemUser(clusterFolder: string): Promise<SystemUser | null> {
  const current = process.getuid?.()
  if (current === undefined) return null
  const owner = await stat(clusterFolder).catch(() => null)
  if (current === 0) return owner?.uid ? { uid: owner.uid, gid: owner.gid } : findDedicatedUser()
  if (!owner || owner.uid === current) return null
  const message = `${clusterFolder} belongs to another system user (uid ${owner.uid}). Start as that user, or choose another DATA_DIR.`
  throw embeddedErrors.wrong_owner({}, message)
}

export async function findDedicatedUser(): Promise<SystemUser> {
  return lookUp('postgres').catch(() => createUser('postgres'))
}

async function lookUp(name: string): Promise<SystemUser> {
  const [uid, gid] = await Promise.all(['-u', '-g'].map(async (flag) => Number((await run('id', [flag, name])).stdout)))
  return { uid: uid as number, gid: gid as number }
}

async function createUser(name: string): Promise<SystemUser> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', name])
    return await lookUp(name)
  } catch (cause) {
    const message = `PostgreSQL cannot run as root, and the system user "${name}" could not be created. Create it, or start as a user other than root.`
    throw Object.assign(embeddedErrors.no_system_user({}, message), { cause })
  }
}

/** Throws `embedded.not_traversable`, naming the folder on the way to `path` that shuts the user out. */
export async function requireTraversable(path: string, user: SystemUser): Promise<void> {
  for (let folder = await realpath(path); ; folder = dirname(folder)) {
    if (!(await mayEnter(folder, user))) throw embeddedErrors.not_traversable({}, notTraversable(path, folder))
    if (folder === dirname(folder)) return
  }
}

async function mayEnter(folder: string, user: SystemUser): Promise<boolean> {
  const { uid, gid, mode } = await stat(folder)
  if (uid === user.uid) return (mode & 0o100) !== 0
  return (mode & (gid === user.gid ? 0o010 : 0o001)) !== 0
}

function notTraversable(path: string, folder: string): string {
  return [
    `PostgreSQL cannot run as root, so it runs as a system user of its own, and that user may not enter ${folder},`,
    `which lies on the way to ${path}. Either move it to a folder everybody may enter (for the data: DATA_DIR),`,
    `or allow it with: chmod o+x ${folder}, or start as a user other than root.`,
  ].join(' ')
}
