import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    // The tests run on the sources: one copy of every module, no stale build.
    alias: [
      { find: /^millrace$/, replacement: at('./src/index.ts') },
      { find: /^millrace\/runtime$/, replacement: at('./runtime/index.ts') },
      { find: /^millrace\/testing$/, replacement: at('./runtime/testing/index.ts') },
      { find: /^millrace\/connectors\/(.+)$/, replacement: at('./src/connectors/$1/index.ts') },
    ],
  },
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
})
