import { fileURLToPath } from 'node:url'
import tailwind from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'

const server = `http://127.0.0.1:${process.env.PORT ?? 3000}`

const entry = fileURLToPath(new URL('./src/main.ts', import.meta.url))
/** What every page needs: all that the entry imports, and not what is loaded when it is asked for. */
const first = new Set<string>()
const findFirst: Plugin = {
  name: 'find-first',
  apply: 'build',
  buildEnd() {
    const found = [entry]
    for (const id of found) {
      if (first.has(id)) continue
      first.add(id)
      found.push(...(this.getModuleInfo(id)?.importedIds ?? []))
    }
  },
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [vue(), tailwind(), findFirst],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
    // Messages are read and not made into functions, which the content policy would refuse.
    __INTLIFY_JIT_COMPILATION__: 'true',
    __INTLIFY_DROP_MESSAGE_COMPILER__: 'false',
  },
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2022',
    outDir: fileURLToPath(new URL('../../dist/web', import.meta.url)),
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    // Nothing is inlined: data URLs of fonts and pictures would widen the content policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        chunkFileNames: ({ name }) => `assets/${name.split('~', 1)[0]}-[hash].js`,
        // Two files hold what every page needs, and one of them stays as it is from version to version. A file for each
        // icon and small component would cost more on its way than what is in it.
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'libraries', test: (id) => first.has(id) && id.includes('/node_modules/'), priority: 2 },
            { name: 'console', test: (id) => first.has(id), priority: 1 },
            { name: 'icons', test: /lucide/, minShareCount: 2, entriesAware: true, entriesAwareMergeThreshold: 8_000 },
            {
              name: 'parts',
              test: /src\/(components\/(?!ui\/(\w*Dialog|Menu\w*)\.)|lib\/)/,
              minShareCount: 2,
              entriesAware: true,
              entriesAwareMergeThreshold: 6_000,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': server, '/git': server, '/sign-in': server, '/setup': server, '/invite': server } },
})
