// What a snapshot selects is exactly what the server holds: of every type at its edges, and of random tables.

import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { Catalogue } from '../../../../src/connectors/mysql/catalogue.ts'
import type { MysqlColumn, MysqlTable, MysqlValue } from '../../../../src/connectors/mysql/column.ts'
import { type MysqlConnection, quoteName } from '../../../../src/connectors/mysql/connection.ts'
import { selectList } from '../../../../src/connectors/mysql/select-list.ts'
import { serverInfo } from '../../../../src/connectors/mysql/server.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { createTypesTable, insertTypes, serverTexts, textOf, typeCases } from '../../../support/mysql-types.ts'

const FLOATING = new Set(['float', 'double'])

describeServers('selectList', ['mysql', 'mariadb'], (server) => {
  let connection: MysqlConnection
  let database: string
  let catalogue: Catalogue

  beforeAll(async () => {
    database = await server.database('values')
    connection = await server.connection(database)
    catalogue = new Catalogue(connection, await serverInfo(connection))
  })

  const tableOf = async (name: string): Promise<MysqlTable> => (await catalogue.table(database, name)) as MysqlTable

  async function read(table: MysqlTable): Promise<MysqlValue[][]> {
    const { sql, values } = selectList(table)
    const rows = await connection.query(
      `SELECT ${sql.join(', ')} FROM ${quoteName(table.name)} ORDER BY ${firstOf(table)}`,
    )
    return rows.map(values)
  }

  /** Every value equals what the server says of it in another way. */
  async function check(table: MysqlTable): Promise<MysqlValue[][]> {
    const rows = await read(table)
    const texts = await serverTexts(connection, table)
    for (const [at, column] of table.columns.entries()) {
      if (FLOATING.has(column.kind)) await checkFloats(table, column, rows, at)
      else
        expect([column.type, rows.map((row) => asServer(column, row[at] ?? null))]).toEqual([
          column.type,
          texts.map((row) => row[at]),
        ])
    }
    return rows
  }

  /** The server finds its own value equal to ours, given to it in binary, and of the same sign. */
  async function checkFloats(table: MysqlTable, { name, type }: MysqlColumn, rows: MysqlValue[][], at: number) {
    const column = quoteName(name)
    const key = firstOf(table)
    const signs = await connection.query(`SELECT CAST(${column} AS CHAR) FROM ${quoteName(table.name)} ORDER BY ${key}`)
    for (const [n, row] of rows.entries()) {
      const value = row[at] as number | null
      const where = `FROM ${quoteName(table.name)} ORDER BY ${key} LIMIT ${n}, 1`
      const [same] = (await connection.execute(`SELECT IF(${column} <=> ?, 'same', 'other') ${where}`, [value]))[0] as [
        string,
      ]
      expect([type, value, same]).toEqual([type, value, 'same'])
      if (value === 0) expect([type, Object.is(value, -0)]).toEqual([type, String(signs[n]?.[0]).startsWith('-')])
    }
  }

  test('every type at its edges', async () => {
    const cases = typeCases(server.flavour)
    await connection.run(createTypesTable('every_type', cases))
    for (const insert of insertTypes('every_type', cases)) await connection.run(insert)
    const rows = await check(await tableOf('every_type'))
    expect(rows.at(-1)).toEqual([rows.length - 1, ...cases.map(() => null)])
  })

  test('bytes are Uint8Arrays of their own, integers of 64 bits bigints whatever their value', async () => {
    await connection.run('CREATE TABLE shapes (id bigint unsigned PRIMARY KEY, b varbinary(9), f float, t tinyint(1))')
    await connection.run("INSERT INTO shapes VALUES (1, x'00ff', 0.1, 1)")
    const [row] = await read(await tableOf('shapes'))
    expect(row).toEqual([1n, new Uint8Array([0, 255]), Math.fround(0.1), 1])
    const bytes = row?.[1] as Uint8Array
    expect(bytes.constructor).toBe(Uint8Array)
    expect(bytes.buffer.byteLength).toBe(2)
  })

  test('the error value of an enum is told from a member that is empty', async () => {
    await connection.run("CREATE TABLE members (n int PRIMARY KEY, e enum('a', ''), f enum('a'))")
    await connection.run("INSERT INTO members VALUES (1, 'a', 'a'), (2, '', 'none'), (3, 'none', NULL)")
    const rows = await read(await tableOf('members'))
    expect(rows).toEqual([
      [1, 'a', 'a'],
      [2, '', ''],
      [3, 0, null],
    ])
  })

  test('generated and invisible columns', async () => {
    const hidden = server.flavour === 'mysql' ? 'h int INVISIBLE DEFAULT 7' : 'h int INVISIBLE DEFAULT 7'
    await connection.run(
      `CREATE TABLE hidden (n int PRIMARY KEY, ${hidden}, v int AS (n * 2) VIRTUAL, s varchar(9) AS (CONCAT('n', n)) STORED)`,
    )
    await connection.run('INSERT INTO hidden (n) VALUES (1)')
    const rows = await read(await tableOf('hidden'))
    expect(rows).toEqual([[1, 7, 2, 'n1']])
  })

  test('names that must be quoted', async () => {
    const names = [
      'a`b',
      "a'b",
      'a"b',
      'a.b',
      'a b',
      'a\nb',
      '__proto__',
      'constructor',
      'x'.repeat(64),
      '1',
      'é漢',
      '*',
      '%s?',
      '`; DROP TABLE t',
    ]
    const name = 'a`b; DROP'
    await connection.run(
      `CREATE TABLE ${quoteName(name)} (${names.map((one) => `${quoteName(one)} double`).join(', ')})`,
    )
    await connection.run(`INSERT INTO ${quoteName(name)} VALUES (${names.map((_, index) => index)})`)
    const rows = await read(await tableOf(name))
    expect(rows).toEqual([names.map((_, index) => index)])
  })

  test('1,017 columns', async () => {
    const columns = Array.from({ length: 1017 }, (_, index) => `c${index} tinyint unsigned`)
    await connection.run(`CREATE TABLE wide (${columns.join(', ')})`)
    await connection.run(`INSERT INTO wide VALUES (${columns.map((_, index) => index % 256).join(', ')})`)
    const rows = await read(await tableOf('wide'))
    expect(rows).toEqual([columns.map((_, index) => index % 256)])
  })

  test('a value of 16 MB', async () => {
    await connection.run('CREATE TABLE big (n int PRIMARY KEY, b longblob, t longtext)')
    await connection.run("INSERT INTO big VALUES (1, REPEAT(x'00ff', 8000000), REPEAT('ä', 8000000))")
    const [row] = await read(await tableOf('big'))
    expect(row?.[1]).toHaveLength(16_000_000)
    expect(row?.[2]).toBe('ä'.repeat(8_000_000))
  })

  test('random doubles and floats', async () => {
    await connection.run('CREATE TABLE doubles (n int PRIMARY KEY, d double, f float)')
    const any = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), digits, fc.integer())
    // + 0: a literal -0 is no -0 to MariaDB.
    const doubles = fc.sample(any, 3000).map((number) => number + 0)
    const floats = doubles.map((number) => (Math.abs(number) > 3.4e38 ? 0.1 : number))
    // What a float cannot hold underflows to -0 on MySQL only.
    const asFloat = (value: number): number => Math.fround(value) + (server.flavour === 'mysql' ? -0 : 0)
    // With an exponent, so that it is a double from the start: without one it is a DECIMAL first.
    const rows = doubles.map((number, n) => `(${n}, ${number.toExponential()}, ${floats[n]?.toExponential()})`)
    await connection.run(`INSERT INTO doubles VALUES ${rows.join()}`)
    expect(await read(await tableOf('doubles'))).toEqual(
      doubles.map((number, n) => [n, number, asFloat(floats[n] as number)]),
    )
  })

  test('random tables', async () => {
    const cases = typeCases(server.flavour)
    let count = 0
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...cases], { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.nat()),
        async (some, picks) => {
          const shuffled = some.map(({ type, values }) => ({
            type,
            values: Array.from({ length: 4 }, () => values[(picks.next().value as number) % values.length] as string),
          }))
          const name = `random${count++}`
          await connection.run(createTypesTable(name, shuffled))
          for (const insert of insertTypes(name, shuffled)) await connection.run(insert)
          await check(await tableOf(name))
          await connection.run(`DROP TABLE ${name}`)
        },
      ),
      { numRuns: 20 },
    )
  })
})

/** Decimals of 15 to 17 digits, where reading digit by digit goes wrong. */
const digits = fc
  .tuple(fc.bigInt({ min: 10n ** 14n, max: 10n ** 17n - 1n }), fc.integer({ min: 0, max: 17 }))
  .map(([mantissa, point]) => Number(`${mantissa}e-${point}`))

const firstOf = (table: MysqlTable): string => quoteName(table.columns[0]?.name as string)

function asServer(column: MysqlColumn, value: MysqlValue): string | null {
  if (column.kind === 'enum' && value === 0) return ''
  // The server prints a year with four digits.
  return textOf(column.kind === 'year' && value !== null ? String(value).padStart(4, '0') : value)
}

describe('selectList', () => {
  test('quotes every name', () => {
    const column = { name: 'a`b', kind: 'float', type: 'float', labels: [] } as unknown as MysqlColumn
    const table: MysqlTable = { database: 'd', name: 't', columns: [column], key: [] }
    expect(selectList(table).sql).toEqual(['`a``b` * 1e0'])
  })
})
