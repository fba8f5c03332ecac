// `millrace types`: what it writes compiles, and the rows that mysqlChanges gives by the same options are of those types.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { main } from '../../../../runtime/cli/main.ts'
import { Catalogue } from '../../../../src/connectors/mysql/catalogue.ts'
import type { MysqlTable } from '../../../../src/connectors/mysql/column.ts'
import { type MysqlConnection, quoteName } from '../../../../src/connectors/mysql/connection.ts'
import { makeRowShape } from '../../../../src/connectors/mysql/row-shape.ts'
import { selectList } from '../../../../src/connectors/mysql/select-list.ts'
import { serverInfo } from '../../../../src/connectors/mysql/server.ts'
import { shapeFields } from '../../../../src/connectors/mysql/shape-options.ts'
import { isDecimal } from '../../../../src/util/decimal.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { createTypesTable, insertTypes, typeCases } from '../../../support/mysql-types.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const PASSWORD = 'MILLRACE_TEST_PASSWORD'

async function millrace(args: readonly string[], env: Record<string, string> = {}) {
  let out = ''
  let err = ''
  const stream = (write: (text: string) => void) => ({ write }) as unknown as NodeJS.WriteStream
  const code = await main('millrace', args, {
    stdout: stream((text) => {
      out += text
    }),
    stderr: stream((text) => {
      err += text
    }),
    env,
  })
  return { code, out, err }
}

