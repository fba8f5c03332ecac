// Each check catches the offence it is for, planted in a tree of a few files, and lets the honest neighbour pass.

import { describe, expect, it } from 'vitest'
import { checkConduct, checkExportForms } from './conduct.ts'
import { checkCycles, checkDriverFreeCore, checkUnusedExports, checkUnusedFiles } from './import-graph.ts'
import { checkImports } from './import-table.ts'
import { checkLinks, checkMachineTraces, checkNames, checkTopLevel, TOP_LEVEL } from './layout.ts'
import { checkLockfile } from './lockfile.ts'
import {
  API_FILE,
  checkErrors,
  checkFailpoints,
  checkPackages,
  checkPublicApi,
  publicApi,
  withErrorTable,
} from './registers.ts'
import { checkSizes } from './size.ts'
import { describeOffence, type Files, type Offence } from './source-tree.ts'
import { checkWireMessages, wireMessages } from './wire-messages.ts'

const tree = (files: Record<string, string>): Files => new Map(Object.entries(files))
const places = (offences: readonly Offence[]): string[] => offences.map(({ file, line }) => `${file}:${line}`)

describe('the import table', () => {
  const offending: Record<string, [from: string, source: string]> = {
    'src to runtime': ['src/util/a.ts', "import { x } from '../../runtime/plan/x.ts'"],
    'runtime to an operator': ['runtime/task/a.ts', "import { x } from '../../src/operators/x.ts'"],
    'runtime to a connector, as a type': ['runtime/task/a.ts', "import type { X } from '../../src/connectors/b/x.ts'"],
    'an import type inside a type': ['src/util/a.ts', "export type A = import('../record/x.ts').X"],
    'a dynamic import': ['src/util/a.ts', "export const a = () => import('../record/x.ts')"],
    'a re-export': ['src/record/a.ts', "export { x } from '../codec/x.ts'"],
    'one connector to another': ['src/connectors/a/a.ts', "import { x } from '../b/x.ts'"],
    'a layer to the one above': ['runtime/plan/a.ts', "import { x } from '../state/x.ts'"],
    'a job by relative path': ['jobs/a.ts', "import { x } from '../src/index.ts'"],
    'a job to the machine': ['jobs/a.ts', "import { x } from 'millrace/runtime'"],
    'rocksdb outside the state backend': ['runtime/task/a.ts', "import rocksdb from 'rocksdb'"],
    'a driver outside its connector': ['src/connectors/a/a.ts', "import type { X } from 'libsql'"],
    'a package nobody agreed to': ['src/util/a.ts', "import { x } from 'lodash'"],
    'code to tests': ['src/util/a.ts', "import { x } from '../../test/x.ts'"],
    'a file that is not there': ['src/util/a.ts', "import { x } from './gone.ts'"],
    'a .js ending': ['src/util/a.ts', "import { x } from './x.js'"],
  }
  const there = tree({
    ...Object.fromEntries(
      [
        'src/record/x.ts',
        'src/util/x.ts',
        'src/codec/x.ts',
        'src/operators/x.ts',
        'src/connectors/b/x.ts',
        'src/index.ts',
      ]
        .concat(['runtime/plan/x.ts', 'runtime/state/x.ts', 'runtime/index.ts', 'test/x.ts'])
        .map((file) => [file, 'export const x = 1']),
    ),
  })

  it.each(Object.entries(offending))('refuses %s', (_name, [from, source]) => {
    expect(places(checkImports(new Map([...there, [from, `// first line\n${source}\n`]])))).toEqual([`${from}:2`])
  })

  it('allows what lies below, node: and a connector to cdc', () => {
    const files = tree({
      'src/errors.ts': 'export const x = 1',
      'src/util/a.ts': "import { x } from '../errors.ts'\nimport fs from 'node:fs'",
      'src/connectors/cdc/x.ts': 'export const x = 1',
      'src/connectors/sqlite/a.ts': "import { x } from '../cdc/x.ts'\nimport D from 'libsql'",
      'src/index.ts': 'export const job = 1',
      'jobs/a.ts': "import { job } from 'millrace'\nimport { map } from 'rxjs'",
    })
    expect(checkImports(files)).toEqual([])
  })
})

