import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { useDataFolder } from './data-folder.fixture.ts'
import { requireTraversable } from './system-user.ts'

const stranger = { uid: 64_999, gid: 64_999 }

test('a folder the server may not enter is refused with its name and what to do', async () => {
  const folder = await useDataFolder()
  const closed = join(folder, 'closed')
  const data = join(closed, 'data')
  await mkdir(data, { recursive: true })
  await chmod(closed, 0o700)

  const refusal = {
    code: 'embedded.not_traversable',
    message: expect.stringMatching(new RegExp(`may not enter ${closed},.*DATA_DIR.*chmod o\\+x ${closed}`)),
  }
  await expect(requireTraversable(data, stranger)).rejects.toMatchObject(refusal)

  await chmod(closed, 0o711)
  await expect(requireTraversable(data, stranger)).resolves.toBeUndefined()
})