/** What the compiler says of these files of a user's project. */
async function compile(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-types-'))
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
    const compilerOptions = { typeRoots: ['./node_modules/@types'], paths: { millrace: [join(ROOT, 'src/index.ts')] } }
    const tsconfig = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(tsconfig))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const run = promisify(execFile)(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { cwd: folder })
    return await run.then(
      () => '',
      (error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A value as an expression of TypeScript. */
function literal(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (value instanceof Date) return `new Date(${value.getTime()})`
  if (value instanceof Uint8Array) return `new Uint8Array(${value.length})`
  if (isDecimal(value)) return `new Decimal('${value}')`
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{ ${Object.entries(value)
      .map(([name, one]) => `[${JSON.stringify(name)} as const]: ${literal(one)}`)
      .join(', ')} }`
  if (Object.is(value, -0)) return '-0'
  return JSON.stringify(typeof value === 'string' && value.length > 200 ? 'long' : value)
}

describeServers('millrace types', ['mysql', 'mariadb'], (server) => {
  let connection: MysqlConnection
  let database: string
  let url: string
  let password: string

  beforeAll(async () => {
    database = await server.database('Types')
    connection = await server.connection(database)
    const place = new URL(server.url(database))
    password = place.password
    place.password = ''
    url = place.href
    await connection.run(`CREATE TABLE orders (id bigint unsigned PRIMARY KEY, total decimal(10,2) COMMENT 'gross */
sum', paid tinyint(1) NOT NULL, at datetime(6) NOT NULL, state enum('new', 'it''s', '"\\\\') NOT NULL) COMMENT 'what was sold'`)
    await connection.run("INSERT INTO orders VALUES (1, '12.50', 1, '2024-01-02 03:04:05', 'new')")
  })

  const types = (args: readonly string[]) => millrace(['types', url, ...args], { MILLRACE_PASSWORD: password })

  /** The rows of a table as literals. */
  async function rowsOf(name: string, options: Record<string, string>): Promise<string> {
    const table = (await new Catalogue(connection, await serverInfo(connection)).table(database, name)) as MysqlTable
    const { sql, values } = selectList(table)
    const rows = await connection.query(`SELECT ${sql.join(', ')} FROM ${quoteName(name)}`)
    const shape = makeRowShape(table, z.strictObject(shapeFields).parse(options))
    return `[\n${rows.map((row) => literal(shape.row(values(row)))).join(',\n')}\n]`
  }

  test('says how it was made, by whom, and what each column is declared as', async () => {
    const { code, out, err } = await types(['orders', '--option', 'bigints=string'])
    expect([code, err]).toEqual([0, ''])
    const name = `${database.charAt(0)}${database.slice(1).replace('_', '')}`
    expect(out).toContain(`// Made by: millrace types ${url} orders --option bigints=string\n`)
    expect(out).toContain(`/** ${database}.orders: what was sold. Primary key: id. */\nexport interface T`)
    expect(out.toLowerCase()).toContain(`export interface ${name.toLowerCase()}orders {`)
    expect(out).toMatch(/\/\*\* bigint(\(20\))? unsigned \*\/\n {2}readonly id: string\n/)
    expect(out).toContain('/** decimal(10,2): gross *\\/ sum */\n  readonly total: string | null\n')
    expect(out).toContain(`readonly state: 'new' | 'it\\'s' | '"\\\\' | ''\n`)
    expect(await types(['orders', '--option', 'bigints=string'])).toEqual({ code, out, err })
  })

  test.each<Record<string, string>>([
    {},
    { rows: 'array' },
    {
      bigints: 'number',
      decimals: 'decimal',
      temporal: 'date',
      zeroDates: 'null',
      json: 'parse',
      binary: 'hex',
      tinyint1: 'boolean',
    },
    { bigints: 'string', decimals: 'number', temporal: 'adaptive_time_microseconds', binary: 'base64', rows: 'array' },
    { temporal: 'isostring', zeroDates: 'text' },
    { temporal: 'nanoseconds', zeroDates: 'epoch' },
  ])('real rows are of the types, by %o', async (options) => {
    // Numbers that no number holds, microseconds that no Date does and times of no day are errors by option: they are tested as such.
    const fits = (type: string): boolean =>
      !(options.bigints === 'number' && /^bigint/.test(type)) &&
      !(options.temporal === 'date' && /\([46]\)/.test(type)) &&
      !(options.temporal === 'isostring' && /^time\b/.test(type)) &&
      !/character set/.test(type)
    const cases = typeCases(server.flavour).filter(({ type }) => fits(type))
    await connection.run('DROP TABLE IF EXISTS `every type`')
    await connection.run(createTypesTable('`every type`', cases))
    for (const insert of insertTypes('`every type`', cases)) await connection.run(insert)
    const flags = Object.entries(options).flatMap(([key, value]) => ['--option', `${key}=${value}`])
    const { code, out, err } = await types(['every type', 'orders', ...flags])
    expect([code, err]).toEqual([0, ''])
    const [every, orders] = [...out.matchAll(/export (?:interface|type) (\w+)/g)].map(([, name]) => name)
    const wrong = options.rows === 'array' ? '[true]' : '{ id: true }'
    const check = `import { Decimal } from 'millrace'
import type { ${every}, ${orders} } from './rows.ts'
export const every: readonly ${every}[] = ${await rowsOf('every type', options)}
export const orders: readonly ${orders}[] = ${await rowsOf('orders', options)}
// @ts-expect-error a row of other columns
export const wrong: ${orders} = ${wrong}
export const decimal = Decimal
`
    expect(await compile({ 'rows.ts': out, 'check.ts': check })).toBe('')
  })

  test('any names make valid types, each its own', async () => {
    // Names with a backtick or a dot are quoted, and so are patterns that mean them: no table here, but a column.
    const names = ['class', 'a b', 'a-b', 'a_b', '1st', 'über', '漢字', "it's", 'x*/y', 'Array', 'a\nb', '"']
    for (const name of names)
      await connection.run(
        `CREATE TABLE ${quoteName(`n ${name}`)} (${names.map((one) => `${quoteName(one)} int`).join()})`,
      )
    const { out, err } = await types(['n *'])
    expect(err).toBe('')
    const declared = [...out.matchAll(/export interface (\S+)/g)].map(([, name]) => name)
    expect(new Set(declared).size).toBe(names.length)
    const row = `{ ${names.map((name) => `${JSON.stringify(name)}: 1`).join(', ')} }`
    const check = `import type * as rows from './rows.ts'\nexport const all: [${declared.map((name) => `rows.${name}`)}] = [${declared.map(() => row)}]\n`
    expect(await compile({ 'rows.ts': out, 'check.ts': check })).toBe('')
    const tuples = (await types(['n *', '--option', 'rows=array'])).out
    expect(await compile({ 'rows.ts': tuples })).toBe('')
    expect(tuples.match(/export type/g)).toHaveLength(names.length)
  })

  test('columns are included and excluded as in the source', async () => {
    const { out } = await types(['orders', '--option', 'exclude=*.total,*.paid', '--option', 'include=*.at,*.total'])
    expect([...out.matchAll(/readonly (\w+)/g)].map(([, name]) => name)).toEqual(['id', 'at'])
  })

  test('into a file; the password by a named variable', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-types-'))
    const file = join(folder, 'rows.ts')
    try {
      const { code, out } = await millrace(['types', url, 'orders', '--out', file, '--password-env', PASSWORD], {
        [PASSWORD]: password,
        MILLRACE_PASSWORD: 'another',
      })
      expect([code, out]).toEqual([0, ''])
      const withPassword = new URL(url)
      withPassword.password = password
      const same = await millrace(['types', withPassword.href, 'orders'], { MILLRACE_PASSWORD: 'another' })
      expect(same.out).toBe(readFileSync(file, 'utf8'))
      expect(same.out).toContain(url)
      const lost = await millrace(['types', url, 'orders', '--out', join(folder, 'no', 'rows.ts')], {
        MILLRACE_PASSWORD: password,
      })
      expect([lost.code, lost.err]).toEqual([1, expect.stringMatching(/write .*rows\.ts: ENOENT/)])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test('mistakes are told with what was meant', async () => {
    const told = async (args: readonly string[], env: Record<string, string> = { MILLRACE_PASSWORD: password }) => {
      const { code, out, err } = await millrace(['types', ...args], env)
      expect(out).toBe('')
      return `${code} ${err}`
    }
    expect(await told([url, 'oders'])).toMatch(
      new RegExp(`^2 .*no table ${database}\\.oders.*did you mean ${database}\\.orders\\?`),
    )
    expect(await told([url, 'orders', 'nothing_like_it'])).toMatch(/^2 .*no table .*nothing_like_it/)
    expect(await told([url, 'orders', '--option', 'bigints=float'])).toMatch(/^2 .*bigints of millrace types/)
    expect(await told([url, 'orders', '--option', 'bigint=number'])).toMatch(/^2 .*bigint .*bigints/)
    expect(await told([url, 'orders', '--password-env', 'NOT_SET'])).toMatch(/^2 .*NOT_SET is not set/)
    expect(await told([url])).toMatch(/^2 .*URL TABLE/)
    const denied = await told([url, 'orders'], { MILLRACE_PASSWORD: 'secret-and-wrong' })
    expect(denied).toMatch(/^2 .*url of millrace types: no session/)
    expect(denied).not.toContain('secret-and-wrong')
  })
})

describe('millrace types', () => {
  test.each([
    ['postgres://db/x', /"postgres" is none/],
    ['mysq://db/x', /mysql, mariadb.*did you mean mysql\?/],
    ['../mysql://db/x', /is none/],
    ['sqlite://db', /"sqlite" is none/],
    ['constructor://db', /"constructor" is none/],
    ['nothing', /"" is none/],
  ])('%s is no scheme of a connector that knows types', async (url, message) => {
    const { code, err } = await millrace(['types', url, 't'])
    expect([code, err]).toEqual([2, expect.stringMatching(message)])
  })
})
