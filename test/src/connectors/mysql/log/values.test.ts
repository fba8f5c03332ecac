// Every type, from the log as the server itself prints it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MysqlColumn, MysqlTable } from '../../../../../src/connectors/mysql/column.ts'
import { quoteName } from '../../../../../src/connectors/mysql/connection.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'
import { columnCases, nameOf } from './column-cases.ts'
import { type LoggedRow, printRow, RowLog, readPrinted } from './row-log.ts'

describeServers('values of the log', ['mysql', 'mariadb'], (server) => {
  const cases = columnCases(server.flavour)
  let log: RowLog
  let table: MysqlTable

  beforeAll(async () => {
    log = await RowLog.open(server.url(await server.database('values')))
    const columns = cases.map(([declaration]) => declaration).join(', ')
    await log.sql.run(`CREATE TABLE every_type (id int PRIMARY KEY, ${columns}) CHARACTER SET utf8mb4`)
    table = (await log.catalogue.table(
      (
        await log.sql.first('SELECT DATABASE()')
      )?.[0] as string,
      'every_type',
    )) as MysqlTable
  })
  afterAll(() => log.sql.close())

  /** Three rows of values and one of nothing. */
  async function fill(): Promise<void> {
    await log.sql.run('DELETE FROM every_type')
    const given = cases.filter(([, ...values]) => values.length > 0)
    const names = given.map(([declaration]) => nameOf(declaration)).join(', ')
    for (const row of [1, 2, 3] as const)
      await log.sql.run(
        `INSERT INTO every_type (id, ${names}) VALUES (${row}, ${given.map((one) => one[row]).join(', ')})`,
      )
    await log.sql.run('INSERT INTO every_type (id, nn) VALUES (4, 0)')
  }

  async function expectPrinted(rows: readonly LoggedRow[]): Promise<void> {
    const printed = await log.printed(table, 'id')
    expect(rows.map(printRow)).toEqual(printed.map((values) => readPrinted(values, table)))
  }

  it('inserts, updates and deletes hold what the server prints', async () => {
    await expectPrinted(await log.rows(fill))
    const updates = await log.rows(() => log.sql.run('UPDATE every_type SET nn = nn + 10, i = -5'))
    await expectPrinted(updates)
    const deletes = await log.rows(() => log.sql.run('DELETE FROM every_type ORDER BY id'))
    expect(deletes.map(({ before, after }) => [before, after])).toEqual(updates.map(({ after }) => [after, null]))
  })

  it('the columns are those of the catalogue', async () => {
    const rows = await log.rows(fill)
    expect(rows[0]?.table).toEqual(table)
  })

  it('a table may have 1017 columns, with names of any kind, and values of megabytes', async () => {
    const names = ['constructor', 'quote"\'', 'new\nline', ' begins', '日本', 'x'.repeat(64)]
    const all = [...names, ...Array.from({ length: 1009 }, (_, i) => `c${i}`)]
    await log.sql.run(
      `CREATE TABLE wide (id int PRIMARY KEY, ${all.map((name) => `${quoteName(name)} tinyint`)}, big longblob)`,
    )
    const megabytes = 15
    const rows = await log.rows(() =>
      log.sql.run(
        `INSERT INTO wide VALUES (1, ${all.map((_, i) => (i % 3 ? i % 100 : 'NULL'))}, REPEAT('x', ${megabytes} * 1024 * 1024))`,
      ),
    )
    expect(rows[0]?.table.columns.map(({ name }) => name)).toEqual(['id', ...all, 'big'])
    expect(rows[0]?.after?.slice(0, -1)).toEqual([1, ...all.map((_, i) => (i % 3 ? i % 100 : null))])
    const big = rows[0]?.after?.at(-1) as Uint8Array
    expect([big.length, new Set(big)]).toEqual([megabytes * 2 ** 20, new Set([120])])
  })

  it('a map alone tells all but what only the catalogue knows', async () => {
    const [row] = await log.rows(fill, async () => undefined)
    const known = table.columns.map(byMapAlone)
    expect(row?.table.columns.map(({ type, ...column }) => column)).toEqual(known.map(({ type, ...column }) => column))
    expect(row?.table.key).toEqual(['id'])
    const types = row?.table.columns.filter(({ name }) => ['d65', 'v', 'e', 'b9', 't3', 'iu', 'gp'].includes(name))
    expect(types?.map(({ type }) => type)).toEqual([
      'int unsigned',
      'decimal(65,30)',
      'bit(9)',
      'time(3)',
      'varchar(20)',
      "enum('a','b,c','it''s','é')",
      'point',
    ])
  })

  function byMapAlone(column: MysqlColumn): MysqlColumn {
    const bytes = { uuid: 16, inet4: 4, inet6: 16 }[column.kind as string]
    const isNumber = ['decimal', 'bit'].includes(column.kind)
    return {
      ...column,
      generated: false,
      precision: isNumber ? column.precision : 0,
      scale: column.kind === 'float' ? 0 : column.scale,
      ...(bytes === undefined ? {} : { kind: 'binary', length: bytes }),
      ...(server.flavour === 'mariadb' ? { invisible: false } : {}),
    }
  }
})

describe('addresses of MariaDB', () => {
  describeServers('as the server prints them', ['mariadb'], (server) => {
    it('however their zeros lie', async () => {
      const log = await RowLog.open(server.url(await server.database('addresses')))
      await log.sql.run('CREATE TABLE a (id int PRIMARY KEY, i6 inet6, i4 inet4, uu uuid)')
      const groups = (i: number): string =>
        Array.from({ length: 8 }, (_, g) => ((i >> g) & 1 ? ((i * 40_503 + g * 977) & 0xffff).toString(16) : '0')).join(
          ':',
        )
      const fixed = ['::1', '::2', '::1:0', '::1:2', '::ffff:0:0', '::ffff:1:0', '1::', '::fffe:1:2', '::ff']
      const all = [...Array.from({ length: 256 }, (_, i) => groups(i)), ...fixed]
      const uuid = (i: number): string =>
        `00000${(i * 7919).toString(16).padStart(3, '0').slice(-3)}-0${i % 16 ? '0' : 'a'}00-${1 + (i % 5)}0${i % 10}0-8000-${i % 2 ? '0000000000ff' : 'ff0000000000'}`
      const values = all.map((address, i) => `(${i}, '${address}', '${i}.0.${i % 3}.0', '${uuid(i)}')`)
      const rows = await log.rows(() => log.sql.run(`INSERT INTO a VALUES ${values.join(', ')}`))
      const table = (rows[0] as LoggedRow).table
      expect(rows.map(printRow)).toEqual(await log.printed(table, 'id'))
      expect(rows.map(({ after }) => after?.[1])).not.toContain(null)
      log.sql.close()
    })
  })
})
