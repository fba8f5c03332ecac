// Columns of tables that follow a source, on both servers.

import { expect, it } from 'vitest'
import type { MysqlConnection } from '../../../../../src/connectors/mysql/connection.ts'
import { type MysqlTablesOptions, mysqlTables } from '../../../../../src/connectors/mysql/index.ts'
import type { TableSchema } from '../../../../../src/record/change.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'
import {
  column,
  created,
  type RowChange,
  schemaRecord,
  sourceOf,
  truncated,
  updated,
  writeOnce,
} from './sink-driver.ts'

const id = column('id', 'int')
const text = column('a', 'varchar(20)')
const schemaOf = (...columns: TableSchema['columns']): TableSchema => ({ columns, key: ['id'] })
const BASE = schemaOf(id, text)

describeServers('columns of mysqlTables', ['mysql', 'mariadb'], (server) => {
  const setUp = async () => {
    const database = await server.database()
    const session = await server.connection(database)
    const write = (changes: readonly RowChange[], options: Partial<MysqlTablesOptions> = {}): Promise<void> =>
      writeOnce(
        mysqlTables({ url: server.url(database), schemaChange: 'evolve', retryMs: 20_000, ...options }),
        changes,
      )
    const rows = (): Promise<unknown[][]> => session.query('SELECT * FROM t ORDER BY 1')
    return { database, session, write, rows }
  }
  const columnsOf = async (session: MysqlConnection): Promise<string[]> =>
    (
      await session.query(
        'SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
        ['t'],
      )
    ).map(([name]) => String(name))
  const at = (place: number) => sourceOf('t', place)

  it('reads rows of a snapshot by the columns of their own place, though readers before and behind an ALTER come mixed', async () => {
    const { write, rows } = await setUp()
    const view = (place: number) => ({ ...at(place), snapshot: true })
    const wider = schemaOf(id, column('b', 'varchar(20)'), text)
    await write([
      schemaRecord(view(1), BASE),
      created(view(1), [1, 'a']),
      schemaRecord(view(2), wider),
      created(view(2), [2, 'b', 'a']),
      schemaRecord(view(1), BASE),
      created(view(2), [4, 'b too', 'a']),
      created(view(1), [3, 'of a']),
    ])
    expect(await rows()).toEqual([
      [1, 'a', ''],
      [2, 'a', 'b'],
      [3, 'of a', null],
      [4, 'a', 'b too'],
    ])
  })

  it('gives rows what another column of the name of a dropped one has, whichever record is told again', async () => {
    const { write, rows } = await setUp()
    const dropped = [{ name: 'a', position: 'binlog.000001:3', timestampMs: 0 }]
    const anew = column('a', 'varchar(20)', { declared: "VARCHAR(20) DEFAULT 'new'" })
    const again = { ...schemaOf(id, anew), dropped }
    const before = [schemaRecord(at(1), BASE), created(at(2), [1, 'old']), created(at(2), [2, 'old'])]
    const behind = [schemaRecord(at(4), again), updated(at(4), [2, 'new'], [2, 'x']), created(at(5), [3, 'y'])]
    const expected = [
      [1, 'new'],
      [2, 'x'],
      [3, 'y'],
    ]
    await write([...before, ...behind])
    expect(await rows()).toEqual(expected)
    // Told again from between, told again from before: what rows have since stays, what they had before does not come back.
    await write(behind.slice(0, 1))
    await write([schemaRecord(at(5), again)])
    expect(await rows()).toEqual(expected)
    await write(before)
    expect(await rows()).toEqual([
      [1, 'new'],
      [2, 'new'],
      [3, 'y'],
    ])
    await write(behind)
    expect(await rows()).toEqual(expected)
  })

  it('takes NULL told again from before a column became NOT NULL', async () => {
    const { write, rows } = await setUp()
    const loose = schemaRecord(at(1), schemaOf(id, column('a', 'varchar(20)', { nullable: true })))
    const early = [created(at(2), [1, null]), updated(at(3), [1, null], [1, 'x'])]
    const late = [schemaRecord(at(4), schemaOf(id, column('a', 'varchar(30)'))), created(at(5), [2, 'y'])]
    await write([loose, ...early, ...late])
    await write([loose, ...early.slice(0, 1)])
    expect(await rows()).toEqual([
      [1, null],
      [2, 'y'],
    ])
    await write([loose, ...early.slice(1), ...late])
    expect(await rows()).toEqual([
      [1, 'x'],
      [2, 'y'],
    ])
  })

  it('leaves a column that was there again when its table was read, and knows rows told from before', async () => {
    const { write, rows } = await setUp()
    const dropped = [{ name: 'a', position: 'binlog.000001:3', timestampMs: 0 }]
    const anew = column('a', 'varchar(20)', { declared: "VARCHAR(20) DEFAULT 'new'" })
    const view = { ...at(4), snapshot: true }
    const former = { ...at(2), snapshot: true }
    await write([schemaRecord(view, BASE), created(view, [1, 'read'])])
    await write([schemaRecord(at(5), { ...schemaOf(id, anew), dropped }), created(at(5), [2, 'told'])])
    await write([schemaRecord(former, BASE), created(former, [3, 'old'])])
    expect(await rows()).toEqual([
      [1, 'read'],
      [2, 'told'],
      [3, 'new'],
    ])
  })

  it('renames a column to the name of one that was dropped, not the dropped one', async () => {
    const { write, rows } = await setUp()
    const three = schemaOf(id, text, column('b', 'varchar(20)'), column('c', 'varchar(20)'))
    const dropped = ['a', 'c'].map((name) => ({ name, position: 'binlog.000001:3', timestampMs: 0 }))
    const renamed = column('a', 'varchar(20)', { formerNames: ['b'] })
    const moved = column('d', 'varchar(20)', { formerNames: ['c'], declared: "VARCHAR(20) DEFAULT 'new'" })
    const before = [schemaRecord(at(1), three), created(at(2), [1, 'of a', 'of b', 'of c'])]
    const behind = [schemaRecord(at(4), { ...schemaOf(id, renamed, moved), dropped })]
    await write([...before, ...behind])
    expect(await rows()).toEqual([[1, 'of b', 'new']])
    await write(before)
    expect(await rows()).toEqual([[1, 'of b', 'new']])
    await write(behind)
    expect(await rows()).toEqual([[1, 'of b', 'new']])
  })

  it('refuses what may be a column renamed between two chunks, but not one dropped and one added before a chunk that is read again', async () => {
    const { write, rows } = await setUp()
    const view = (place: number) => ({ ...at(place), snapshot: true })
    const swapped = schemaOf(id, column('b', 'varchar(20)'))
    const first = [schemaRecord(view(1), BASE), created(view(1), [1, 'a'])]
    await expect(write([...first, schemaRecord(view(2), swapped)])).rejects.toThrow(
      /column "a" went and "b" came.*--fresh/,
    )
    expect(await rows()).toEqual([[1, 'a']])
    const former = [schemaRecord(view(1), BASE), created(view(1), [3, 'of a'])]
    await write([schemaRecord(view(2), swapped), created(view(2), [2, 'b']), ...former, schemaRecord(view(3), swapped)])
    expect(await rows()).toEqual([
      [1, ''],
      [2, 'b'],
      [3, null],
    ])
  })

  it('gives rows told from before a column was added what existing rows got, whatever became of it since', async () => {
    const { session, write, rows } = await setUp()
    const declared = [
      ['n', 'text', 'INT NOT NULL DEFAULT 7', '7'],
      ['m', 'varchar(40)', 'DECIMAL(12,3) DEFAULT 7', '7.000'],
      ['k', 'int', 'INT NOT NULL', 0],
      ['e', "enum('p','q')", "ENUM('p','q') NOT NULL", 'p'],
      ['b', 'varbinary(9)', "VARBINARY(9) DEFAULT 'it''s'", Buffer.from("it's")],
      ['s', 'varchar(20)', "VARCHAR(20) NOT NULL DEFAULT 'it''s'", "it's"],
      ['z', 'int', 'INT NULL', null],
      ['f', 'bit(4)', "BIT(4) DEFAULT b'0101'", Buffer.from([5])],
    ] as const
    const now = declared.map(([name, type, clause]) => column(name, type, { nullable: true, declared: clause }))
    const wider = schemaOf(id, ...now, text)
    const values = declared.map(([, , , value]) => value)
    const gone = declared.map(() => null)
    await write([schemaRecord(at(5), wider), created(at(5), [1, ...gone, 'now'])])
    await session.run('ALTER TABLE t ALTER COLUMN k SET DEFAULT 9, ALTER COLUMN z SET DEFAULT 9')
    await write([schemaRecord(at(2), BASE), created(at(2), [2, 'then']), updated(at(2), [1, 'x'], [1, 'then'])])
    expect(await rows()).toEqual([
      [1, ...values, 'then'],
      [2, ...values, 'then'],
    ])
    const renamed = schemaOf(id, ...now.map((one) => ({ ...one, name: `${one.name}2`, formerNames: [one.name] })), text)
    await write([schemaRecord(at(6), renamed), schemaRecord(at(2), BASE), created(at(2), [3, 'then'])])
    expect((await rows())[2]).toEqual([3, ...values, 'then'])
    await write([schemaRecord(at(7), BASE), created(at(7), [4, 'now'])])
    expect((await rows())[3]).toEqual([4, 'now'])
  })

  it('adds a column as it was declared, for the rows that there are, and as it has become', async () => {
    const { session, write, rows } = await setUp()
    await session.run('CREATE TABLE millrace_probe (left_over_by_a_process_that_was_killed INT)')
    const added = column('n', 'varchar(30)', { nullable: true, declared: 'INT NOT NULL DEFAULT 7' })
    await write([schemaRecord(at(1), BASE), created(at(1), [1, 'x'])])
    await write([
      schemaRecord(at(2), schemaOf(id, text, added)),
      created(at(2), [2, 'y', null]),
      created(at(2), [3, 'z', 'q']),
    ])
    expect(await rows()).toEqual([
      [1, 'x', '7'],
      [2, 'y', null],
      [3, 'z', 'q'],
    ])
    expect(await session.query("SHOW TABLES LIKE 'millrace_probe'")).toEqual([])
  })

  it('knows a column under an older record that names it beside a column whose name it took later', async () => {
    const { write, rows } = await setUp()
    const older = schemaOf(id, column('b', 'varchar(20)'), column('c', 'varchar(20)'))
    await write([
      schemaRecord(at(1), older),
      // DROP c, RENAME b TO c, RENAME c TO d.
      schemaRecord(at(3), schemaOf(id, { ...column('d', 'varchar(20)'), formerNames: ['b', 'c'] })),
      schemaRecord(at(1), older),
      created(at(1), [1, 'of b', 'of c']),
    ])
    expect(await rows()).toEqual([[1, 'of b']])
  })

  it('follows columns that come, change, are renamed and go', async () => {
    const { session, write, rows } = await setUp()
    await write([schemaRecord(at(1), BASE), created(at(1), [1, 'one'])])
    const wide = schemaOf(column('id', 'bigint'), column('b', 'text', { formerNames: ['a'] }), column('c', 'int'))
    await write([schemaRecord(at(2), wide), created(at(2), [2, 'two', 2])])
    expect(await rows()).toEqual([
      ['1', 'one', 0],
      ['2', 'two', 2],
    ])
    // What is told again of the former columns finds them under their present names.
    await write([schemaRecord(at(1), BASE), created(at(1), [3, 'three']), schemaRecord(at(2), wide)])
    expect((await rows())[2]?.slice(0, 2)).toEqual(['3', 'three'])
    await write([schemaRecord(at(3), schemaOf(column('id', 'bigint'), column('c', 'int'))), created(at(3), [4, 4])])
    expect(await columnsOf(session)).toEqual(['id', 'c'])
  })

  it('finds a column that was renamed twice under its present name, whichever record is told again', async () => {
    const { write, rows } = await setUp()
    const once = schemaOf(id, column('b', 'varchar(20)', { formerNames: ['a'] }))
    const twice = schemaOf(id, column('c', 'varchar(20)', { formerNames: ['a', 'b'] }))
    const before = [schemaRecord(at(1), BASE), created(at(2), [1, 'old'])]
    const between = [schemaRecord(at(3), once), updated(at(4), [1, 'old'], [1, 'new'])]
    const behind = [schemaRecord(at(5), twice), created(at(6), [2, 'x'])]
    const expected = [
      [1, 'new'],
      [2, 'x'],
    ]
    await write([...before, ...between, ...behind])
    expect(await rows()).toEqual(expected)
    await write([...before, ...between])
    expect(await rows()).toEqual(expected)
    await write([...before, ...between, ...behind])
    expect(await rows()).toEqual(expected)
  })

  it('drops and changes nothing because of a record that is older', async () => {
    const { session, write, rows } = await setUp()
    const wide = schemaOf(id, text, column('c', 'bigint', { nullable: true }))
    await write([schemaRecord(at(5), wide), created(at(5), [1, 'a', 5_000_000_000n])])
    await write([schemaRecord(at(2), schemaOf(id, column('c', 'int', { nullable: true }))), created(at(2), [2, 7])])
    expect(await columnsOf(session)).toEqual(['id', 'a', 'c'])
    expect(await rows()).toEqual([
      [1, 'a', '5000000000'],
      [2, null, '7'],
    ])
    const narrow = schemaRecord(at(6), schemaOf(id, column('c', 'int')))
    await expect(write([narrow])).rejects.toThrow(`does not take the source's columns`)
  })

  it('lenient: keeps what is gone, and puts a column aside whose values would be cut', async () => {
    const { session, write, rows } = await setUp()
    const lenient = { schemaChange: 'lenient' } as const
    const first = schemaOf(id, column('a', 'varchar(20)'), column('n', 'bigint'))
    await write([schemaRecord(at(1), first), created(at(1), [1, 'a', 5n])], lenient)
    await write(
      [schemaRecord(at(2), schemaOf(id, column('n', 'int'))), created(at(2), [2, 6]), truncated(at(3))],
      lenient,
    )
    expect(await rows()).toEqual([
      [1, 'a', '5'],
      [2, null, '6'],
    ])
    await write([schemaRecord(at(4), schemaOf(id, column('n', 'date'))), created(at(4), [3, '2024-01-01'])], lenient)
    expect((await columnsOf(session)).map((name) => name.replace('_20', ''))).toEqual(['id', 'a', 'n_bigint', 'n'])
    expect((await rows()).at(-1)).toEqual([3, null, null, '2024-01-01'])
  })

  it('ignore: writes the columns that there are', async () => {
    const { write, rows } = await setUp()
    await write([schemaRecord(at(1), BASE), created(at(1), [1, 'a'])])
    const wide = schemaOf(id, text, column('c', 'int'))
    await write([schemaRecord(at(2), wide), created(at(2), [2, 'b', 7]), truncated(at(3))], { schemaChange: 'ignore' })
    expect(await rows()).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
  })

  it('exception: stops at the first change, by name', async () => {
    const { write } = await setUp()
    await write([schemaRecord(at(1), BASE)])
    const exception = { schemaChange: 'exception' } as const
    await write([schemaRecord(at(1), BASE)], exception)
    const wide = schemaOf(id, text, column('c', 'int'))
    await expect(write([schemaRecord(at(2), wide)], exception)).rejects.toThrow('ADD COLUMN `c` int')
    await expect(write([schemaRecord(at(1), BASE), truncated(at(3))], exception)).rejects.toThrow(
      'truncated or dropped',
    )
  })

  it('tryEvolve: goes on without a change that the target refuses, where evolve fails', async () => {
    const { write, rows } = await setUp()
    await write([schemaRecord(at(1), BASE), created(at(1), [1, 'too long'])])
    const cut = [schemaRecord(at(2), schemaOf(id, column('a', 'varchar(3)'))), created(at(2), [2, 'ok'])]
    await expect(write(cut)).rejects.toThrow(
      /Table ".*\.t": it does not take the source's columns: Data (too long|truncated)/,
    )
    await write(cut, { schemaChange: 'tryEvolve' })
    expect(await rows()).toEqual([
      [1, 'too long'],
      [2, 'ok'],
    ])
  })
})
