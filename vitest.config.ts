import { defineConfig } from 'vitest/config'

/** Where .ci/run collects results; unset elsewhere. */
const reportFolder = process.env.MILLRACE_TEST_REPORTS

// The tests run on the sources, by the export condition that says so: one copy of every module, no stale build.
// `--mode full` is the whole matrix of npm run test:full.
export default defineConfig(({ mode }) => ({
  resolve: { conditions: ['millrace-source'] },
  ssr: { resolve: { conditions: ['millrace-source', 'node', 'module', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/services-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    env: mode === 'full' ? { MILLRACE_FULL: '1' } : {},
    reporters: reportFolder
      ? ['default', ['json', { outputFile: `${reportFolder}/vitest-${mode}.json` }]]
      : ['default'],
  },
}))
