import { defineConfig } from 'vitest/config'

// @actions/* import JSON without an import attribute, which bare Node refuses: vitest inlines them.
const server = { deps: { inline: [/@actions\//] } }

export default defineConfig({
  test: {
    reporters: ['default', ['./scripts/test-reporter.mjs', { counts: process.env.JUANIE_TEST_COUNTS }]],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{apps,packages}/*/{src,test}/**/*.test.ts', 'scripts/**/*.test.ts'],
          exclude: ['**/*.db.test.ts', '**/node_modules/**'],
          server,
        },
      },
      {
        test: {
          name: 'db',
          include: ['{apps,packages}/*/{src,test}/**/*.db.test.ts'],
          globalSetup: ['packages/core/src/testing/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          server,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.e2e.ts'],
          globalSetup: ['e2e/setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
          server,
        },
      },
    ],
  },
})
