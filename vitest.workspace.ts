import { defineConfig } from 'vitest/config'

const files = ['packages', 'apps', 'tooling'].map((folder) => `${folder}/**/*.test.ts`)
const pages = ['apps/api/test/clients-react*.test.ts']

/** `vitest --mode soak` runs what grows with time at full length; the usual run keeps the same promises in short. */
export default defineConfig(({ mode }) => ({
  test: {
    globalSetup: ['./tooling/vitest/global-setup.ts'],
    // Each worker is busy together with the database server.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 5_000 } },
    provide: { soak: mode === 'soak' },
    tags: [{ name: 'soak', description: 'Runs longer, or more often, in `pnpm soak`.' }],
    projects: [
      {
        extends: true,
        // No test changes a module: loading them once per worker, not per file, saves a third of the run.
        test: { name: 'services', include: files, exclude: ['**/node_modules/**', ...pages], isolate: false },
      },
      // React wants the globals of a browser, which would change what every other client does.
      { extends: true, test: { name: 'pages', include: pages } },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/*.fixture.ts', '**/migrations/**'],
      reporter: ['text-summary'],
      thresholds: { lines: 90 },
    },
  },
}))
