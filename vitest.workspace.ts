import { defineConfig } from 'vitest/config'

const projects = {
  kernel: 'packages/kernel',
  'control-plane': 'packages/control-plane',
  shared: 'packages/shared',
  api: 'apps/api',
  tooling: 'tooling',
}

export default defineConfig({
  test: {
    globalSetup: ['./tooling/vitest/global-setup.ts'],
    // Each worker is busy together with the database server.
    maxWorkers: 2,
    projects: Object.entries(projects).map(([name, folder]) => ({
      extends: true,
      test: { name, include: [`${folder}/**/*.test.ts`], testTimeout: 20_000, hookTimeout: 60_000 },
    })),
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      exclude: ['**/*.test.ts', '**/*.fixture.ts', '**/migrations/**'],
      reporter: ['text-summary'],
      thresholds: { lines: 90 },
    },
  },
})