describe('the import graph', () => {
  it('catches a cycle of types', () => {
    const files = tree({
      'src/util/a.ts': "import type { B } from './b.ts'\nexport interface A { b: B }",
      'src/util/b.ts': "import type { C } from './c.ts'\nexport interface B { c: C }",
      'src/util/c.ts': "import type { A } from './a.ts'\nexport interface C { a: A }",
    })
    expect(checkCycles(files).map(({ what }) => what)).toEqual([
      'import cycle src/util/a.ts -> src/util/b.ts -> src/util/c.ts -> src/util/a.ts',
    ])
  })

  it('catches a file that nothing imports, and one that only a test imports', () => {
    const files = tree({
      'src/index.ts': "export { a } from './api/a.ts'",
      'src/api/a.ts': 'export const a = 1',
      'src/api/alone.ts': 'export const b = 1',
      'src/api/tested.ts': 'export const c = 1',
      'test/src/api/tested.test.ts': "import { c } from '../../../src/api/tested.ts'",
      'test/support/alone.ts': 'export const d = 1',
    })
    expect(places(checkUnusedFiles(files))).toEqual([
      'src/api/alone.ts:1',
      'src/api/tested.ts:1',
      'test/support/alone.ts:1',
    ])
  })

  it('counts a path in a string as a use: a worker is started by its path', () => {
    const files = tree({
      'runtime/index.ts': "new Worker(new URL('./worker/main.ts', import.meta.url))",
      'runtime/worker/main.ts': 'export {}',
    })
    expect(checkUnusedFiles(files)).toEqual([])
  })

  it('catches an exported value that nothing imports, not a type', () => {
    const files = tree({
      'src/util/a.ts': 'export const used = 1\nexport const alone = 2\nexport interface Shape {}',
      'src/util/b.ts': "import { used } from './a.ts'\nused",
    })
    expect(places(checkUnusedExports(files))).toEqual(['src/util/a.ts:2'])
  })

  it('catches an optional driver that the core reaches', () => {
    const files = tree({
      'src/index.ts': "import { a } from './api/a.ts'",
      'src/api/a.ts': "import '../connectors/sqlite/source.ts'",
      'src/connectors/sqlite/source.ts': "\nimport D from 'libsql'",
    })
    expect(places(checkDriverFreeCore(files))).toEqual(['src/connectors/sqlite/source.ts:2'])
  })
})

describe('sizes', () => {
  const lines = (n: number): string => 'void 0\n'.repeat(n)

  it('catches a file of 501 lines, not one of 500', () => {
    expect(places(checkSizes(tree({ 'src/a.ts': lines(501), 'src/b.ts': lines(500) })))).toEqual(['src/a.ts:501'])
  })

  it('catches a function of 71 lines, not one of 70, and not a describe()', () => {
    const fn = (n: number): string => `\nexport function f() {\n${lines(n - 2)}}\n`
    const files = tree({
      'src/a.ts': fn(71),
      'src/b.ts': fn(70),
      'src/c.ts': `class A {\nm() {\n${lines(69)}}}`,
      'test/types/d.test.ts': fn(71),
      'test/c.test.ts': `describe.each([1])('x', () => {\n${lines(100)}})`,
      'test/e.test.ts': `describeServers('x', (server) => {\n${lines(100)}})`,
    })
    expect(places(checkSizes(files))).toEqual(['src/a.ts:2', 'src/c.ts:2'])
  })
})

