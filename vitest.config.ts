import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

// @actions/* import JSON without an import attribute, which bare Node refuses: vitest inlines them.
const server = { deps: { inline: [/@actions\//] } }

// Their source maps name sources that their packages do not hold, of which Vite would warn file by file.
const plugins = [
  {
    name: 'without-source-maps',
    enforce: 'pre' as const,
    load: (id: string) =>
      /\/@actions\/.*\.js$/.test(id) ? readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '') : null,
  },
]

export default defineConfig({
  test: {
    reporters: ['default', ['./scripts/test-reporter.mjs', { counts: process.env.JUANIE_TEST_COUNTS }]],
    projects: [
      {
        plugins,
        test: {
          name: 'unit',
          // Pure tests take milliseconds; some start processes, and a busy machine is no failure.
          testTimeout: 20_000,
          hookTimeout: 20_000,
          include: ['{apps,packages}/*/{src,test}/**/*.test.ts', '{scripts,bench}/**/*.test.ts'],
          exclude: ['**/*.db.test.ts', '**/node_modules/**'],
          server,
        },
      },
      {
        plugins,
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
        plugins,
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
