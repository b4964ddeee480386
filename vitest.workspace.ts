import { defineConfig } from 'vitest/config'

const pages = 'apps/api/test/clients-react*.test.ts'

interface Project {
  include: string
  exclude?: string[]
  isolate?: boolean
}

const projects: Record<string, Project> = {
  kernel: { include: 'packages/kernel/**/*.test.ts' },
  'control-plane': { include: 'packages/control-plane/**/*.test.ts' },
  shared: { include: 'packages/shared/**/*.test.ts' },
  api: { include: 'apps/api/**/*.test.ts', exclude: [pages] },
  // React wants the globals of a browser, which would change what every other client does.
  pages: { include: pages, isolate: true },
  tooling: { include: 'tooling/**/*.test.ts' },
}

/** `vitest --mode soak` runs what grows with time at full length; the usual run keeps the same promises in short. */
export default defineConfig(({ mode }) => ({
  test: {
    globalSetup: ['./tooling/vitest/global-setup.ts'],
    // Each worker is busy together with the database server.
    maxWorkers: 2,
    // No test changes a module: loading them once per worker saves a third of the run.
    isolate: false,
    expect: { poll: { timeout: 5_000 } },
    provide: { soak: mode === 'soak' },
    tags: [{ name: 'soak', description: 'Runs longer, or more often, in `pnpm soak`.' }],
    projects: Object.entries(projects).map(([name, { include, exclude = [], isolate = false }]) => ({
      extends: true,
      test: {
        name,
        include: [include],
        exclude: ['**/node_modules/**', ...exclude],
        isolate,
        testTimeout: 20_000,
        hookTimeout: 60_000,
      },
    })),
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/*.fixture.ts', '**/migrations/**'],
      reporter: ['text-summary'],
      thresholds: { lines: 90 },
    },
  },
}))
