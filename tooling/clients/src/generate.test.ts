import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { generateClients } from './generate.ts'

const patience = { timeout: 120_000 }

test('the clients are current; where they are not, run `pnpm generate-clients`', patience, async () => {
  for (const { path, content } of await generateClients()) {
    expect(await readFile(path, 'utf8'), path).toBe(content)
  }
})
