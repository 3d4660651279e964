import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'postgresql',
  schema: ['packages/core/src/events.ts', 'packages/core/src/leases.ts', 'packages/services/src/*/tables.ts'],
  out: 'migrations',
})
