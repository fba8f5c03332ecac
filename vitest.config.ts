import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Where .ci/run collects results; unset elsewhere. */
const reportFolder = process.env.MILLRACE_TEST_REPORTS

/** What takes longest of the whole matrix, the longest first: begun last, one of them would go on alone when all else is done. */
const LONG = [
  ...['kills', 'every-step', 'quickstart', 'seeds', 'network-storm', 'mysql-storm', 'mariadb-storm', 'relay-storm'],
  ...['relay-send-steps', 'kafka-steps', 'kafka-broker-storm', 'batch', 'mysql-relay', 'kafka-storm', 'relay-backlog'],
  ...['relay-receive-steps', 'small-cache', 'kafka-sync', 'tables', 'mysql-killed', 'queries', 'read-out', 'join'],
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = LONG.indexOf(basename(moduleId, '.test.ts'))
      return place < 0 ? LONG.length : place
    }
    return [...files].sort((a, b) => rank(a) - rank(b))
  }
}

// The tests run on the sources, by the export condition that says so: one copy of every module, no stale build.
// `--mode full` is the whole matrix of npm run test:full: the tests that have more to do then than in npm test.
export default defineConfig(({ mode }) => ({
  resolve: { conditions: ['millrace-source'] },
  ssr: { resolve: { conditions: ['millrace-source', 'node', 'module', 'import', 'default'] } },
  test: {
    include: mode === 'full' ? testsWithMore() : ['test/**/*.test.ts'],
    globalSetup: ['test/support/services-setup.ts'],
    // More than there are cores: half of the time a test waits for a server, a disk or a process of its own. Storms load them all.
    ...(mode !== 'full' && { maxWorkers: Math.ceil(availableParallelism() * 1.25) }),
    // What only hangs exceeds: a machine may be slow, and busy with much else.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 300_000,
    expect: { poll: { timeout: 240_000 } },
    ...(mode === 'full' && { sequence: { sequencer: LongestFirst } }),
    env: mode === 'full' ? { MILLRACE_FULL: '1' } : {},
    reporters: reportFolder
      ? ['default', ['json', { outputFile: `${reportFolder}/vitest-${mode}.json` }]]
      : ['default'],
  },
}))

/** Those that ask for MILLRACE_FULL, themselves or in a module that they import. */
function testsWithMore(): string[] {
  const asks = (file: string): boolean =>
    existsSync(file) && readFileSync(file, 'utf8').includes('process.env.MILLRACE_FULL')
  const imported = (file: string): string[] =>
    [...readFileSync(file, 'utf8').matchAll(/ from '(\.[^']+\.ts)'/g)].map(([, path]) =>
      join(dirname(file), path ?? ''),
    )
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .map((file) => join('test', file))
    .filter((file) => file.endsWith('.test.ts') && [file, ...imported(file)].some(asks))
}