describe('conduct', () => {
  const offending: Record<string, string> = {
    any: 'export const a = (b: any) => b',
    console: "console.log('x')",
    eval: "eval('1')",
    'new Function': "new Function('a', 'return a')",
    'import() of a variable': 'export const load = (name: string) => import(name)',
    'rejectUnauthorized: false': 'export const tls = { rejectUnauthorized: false }',
    'it.only': "it.only('x', () => {})",
    'describe.each().only': "describe.only.each([1])('x', () => {})",
    'skip without a reason': "it.skip('x', () => {})",
    'skipIf without a reason': "describe.skipIf(true)('x', () => {})",
    '@ts-ignore': '// @ts-ignore\n',
    'a bare @ts-expect-error': '// @ts-expect-error\n',
    'an unfinished part': `// ${'TO'}${'DO'}: later\n`,
  }

  it.each(Object.entries(offending))('refuses %s', (_name, source) => {
    expect(places(checkConduct(tree({ 'src/a.ts': `\n${source}` })))).toEqual(['src/a.ts:2'])
  })

  it('allows each where there is a reason', () => {
    const files = tree({
      'src/a.ts': '// any: the driver has no types\nexport const a = (b: any) => b',
      'runtime/cli/print.ts': "console.log('x')",
      'test/a.test.ts': "// skip: needs a server\nit.skip('x', () => {})",
      'test/types/b.ts': '// @ts-expect-error a number is not a string\nexport const s: string = 1',
      'src/b.ts': 'export const tls = { rejectUnauthorized: true }',
      'src/c.ts': '// import: the user names it\nexport const load = (name: string) => import(name)',
      'runtime/d.ts': "export const load = () => import('node:fs')",
    })
    expect(checkConduct(files)).toEqual([])
  })

  it('refuses default exports outside jobs and configuration, and export *', () => {
    const files = tree({
      'src/a.ts': 'export default 1',
      'src/b.ts': "export * from './a.ts'",
      'jobs/a.ts': 'export default 1',
      'vitest.config.ts': 'export default 1',
      'test/crash/jobs/a.ts': 'export default 1',
    })
    expect(places(checkExportForms(files))).toEqual(['src/a.ts:1', 'src/b.ts:1'])
  })
})

describe('registers', () => {
  const errors =
    "const row = (...a) => a\nexport const ERRORS = {\n  A_B: row('user', 'never', 'Set a|b.'),\n} as const satisfies object\n"
  const page = '# src\n<!-- errors:begin -->\n<!-- errors:end -->\n'

  it('catches an error that nothing raises, and a stale page', () => {
    const files = tree({ 'src/errors.ts': errors, 'src/README.md': page })
    expect(places(checkErrors(files))).toEqual(['src/errors.ts:3', 'src/README.md:1'])
    const raised = new Map([...files, ['src/util/a.ts', "throw new MillraceError('A_B')"]])
    expect(checkErrors(new Map([...raised, ['src/README.md', withErrorTable(page, raised)]]))).toEqual([])
    expect(withErrorTable(page, raised)).toContain('| `A_B` | user | never | Set a\\|b. |')
  })

  it('catches a failpoint that is not called, and one that is not tested', () => {
    const files = tree({
      'src/util/failpoint.ts': "export const FAILPOINTS = {\n  'a.b': 'x',\n  'c.d': 'y',\n} as const",
      'runtime/task/a.ts': "failpoint('a.b')",
      'test/crash/a.test.ts': "crash({ at: 'c.d' })",
    })
    const table = 'src/util/failpoint.ts'
    expect(places(checkFailpoints(files))).toEqual([`${table}:3`, `${table}:2`])
  })

  it('catches a public name that is new, and one that is gone', () => {
    const files = tree({
      'src/index.ts': "export { job } from './api/job.ts'\nexport type { Job } from './graph/job.ts'",
      'src/connectors/files/index.ts': 'export const fileSource = 1',
      [API_FILE]: 'millrace job\nmillrace old\n',
    })
    expect(checkPublicApi(files).map(({ what }) => what)).toEqual([
      'new public name: millrace type Job',
      'new public name: millrace/connectors/files fileSource',
      'public name gone: millrace old',
    ])
    expect(checkPublicApi(new Map([...files, [API_FILE, publicApi(files)]]))).toEqual([])
  })

  it('catches a package that package.json does not bring', () => {
    const files = tree({
      'package.json': '{ "dependencies": { "rxjs": "7" }, "devDependencies": { "vitest": "4" } }',
      'src/a.ts': "import 'rxjs'\nimport 'vitest'",
      'test/a.test.ts': "import 'vitest'\nimport 'left-pad'",
    })
    expect(places(checkPackages(files))).toEqual(['src/a.ts:2', 'test/a.test.ts:2'])
  })
})

