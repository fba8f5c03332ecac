// Tables that follow a source: made, altered, and written, on both servers.

import { expect, it } from 'vitest'
import { quoteName } from '../../../../../src/connectors/mysql/connection.ts'
import { type MysqlTablesOptions, mysqlTables } from '../../../../../src/connectors/mysql/index.ts'
import type { TableSchema } from '../../../../../src/record/change.ts'
import { connectTo, describePrivateServers, describeServers, startServer } from '../../../../support/mysql-servers.ts'
import {
  column,
  created,
  deleted,
  type RowChange,
  SinkDriver,
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

describeServers('mysqlTables', ['mysql', 'mariadb'], (server) => {
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
  const at = (place: number) => sourceOf('t', place)

  it('makes tables as the source declares them, but for what stale neighbours would be caught in', async () => {
    const { session, write, rows } = await setUp()
    const definition = [
      'CREATE TABLE `t` (',
      '  `id` int NOT NULL,',
      "  `a` varchar(20) CHARACTER SET latin1 NOT NULL DEFAULT 'it''s, \\\\',",
      '  `parent` int DEFAULT NULL,',
      '  PRIMARY KEY (`id`),',
      '  UNIQUE KEY `u` (`a`),',
      '  KEY `p` (`parent`),',
      '  CONSTRAINT `fk` FOREIGN KEY (`parent`) REFERENCES `t` (`id`)',
      ') ENGINE=InnoDB DEFAULT CHARSET=utf8mb4',
    ].join('\n')
    const schema = { ...schemaOf(id, text, column('parent', 'int', { nullable: true })), definition }
    await write([schemaRecord(at(1), schema), created(at(1), [1, 'x', 99]), created(at(1), [2, 'x', null])])
    expect(await rows()).toEqual([
      [1, 'x', 99],
      [2, 'x', null],
    ])
    const made = String((await session.first('SHOW CREATE TABLE t'))?.[1])
    expect(made).toContain('KEY `u` (`a`)')
    expect(made).toContain('latin1')
    expect(made).not.toMatch(/UNIQUE|FOREIGN/)
  })

  it('keeps the order of a snapshot and the log behind it within one batch', async () => {
    for (const delivery of ['upsert', 'exactly-once'] as const) {
      const { write, rows } = await setUp()
      const view = { ...at(1), snapshot: true }
      const schema = delivery === 'upsert' ? BASE : { ...BASE, key: [] }
      await write(
        [
          schemaRecord(view, schema),
          created(view, [1, 'a']),
          created(view, [2, 'a']),
          schemaRecord(at(2), schema),
          deleted(at(2), [1, 'a']),
        ],
        { delivery },
      )
      expect(await rows()).toEqual([[2, 'a']])
    }
  })

  it('moves a row whose key changes, writes the last of many changes, and deletes', async () => {
    const { write, rows } = await setUp()
    await write([
      schemaRecord(at(1), BASE),
      created(at(1), [1, 'a']),
      created(at(1), [2, 'b']),
      created(at(1), [3, 'c']),
      updated(at(1), [1, 'a'], [9, 'a'], true),
      updated(at(1), [2, 'b'], [1, 'b'], true),
      updated(at(1), [1, 'b'], [1, 'bb']),
      deleted(at(1), [3, 'c']),
      created(at(1), [3, 'cc']),
      deleted(at(1), [4, 'never there']),
    ])
    expect(await rows()).toEqual([
      [1, 'bb'],
      [3, 'cc'],
      [9, 'a'],
    ])
  })

  it('tells keys apart as the target does: bytes, composite keys, and text of any case', async () => {
    const { write, rows, session } = await setUp()
    const schema = { columns: [column('k', 'varbinary(8)'), column('n', 'bigint unsigned'), text], key: ['n', 'k'] }
    const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
    await write([
      schemaRecord(at(1), schema),
      created(at(1), [bytes('00ff'), 18446744073709551615n, 'a']),
      created(at(1), [bytes('00ff'), 0n, 'b']),
      created(at(1), [bytes('27'), 1n, "it's"]),
    ])
    await write([
      schemaRecord(at(1), schema),
      deleted(at(1), [bytes('00ff'), 0n, 'b']),
      deleted(at(1), [bytes('27'), 1n, 'x']),
    ])
    expect(await session.query('SELECT HEX(k), n, a FROM t')).toEqual([['00FF', '18446744073709551615', 'a']])
    await session.run('DROP TABLE t')
    await session.run(
      'CREATE TABLE t (a VARCHAR(20) PRIMARY KEY, v INT) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci',
    )
    const named = { columns: [text, column('v', 'int')], key: ['a'] }
    await write([schemaRecord(at(2), named), created(at(2), ['ä', 1])])
    await write([schemaRecord(at(2), named), updated(at(2), ['ä', 1], ['Ä', 2], true), created(at(2), ['b', 3])])
    expect((await rows()).sort()).toEqual([
      ['b', 3],
      ['Ä', 2],
    ])
  })

  it('empties a table that was truncated, and takes another key', async () => {
    const { write, rows } = await setUp()
    await write([schemaRecord(at(1), BASE), created(at(1), [1, 'a']), truncated(at(2)), created(at(3), [2, 'b'])])
    expect(await rows()).toEqual([[2, 'b']])
    const other = { columns: [column('k', 'varchar(9)'), id], key: ['k'] }
    await write([schemaRecord(at(3), BASE), truncated(at(4)), schemaRecord(at(5), other), created(at(5), ['x', 1])])
    // Columns stand in the order in which they came.
    expect(await rows()).toEqual([[1, 'x']])
  })

  it('follows a key that comes, changes and goes', async () => {
    const { session, write, rows } = await setUp()
    const exact = { delivery: 'exactly-once' } as const
    const keyed = (...key: string[]): RowChange => schemaRecord(at(key.length + 2), { columns: [id, text], key })
    await write([schemaRecord(at(1), { columns: [id, text], key: [] }), created(at(1), [1, 'a'])], exact)
    await write([keyed('id'), updated(at(3), [1, 'a'], [1, 'b'])], exact)
    await write([keyed('a', 'id'), updated(at(4), [1, 'b'], [1, 'c'], true), created(at(4), [1, 'd'])], exact)
    expect(await rows()).toEqual([
      [1, 'c'],
      [1, 'd'],
    ])
    await write([schemaRecord(at(9), { columns: [id, text], key: [] }), created(at(9), [1, 'd'])], exact)
    expect((await rows()).length).toBe(3)
    expect(await session.query(`SHOW KEYS FROM t WHERE Key_name = 'PRIMARY'`)).toEqual([])
  })

  it('makes a table again that somebody dropped, whatever is remembered of it', async () => {
    for (const delivery of ['upsert', 'exactly-once'] as const) {
      const { session, write, rows } = await setUp()
      const changes = [schemaRecord(at(1), BASE), created(at(1), [1, 'a'])]
      await write(changes, { delivery })
      await session.run('DROP TABLE t')
      await write(changes, { delivery })
      expect(await rows()).toEqual([[1, 'a']])
    }
  })

  it('refuses tables in which rows would be lost', async () => {
    const { session, write } = await setUp()
    await session.run('CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20), UNIQUE KEY u (a))')
    const changes = [schemaRecord(at(1), BASE), created(at(1), [1, 'a'])]
    await expect(write(changes)).rejects.toThrow('caught in its unique index u (a): make it a plain one')
    await write(changes, { uniqueIndexes: 'keep' })
    await session.run('DROP TABLE t')
    await session.run('CREATE TABLE t (id INT, a VARCHAR(20))')
    await expect(write(changes, { schemaChange: 'lenient' })).rejects.toThrow('key (id) is neither its primary key')
    const keyless = { columns: BASE.columns, key: [] }
    await expect(write([schemaRecord(at(1), keyless), created(at(1), [1, 'a'])])).rejects.toThrow(
      `delivery: 'exactly-once'`,
    )
    await expect(write([created(sourceOf('other'), [1])])).rejects.toThrow(`a change came before the table's columns`)
    await session.run('DROP TABLE t')
    await expect(write([schemaRecord(at(1), BASE), created(at(1), [1])])).rejects.toThrow(
      'a row has 1 values, the columns told last are 2',
    )
  })

  it('routes tables', async () => {
    const { database, session, write } = await setUp()
    const tables = { 'source.t': `${database}.renamed`, 'source.x_*': `${database}.*`, 'source.*': `${database}.all` }
    const of = (table: string): RowChange[] => [
      schemaRecord(sourceOf(table), BASE),
      created(sourceOf(table), [1, table]),
    ]
    await write([...of('t'), ...of('x_1'), ...of('other')], { tables })
    expect(
      await session.query('SELECT a FROM renamed UNION ALL SELECT a FROM x_1 UNION ALL SELECT a FROM `all`'),
    ).toEqual([['t'], ['x_1'], ['other']])
    await expect(write([...of('other'), ...of('another')], { tables })).rejects.toThrow(
      'both source.other and source.another go there',
    )
    expect(() => mysqlTables({ url: server.url(), tables: { a: 'b' } })).not.toThrow()
    await expect(write([], { tables: { a: 'b' } })).rejects.toThrow(
      'Option tables.a of mysqlTables: expected database.table',
    )
  })

  it('keeps rows that the target refuses, once each, and writes the others', async () => {
    const { session, write } = await setUp()
    await session.run('CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20))')
    const rows = Array.from({ length: 300 }, (_, i) => created(at(1), [i, i % 100 === 7 ? 'x'.repeat(21) : `row ${i}`]))
    const changes = [schemaRecord(at(1), BASE), ...rows]
    const ignore = { schemaChange: 'ignore' } as const
    await expect(write(changes, ignore)).rejects.toThrow(
      /Table ".*\.t": it does not take the row with id = 7: Data too long for column 'a'.*set onRowError: 'dead-letter'/,
    )
    for (let i = 0; i < 2; i++) await write(changes, { ...ignore, onRowError: 'dead-letter' })
    expect(await session.query('SELECT COUNT(*) FROM t')).toEqual([['297']])
    const letters = await session.query('SELECT tbl, op, row_json FROM millrace_dead_letters ORDER BY row_json')
    expect(letters.map(([, op, row]) => [op, JSON.parse(String(row))[0]]).sort()).toEqual([
      ['write', 107],
      ['write', 207],
      ['write', 7],
    ])
  })

  it('goes on when its connections are killed and when rows are locked', async () => {
    const { database, session, rows } = await setUp()
    const driver = await SinkDriver.open(mysqlTables({ url: server.url(database), writers: 3 }))
    await driver.write(schemaRecord(at(1), BASE), created(at(1), [0, 'first']))
    const written = Array.from({ length: 900 }, (_, i) => created(at(1), [i, `row ${i}`]))
    const others = 'SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ? AND ID <> CONNECTION_ID()'
    for (const [thread] of await session.query(others, [database])) await session.run(`KILL ${thread}`)
    await driver.write(...written)
    expect((await rows()).length).toBe(900)
    await session.run('SET autocommit = 0')
    await session.run(`UPDATE t SET a = 'locked' WHERE id = 5`)
    const blocked = driver.write(created(at(1), [5, 'after the lock']))
    for (;;) {
      const [waits] = (
        await session.query(
          `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = ? AND INFO LIKE 'INSERT INTO%'`,
          [database],
        )
      )[0] as [number]
      if (waits > 0) break
    }
    for (const [thread] of await session.query(`${others} AND INFO LIKE 'INSERT INTO%'`, [database]))
      await session.run(`KILL ${thread}`)
    await session.run('COMMIT')
    await session.run('SET autocommit = 1')
    await blocked
    expect((await rows())[5]).toEqual([5, 'after the lock'])
    await driver.close()
  })

  it('ends a deadlock by trying again', async () => {
    const { database, session, rows } = await setUp()
    const counters = new Map<string, number>()
    const driver = await SinkDriver.open(mysqlTables({ url: server.url(database), writers: 1 }), { counters })
    await driver.write(schemaRecord(at(1), BASE), ...[1, 2].map((key) => created(at(1), [key, 'first'])))
    // The other transaction is the heavier one, so the sink's is the victim.
    await session.run(`CREATE TABLE heavy (id INT PRIMARY KEY AUTO_INCREMENT, v INT)`)
    await session.run('SET autocommit = 0')
    await session.run(`INSERT INTO heavy (v) VALUES ${new Array(2000).fill('(1)').join(',')}`)
    await session.run('UPDATE t SET a = "theirs" WHERE id = 2')
    // Deletes come first: the sink holds row 1 and waits for row 2.
    const ours = driver.write(deleted(at(1), [1, 'first']), updated(at(1), [2, 'first'], [2, 'ours']))
    for (;;) {
      const [waits] = (
        await session.query(
          `SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = ? AND INFO LIKE 'INSERT INTO%'`,
          [database],
        )
      )[0] as [number]
      if (waits > 0) break
    }
    await session.run('UPDATE t SET a = "theirs" WHERE id = 1')
    await session.run('COMMIT')
    await session.run('SET autocommit = 1')
    await ours
    expect(await rows()).toEqual([[2, 'ours']])
    expect(counters.get('sinkRetries')).toBeGreaterThan(0)
    await driver.close()
  })

  it('shows transactions of the source whole', async () => {
    const { database, session } = await setUp()
    const options = { url: server.url(database), transaction: 'source', batchRows: 10 } as const
    const driver = await SinkDriver.open(mysqlTables(options))
    await driver.write(schemaRecord(at(1), BASE))
    const counts = new Set<number>()
    let done = false
    const watch = (async () => {
      while (!done) counts.add(Number((await session.first('SELECT COUNT(*) FROM t'))?.[0]))
    })()
    const changes = Array.from({ length: 40 }, (_, transaction) =>
      Array.from({ length: 25 }, (_, i) =>
        created(sourceOf('t', 1, `gtid:${transaction}`), [transaction * 25 + i, 'a']),
      ),
    )
    await driver.write(...changes.flat())
    done = true
    await watch
    await driver.close()
    expect(Number((await session.first(`SELECT COUNT(*) FROM ${quoteName(database)}.t`))?.[0])).toBe(1000)
    for (const count of counts) expect(count % 25).toBe(0)
  })

  it('is one subtask', async () => {
    const { database } = await setUp()
    const two = SinkDriver.open(mysqlTables({ url: server.url(database) }), { parallelism: 2 })
    await expect(two).rejects.toThrow('Option parallelism of mysqlTables: expected parallelism 1, got 2')
  })
})

describePrivateServers('mysqlTables', ['mysql', 'mariadb'], (flavour) => {
  it('goes on by itself when its server was killed and is there again', async () => {
    const server = await startServer(flavour)
    const source = sourceOf('t')
    const counters = new Map<string, number>()
    const sink = mysqlTables({ url: server.url('copy'), tables: { 'source.*': 'copy.*' }, retryMs: 200_000 })
    const admin = await connectTo(server.url())
    await admin.run('CREATE DATABASE copy')
    admin.close()
    const driver = await SinkDriver.open(sink, { counters })
    await driver.write(schemaRecord(source, BASE), created(source, [0, 'before']))
    await server.kill()
    const written = driver.write(...Array.from({ length: 1000 }, (_, i) => created(source, [i, `row ${i}`])))
    while (!counters.has('sinkRetries')) await new Promise((resolve) => setTimeout(resolve, 10))
    await server.start()
    await written
    await driver.close()
    const session = await connectTo(server.url('copy'))
    expect((await session.query('SELECT * FROM t')).length).toBe(1000)
    session.close()
    await server.dispose()
  })
})
