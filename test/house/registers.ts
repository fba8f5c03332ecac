// Tables that must agree with the code: errors, failpoints, the public names, the packages.

import { resolveSpecifier } from './resolve.ts'
import { isNode, modulesOf, type SourceModule, stringValue, visitNodes } from './source-module.ts'
import { type Files, lineAt, type Offence } from './source-tree.ts'

const ERRORS_FILE = 'src/errors.ts'
const ERRORS_PAGE = 'src/README.md'
const FAILPOINTS_FILE = 'src/util/failpoint.ts'
export const API_FILE = 'test/house/public-api.txt'
const UPDATE = 'run `npm run house:update` and commit the result'

interface TableRow {
  readonly key: string
  readonly line: number
  readonly values: readonly string[]
}

/** Every error is raised somewhere, and the page on errors says what the table says. */
export function checkErrors(files: Files): Offence[] {
  const rows = tableOf(files, ERRORS_FILE, 'ERRORS')
  const used = stringsIn(files, (file) => /^(src|runtime)\//.test(file) && file !== ERRORS_FILE)
  const unused = rows.filter(({ key }) => !used.has(key))
  const page = files.get(ERRORS_PAGE) ?? ''
  const stale = page !== withErrorTable(page, files)
  return [
    ...unused.map(({ key, line }) => ({
      file: ERRORS_FILE,
      line,
      what: `nothing raises ${key}`,
      mend: 'raise it where it happens, or delete the row',
    })),
    ...(stale ? [{ file: ERRORS_PAGE, line: 1, what: 'the table of errors is not up to date', mend: UPDATE }] : []),
  ]
}

/** The page with its table of errors made anew from the code. */
export function withErrorTable(page: string, files: Files): string {
  const rows = tableOf(files, ERRORS_FILE, 'ERRORS').map(({ key, values }) => {
    const [domain = '', retry = '', message = ''] = values
    return `| \`${key}\` | ${domain} | ${retry} | ${message.replaceAll('|', '\\|')} |`
  })
  const table = ['| code | domain | retry | message |', '|---|---|---|---|', ...rows].join('\n')
  return page.replace(
    /(<!-- errors:begin[^\n]*-->\n)[\s\S]*?(<!-- errors:end -->)/,
    (_all, begin, end) => `${begin}${table}\n${end}`,
  )
}

/** Every failpoint is hit by the code and named by a crash test: a new step without a test is told here. */
export function checkFailpoints(files: Files): Offence[] {
  const rows = tableOf(files, FAILPOINTS_FILE, 'FAILPOINTS')
  const called = failpointCalls(files)
  const tested = stringsIn(files, (file) => file.startsWith('test/crash/'))
  const offence = ({ line }: TableRow, what: string, mend: string): Offence => ({
    file: FAILPOINTS_FILE,
    line,
    what,
    mend,
  })
  const uncalled = rows.filter(({ key }) => !called.has(key))
  const untested = rows.filter(({ key }) => !tested.has(key))
  return [
    ...uncalled.map((row) =>
      offence(row, `nothing calls failpoint('${row.key}')`, 'call it at that step, or delete the row'),
    ),
    ...untested.map((row) => offence(row, `no crash test names '${row.key}'`, 'add it to the matrix in test/crash')),
  ]
}

const DOOR =
  /^(src\/index|src\/(sync|relay)\/index|runtime\/index|runtime\/testing\/index|src\/connectors\/[^/]+\/index)\.ts$/

/** The public names, one per line: `door name` or `door type name`. */
export function publicApi(files: Files): string {
  const lines = [...modulesOf(files).values()].flatMap(({ file, exports }) =>
    DOOR.test(file)
      ? exports.map(({ name, kind }) => `${doorName(file)} ${kind === 'type' ? 'type ' : ''}${name}`)
      : [],
  )
  return `${lines.sort().join('\n')}\n`
}

/** The doors export what the committed list says, neither more nor less. */
export function checkPublicApi(files: Files): Offence[] {
  const listed = new Set((files.get(API_FILE) ?? '').split('\n').filter(Boolean))
  const actual = new Set(publicApi(files).split('\n').filter(Boolean))
  const offence = (what: string): Offence => ({ file: API_FILE, line: 1, what, mend: UPDATE })
  return [
    ...[...actual].filter((name) => !listed.has(name)).map((name) => offence(`new public name: ${name}`)),
    ...[...listed].filter((name) => !actual.has(name)).map((name) => offence(`public name gone: ${name}`)),
  ]
}

/** Packages that code imports are in package.json, in the part that will be there when it runs. */
export function checkPackages(files: Files): Offence[] {
  const manifest = JSON.parse(files.get('package.json') ?? '{}') as Record<string, Record<string, string> | undefined>
  const shipped = { ...manifest.dependencies, ...manifest.peerDependencies }
  const here = { ...shipped, ...manifest.devDependencies }
  return [...modulesOf(files)].flatMap(([file, module]) =>
    module.references.flatMap(({ specifier, line }): Offence[] => {
      const target = resolveSpecifier(files, file, specifier)
      if (target.kind !== 'package') return []
      const known = /^(src|runtime|jobs)\//.test(file) ? shipped : here
      if (target.name in known) return []
      const what = `imports "${target.name}", which package.json does not bring`
      return [{ file, line, what, mend: 'npm i it: a dependency, or an optional peer for a driver' }]
    }),
  )
}

/** The rows of `export const NAME = { key: row('a', 'b') | 'text' }`. */
function tableOf(files: Files, file: string, name: string): TableRow[] {
  const module = modulesOf(files).get(file)
  const rows: TableRow[] = []
  if (module !== undefined) {
    visitNodes(module.root, (node) => {
      if (node.type === 'VariableDeclarator' && isNode(node.id) && node.id.name === name)
        rows.push(...rowsOf(module, node.init))
    })
  }
  return rows
}

function rowsOf(module: SourceModule, initial: unknown): TableRow[] {
  let table = initial
  while (isNode(table) && table.type !== 'ObjectExpression') table = table.expression
  if (!isNode(table)) return []
  return (table.properties as { key: { name?: string; value?: string }; value: unknown; start: number }[]).map(
    (property) => {
      const value = property.value
      const values = isNode(value) && Array.isArray(value.arguments) ? value.arguments : [value]
      return {
        key: property.key.name ?? property.key.value ?? '',
        line: lineAt(module.text, property.start),
        values: values.map((one) => stringValue(one) ?? ''),
      }
    },
  )
}

function stringsIn(files: Files, where: (file: string) => boolean): Set<string> {
  const strings = new Set<string>()
  for (const [file, module] of modulesOf(files)) {
    if (!where(file)) continue
    visitNodes(module.root, (node) => {
      const value = stringValue(node)
      if (value !== undefined) strings.add(value)
      if (node.type === 'Property' && isNode(node.key) && node.key.type === 'Identifier')
        strings.add(String(node.key.name))
    })
  }
  return strings
}

function failpointCalls(files: Files): Set<string> {
  const called = new Set<string>()
  for (const [file, module] of modulesOf(files)) {
    if (!/^(src|runtime)\//.test(file)) continue
    visitNodes(module.root, (node) => {
      if (node.type !== 'CallExpression' || !isNode(node.callee) || node.callee.name !== 'failpoint') return
      const name = stringValue((node.arguments as unknown[])[0])
      if (name !== undefined) called.add(name)
    })
  }
  return called
}

function doorName(file: string): string {
  const connector = /^src\/connectors\/([^/]+)\//.exec(file)?.[1]
  if (connector !== undefined) return `millrace/connectors/${connector}`
  const doors = {
    'src/index.ts': 'millrace',
    'src/sync/index.ts': 'millrace/sync',
    'src/relay/index.ts': 'millrace/relay',
    'runtime/index.ts': 'millrace/runtime',
  }
  return doors[file as keyof typeof doors] ?? 'millrace/testing'
}
