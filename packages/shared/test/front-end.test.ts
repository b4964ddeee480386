import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build, type Rollup } from 'vite'
import { expect, test } from 'vitest'

const project = fileURLToPath(new URL('front-end', import.meta.url))

const server =
  /\/packages\/(?:kernel|control-plane)\/|\/node_modules\/(?:@mikro-orm|@types\/(?:express|pg)|bentocache|express|knex|kysely|pg|pg-boss|pino|trpc-to-openapi|zod|zod-openapi)\//
const clients = ['http/client.ts', 'react/provider.tsx', 'openapi/rest-client.ts']

test('a front end compiles against the doors, in the types of the operations, and loads no server code', {
  timeout: 60_000,
}, async () => {
  const manifest = createRequire(import.meta.url).resolve('typescript/package.json')
  const words = [join(dirname(manifest), 'bin/tsc'), '-p', project, '--listFiles']
  const { stdout } = await promisify(execFile)(process.execPath, words).catch((failure) => failure)
  const lines: string[] = stdout.trim().split('\n')
  expect(lines.filter((line) => !line.startsWith('/'))).toEqual([])
  expect(lines.filter((line) => server.test(line))).toEqual([])
  for (const file of clients) expect(lines.filter((line) => line.endsWith(`/shared/src/${file}`))).toHaveLength(1)
})

test('a bundle of the doors holds no server code', { timeout: 60_000 }, async () => {
  const bundles = await build({
    configFile: false,
    logLevel: 'silent',
    root: project,
    build: {
      write: false,
      minify: true,
      lib: { entry: 'main.tsx', formats: ['es'] },
    },
  })
  const [{ output }] = bundles as [Rollup.RollupOutput]
  const chunks = output.filter((file) => file.type === 'chunk')
  const modules = chunks.flatMap((chunk) => Object.keys(chunk.modules))
  expect(modules.filter((module) => server.test(module) || /^node:|__vite-browser-external/.test(module))).toEqual([])
  expect(chunks.flatMap(({ imports }) => imports)).toEqual([])
  for (const file of clients) expect(modules.filter((module) => module.endsWith(`/shared/src/${file}`))).toHaveLength(1)
})
