import { describe, expect, it } from 'vitest'
import type { MysqlTable } from '../../../../../src/connectors/mysql/column.ts'
import { readEvent } from '../../../../../src/connectors/mysql/log/event.ts'
import { tableOfMap } from '../../../../../src/connectors/mysql/log/mapped-table.ts'
import { readTableMap } from '../../../../../src/connectors/mysql/log/table-map.ts'
import { charsets, MARIADB, MYSQL } from './recorded.ts'

const mysqlMap = readTableMap(readEvent(MYSQL.map, true).body, false)
const mariadbMap = readTableMap(readEvent(MARIADB.map, true).body, true)

describe.each([
  ['MySQL', mysqlMap, 'utf8mb4_0900_ai_ci', false],
  ['MariaDB', mariadbMap, 'utf8mb4_general_ci', true],
] as const)('the table map of a %s', (_, map, collation, mariadb) => {
  const table = tableOfMap(map, undefined, { charsets, mariadb })

  it('tells names and the key in its order', () => {
    expect(map).toMatchObject({ database: 'h1', table: 't', named: true, key: [1, 0] })
    expect(table).toMatchObject({ database: 'h1', name: 't', key: ['name', 'id'] })
  })

  it('tells each column', () => {
    const text = { charset: 'utf8mb4', collation }
    expect(table.columns).toMatchObject([
      { name: 'id', kind: 'int', type: 'int unsigned', unsigned: true, nullable: false },
      { name: 'name', kind: 'varchar', type: 'varchar(100)', length: 100, nullable: false, ...text },
      { name: 'price', kind: 'decimal', type: 'decimal(5,2)', precision: 5, scale: 2, nullable: true, unsigned: false },
      { name: 'kind', kind: 'enum', type: "enum('a','b')", labels: ['a', 'b'], charset: 'latin1' },
      { name: 'at', kind: 'datetime', type: 'datetime(3)', scale: 3, nullable: false, charset: null },
      { name: 'flags', kind: 'set', type: "set('x','y')", labels: ['x', 'y'], ...text },
      { name: 'raw', kind: 'blob', type: 'blob', charset: null, collation: null, length: 0 },
    ])
  })

  it('a column of the catalogue fills in what the map leaves out, if it fits by name and type', () => {
    const columns = table.columns.map((column) => ({ ...column, type: `declared ${column.type}`, generated: true }))
    const [, name, price, kind, ...others] = columns as [MysqlTable['columns'][0], ...MysqlTable['columns'][0][]]
    const catalogue = {
      ...table,
      columns: [
        ...others,
        { ...name, length: 99 },
        { ...price, name: 'cost' },
        { ...kind, labels: ['b', 'a'] },
        { ...columns[0], nullable: true } as MysqlTable['columns'][0],
      ],
    } as MysqlTable
    const filled = tableOfMap(map, catalogue, { charsets, mariadb })
    expect(filled.columns.map(({ generated }) => generated)).toEqual([true, false, false, false, true, true, true])
    expect(filled.columns.map(({ nullable }) => nullable)).toEqual(table.columns.map(({ nullable }) => nullable))
    expect(filled.columns[0]?.type).toBe('declared int unsigned')
    expect(filled.columns[1]).toEqual(table.columns[1])
  })
})

describe('a table map', () => {
  it('with a type that is not known is refused', () => {
    const body = Buffer.from(readEvent(MYSQL.map, true).body)
    body[body.indexOf('t\0', 8) + 3] = 243
    expect(() => readTableMap(body, false)).toThrow(
      expect.objectContaining({
        code: 'SOURCE_FAILED',
        message: expect.stringMatching(/column 1 of table h1\.t has type 243/),
      }),
    )
  })

  it('of MariaDB with a time in its old format needs the catalogue: the digits of a second', () => {
    const columns = mariadbMap.columns.map((column) =>
      column.name === 'at' ? { ...column, type: 12, scale: 0 } : column,
    )
    const map = { ...mariadbMap, columns }
    const made = tableOfMap(map, undefined, { charsets, mariadb: false })
    const known = (scale: number): MysqlTable => ({
      ...made,
      columns: made.columns.map((column) => (column.name === 'at' ? { ...column, scale, type: 'datetime' } : column)),
    })
    const server = { charsets, mariadb: true }
    expect(tableOfMap(map, known(0), server).columns[4]).toMatchObject({ kind: 'datetime', scale: 0 })
    const refused = expect.objectContaining({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringMatching(/column "at" .* mysql56_temporal_format = ON/),
    })
    expect(() => tableOfMap(map, known(3), server)).toThrow(refused)
    expect(() => tableOfMap(map, undefined, server)).toThrow(refused)
  })

  it('of MariaDB tells an address from bytes by the catalogue, if it has as many', () => {
    const bytes = (length: number) => ({
      ...(mariadbMap.columns[6] as (typeof mariadbMap.columns)[0]),
      type: 254,
      length,
    })
    const kindOf = (length: number, kind: 'uuid' | 'inet4' | 'inet6'): string | undefined => {
      const map = { ...mariadbMap, columns: [bytes(length)], key: [] }
      const server = { charsets, mariadb: true }
      const made = tableOfMap(map, undefined, server)
      const columns = made.columns.map((column) => ({ ...column, kind, length: 0 }))
      return tableOfMap(map, { ...made, columns }, server).columns[0]?.kind
    }
    expect([kindOf(16, 'uuid'), kindOf(16, 'inet6'), kindOf(4, 'inet4')]).toEqual(['uuid', 'inet6', 'inet4'])
    expect([kindOf(10, 'uuid'), kindOf(4, 'inet6'), kindOf(16, 'inet4')]).toEqual(['binary', 'binary', 'binary'])
  })

  it('with a collation that is not known is refused', () => {
    const columns = mysqlMap.columns.map((column) => (column.name === 'name' ? { ...column, collation: 999 } : column))
    expect(() => tableOfMap({ ...mysqlMap, columns }, undefined, { charsets, mariadb: false })).toThrow(
      expect.objectContaining({
        code: 'SCHEMA_MISMATCH',
        message: expect.stringMatching(/column "name" has the collation 999/),
      }),
    )
  })
})