describe('messages of the wire', () => {
  const proto = 'src/connectors/relay/wire/relay.proto'
  const treeOf = (field: string) =>
    tree({
      [proto]: `syntax = "proto3"; message Frame { oneof message { A a = 1; } } /** It. */ message A { ${field} }`,
    })

  it('catches one that was changed, and one that is missing', () => {
    const made = wireMessages(treeOf('uint32 x = 1;'))
    const files = new Map([...treeOf('uint32 x = 1;'), ...made])
    expect(checkWireMessages(files)).toEqual([])
    const [changed = '', missing = ''] = made.keys()
    files.set(changed, `${files.get(changed)} `)
    files.delete(missing)
    expect(places(checkWireMessages(files))).toEqual([`${changed}:1`, `${missing}:1`])
  })

  it.each([
    'string x = 1;',
    'repeated uint32 x = 1;',
    'uint32 x = 32;',
    'sint64 x = 1;',
    'repeated string x = 1 [(max_bytes) = 5];',
  ])('refuses %s', (field) => {
    expect(() => wireMessages(treeOf(field))).toThrow(/field \.?A\.x is of a kind, or has no limit/)
  })
})

describe('the lockfile', () => {
  it('catches a platform that is missing, wherever it may be', () => {
    const lock = (packages: Record<string, unknown>): Files =>
      tree({ 'package-lock.json': JSON.stringify({ packages }) })
    const tool = { optionalDependencies: { 'tool-linux': '1', 'tool-darwin': '1' } }
    const linux = { 'node_modules/a/node_modules/tool': tool, 'node_modules/tool-linux': {} }
    expect(checkLockfile(lock(linux)).map(({ what }) => what)).toEqual([
      'node_modules/a/node_modules/tool may need tool-darwin, which is not locked',
    ])
    expect(checkLockfile(lock({ ...linux, 'node_modules/a/node_modules/tool-darwin': {} }))).toEqual([])
  })
})

describe('layout', () => {
  const root = tree(
    Object.fromEntries(
      TOP_LEVEL.map((entry) => [
        /^[a-z.]*(src|jobs|runtime|test|benchmarks|ci)$/.test(entry) ? `${entry}/README.md` : entry,
        '',
      ]),
    ),
  )

  it('catches an entry too many and one too few at the top', () => {
    expect(checkTopLevel(root)).toEqual([])
    const changed = new Map([...root, ['docs/a.md', '']])
    changed.delete('LICENSE')
    expect(checkTopLevel(changed).map(({ file }) => file)).toEqual(['docs', 'LICENSE'])
  })

  it('catches names that are not kebab-case', () => {
    const files = tree({
      'src/RecordBatch.ts': '',
      'src/record_batch.ts': '',
      'src/record-batch.test.ts': '',
      'src/README.md': '',
    })
    expect(places(checkNames(files))).toEqual(['src/RecordBatch.ts:1', 'src/record_batch.ts:1'])
  })

  it('catches paths of one machine and registries', () => {
    const files = tree({
      'src/a.ts': `const here = '/${'home'}/me/file'`,
      'src/b.ts': "const route = '/work'; const glob = 'a/tmp/b'",
      'package-lock.json': '"resolved": "https://mirror.example/a.tgz"',
    })
    expect(places(checkMachineTraces(files))).toEqual(['src/a.ts:1', 'package-lock.json:1'])
  })

  it('catches links to no file and to no heading', () => {
    const files = tree({
      'src/README.md':
        '# The src\n[ok](../runtime/README.md#the-machine-2)\n[gone](./gone.ts)\n[h](#nope)\n`[code](x)`\n[web](https://a.b/c)',
      'runtime/README.md': '## The machine (2)\n[folder](../src)',
    })
    expect(places(checkLinks(files))).toEqual(['src/README.md:3', 'src/README.md:4'])
  })

  it('tells an offence in one line', () => {
    const offence = { file: 'src/a.ts', line: 3, what: 'any', mend: 'use unknown' }
    expect(describeOffence(offence)).toBe('src/a.ts:3: any — use unknown')
  })
})
