import { beforeAll, expect, test } from 'vitest'
import { compareOffsets } from '../../../../src/connectors/mysql/place.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { type LogChange, LogDriver, texts } from './log-driver.ts'

describeServers('MysqlLog', ['mysql', 'mariadb'], (server) => {
  let log: LogDriver

  beforeAll(async () => {
    log = await LogDriver.open(server)
    await log.run(
      'CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20))',
      'CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20))',
      'CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = MyISAM',
    )
  })

  test('a transaction is cut anywhere, and goes on from there with exactly the rest (M7)', async () => {
    const from = await log.place()
    await log.run(
      'BEGIN',
      "INSERT INTO a VALUES (1, 'x'), (2, 'y')",
      "INSERT INTO b VALUES (1, 'z')",
      "UPDATE a SET v = 'w' WHERE id = 2",
      'UPDATE b SET id = 7',
      'DELETE FROM a WHERE id = 1',
      'COMMIT',
      'DELETE FROM a',
      'DELETE FROM b',
    )
    const whole = await log.read(from)
    expect(texts(whole)).toEqual([
      'c a 1,x',
      'c a 2,y',
      'c b 1,z',
      'u a 2,y > 2,w',
      'u b 1,z > 7,z (1 > 7)',
      'd a 1,x',
      'd a 2,w',
      'd b 7,z',
    ])
    for (const records of [1, 2, 3, 1000]) {
      let place = from
      const changes: string[] = []
      for (let cut = 0; cut < 8; cut++) {
        const page = await log.read(place, { records, pagesMax: 1 })
        changes.push(...texts(page))
        place = page.next
        if (page.changes.length === 0) break
        const rest = await log.read(place, { records })
        expect([...changes, ...texts(rest)]).toEqual(texts(whole))
      }
      expect(changes).toEqual(texts(whole))
    }
  })

  test('what is rolled back never shows, in whole or to a savepoint; what has no transactions does', async () => {
    const from = await log.place()
    await log.run('BEGIN', "INSERT INTO a VALUES (10, 'x')", 'ROLLBACK')
    await log.run('BEGIN', "INSERT INTO a VALUES (11, 'x')", 'SAVEPOINT S1', "INSERT INTO a VALUES (12, 'x')")
    await log.run('ROLLBACK TO s1', "INSERT INTO b VALUES (13, 'x')", 'COMMIT')
    await log.run("INSERT INTO m VALUES (14, 'x')")
    const expected = ['c a 11,x', 'c b 13,x', 'c m 14,x']
    // MariaDB has the rows of these in its log; MySQL with GTIDs refuses such transactions.
    if (log.info.mariadb) {
      await log.run('BEGIN', "INSERT INTO a VALUES (15, 'x')", "INSERT INTO m VALUES (16, 'x')", 'ROLLBACK')
      await log.run('BEGIN', "INSERT INTO a VALUES (17, 'x')", 'SAVEPOINT `s 2`', "INSERT INTO a VALUES (18, 'x')")
      await log.run("INSERT INTO m VALUES (19, 'x')", "INSERT INTO a VALUES (20, 'x')", 'ROLLBACK TO `s 2`', 'COMMIT')
      await log.run('CREATE TEMPORARY TABLE t1 (i INT)', 'BEGIN', "INSERT INTO a VALUES (21, 'x')")
      await log.run('CREATE TEMPORARY TABLE t2 (i INT)', 'ROLLBACK')
      expected.push('c m 16,x', 'c m 19,x', 'c a 17,x')
    }
    await log.run('DELETE FROM a WHERE id = 11')
    expected.push('d a 11,x')
    expect(texts(await log.read(from))).toEqual(expected)
    expect(texts(await log.read(from, { heldBytesMax: 0 }))).toEqual(expected)
    expect(texts(await log.read(from, { heldBytesMax: 0, records: 1 }))).toEqual(expected)
    await log.run('DELETE FROM a', 'DELETE FROM b', 'DELETE FROM m')
  })

  test('one statement that changes several tables', async () => {
    await log.run("INSERT INTO a VALUES (1, 'x'), (2, 'x')", "INSERT INTO b VALUES (1, 'y'), (2, 'y')")
    const from = await log.place()
    await log.run("UPDATE a JOIN b USING (id) SET a.v = 'p', b.v = 'q'", 'DELETE a, b FROM a JOIN b USING (id)')
    const read = await log.read(from)
    expect(texts(read).sort()).toEqual(
      [
        'u a 1,x > 1,p',
        'u a 2,x > 2,p',
        'u b 1,y > 1,q',
        'u b 2,y > 2,q',
        'd a 1,p',
        'd a 2,p',
        'd b 1,q',
        'd b 2,q',
      ].sort(),
    )
    const only = await log.read(from, { wanted: (table) => table === 'b' })
    expect(texts(only)).toEqual(texts(read).filter((change) => change[2] === 'b'))
  })

  test('transactions that change no wanted table, and new files, move the place on', async () => {
    const from = await log.place()
    await log.run("INSERT INTO a VALUES (1, 'x')", 'DELETE FROM a')
    const end = await log.place()
    const read = await log.read(from, { wanted: (table) => table === 'b' })
    expect(read.changes).toEqual([])
    expect(compareOffsets(read.next, end)).toBeGreaterThanOrEqual(0)
    expect(read.next).toMatchObject({ server: log.info.id, rows: 0 })
  })

  test('a statement that its server logs without an end ends where the next transaction begins', async () => {
    if (!log.info.mariadb) return
    const from = await log.place()
    await log.run('CREATE SEQUENCE s', 'SELECT NEXTVAL(s)', 'SELECT SETVAL(s, 500)', 'ALTER SEQUENCE s RESTART 7')
    await log.run('INSERT INTO a SELECT NEXTVAL(s), 1', 'DELETE FROM a', 'DROP SEQUENCE s')
    const read = await log.read(from, { wanted: (table) => table === 'a' })
    expect(texts(read)).toEqual(['c a 7,1', 'd a 7,1'])
  })

  test('an XA transaction is told when it is committed, though the reader began after its preparation', async () => {
    const begin = await log.place()
    const other = await server.connection(log.database)
    await other.run("XA START 'x1', 'b', 7")
    await other.run("INSERT INTO a VALUES (1, 'x'), (2, 'x')")
    await other.run("INSERT INTO b VALUES (3, 'x')")
    await other.run("XA END 'x1', 'b', 7")
    await other.run("XA PREPARE 'x1', 'b', 7")
    // Only another session may go on with one that is prepared.
    other.close()
    await log.run("INSERT INTO m VALUES (1, 'between')")
    const prepared = await log.read(begin)
    expect(texts(prepared)).toEqual(['c m 1,between'])
    await retried(() => log.run("XA COMMIT 'x1', 'b', 7"))
    await log.run(
      'XA START 0x7832',
      "INSERT INTO a VALUES (9, 'x')",
      'XA END 0x7832',
      'XA PREPARE 0x7832',
      'XA ROLLBACK 0x7832',
    )
    await log.run("XA START 'x3'", "INSERT INTO a VALUES (4, 'x')", "XA END 'x3'", "XA COMMIT 'x3' ONE PHASE")
    const rows = ['c a 1,x', 'c a 2,x', 'c b 3,x', 'c a 4,x']
    for (const heldBytesMax of [0, 1 << 20]) {
      expect(texts(await log.read(begin, { heldBytesMax }))).toEqual(['c m 1,between', ...rows])
      for (const records of [1, 2, 1000]) {
        expect(texts(await log.read(prepared.next, { heldBytesMax, records }))).toEqual(rows)
        const cut = await log.read(prepared.next, { heldBytesMax, records, pagesMax: 1 })
        expect(texts(cut)).toEqual(rows.slice(0, records === 1000 ? 4 : records))
        expect(texts(await log.read(cut.next, { heldBytesMax }))).toEqual(rows.slice(cut.changes.length))
      }
    }
    const { source } = prepared.changes[0] as LogChange
    expect(source).toMatchObject({ connector: 'mysql', database: log.database, table: 'm', snapshot: false })
    expect(source.transaction).toMatch(log.info.mariadb ? /^\d+-\d+-\d+$/ : /^[0-9a-f-]{36}:\d+$/)
    await log.run('DELETE FROM a', 'DELETE FROM b', 'DELETE FROM m')
  })

  test('rows are decoded with the columns of their time, over several changes of them (M12)', async () => {
    const from = await log.place()
    await log.run('CREATE TABLE c (id INT PRIMARY KEY, v VARCHAR(20))', "INSERT INTO c VALUES (1, 'x')")
    await log.run('ALTER TABLE c ADD COLUMN n INT FIRST', "INSERT INTO c VALUES (7, 2, 'y')")
    await log.run('ALTER TABLE c CHANGE v w VARCHAR(30) AFTER n', "INSERT INTO c VALUES (8, 'z', 3)")
    await log.run('ALTER TABLE c DROP COLUMN n', 'ALTER TABLE c MODIFY id BIGINT', "UPDATE c SET w = 'q' WHERE id = 1")
    await log.run('ALTER TABLE c RENAME COLUMN w TO v, ADD COLUMN k INT')
    const read = await log.read(from, { atLeast: 5 })
    expect(texts(read)).toEqual(['c c 1,x', 'c c 7,2,y', 'c c 8,z,3', 'u c x,1 > q,1', 's c'])
    const columns = read.schemas.map((schema) =>
      schema.columns.map(({ name, type }) => `${name} ${type.replace(/\(11\)|\(20\)$/, '')}`),
    )
    expect(columns[0]).toEqual(['id int', expect.stringMatching(/^v varchar/)])
    expect(columns[1]).toEqual(['n int', 'id int', expect.stringMatching(/^v varchar/)])
    expect(columns[2]).toEqual(['n int', 'w varchar(30)', 'id int'])
    expect(columns[3]).toEqual(['w varchar(30)', 'id bigint'])
    expect(columns[4]).toEqual(['v varchar(30)', 'id bigint', 'k int'])
    expect(read.schemas[2]?.columns[1]).toMatchObject({ renamedFrom: 'v', formerNames: ['v'] })
    expect(read.schemas[3]?.columns[0]).toMatchObject({ name: 'w', formerNames: ['v'] })
    expect(read.schemas[4]?.columns[0]).toMatchObject({ renamedFrom: 'w', formerNames: ['v', 'w'] })
    expect(read.schemas[3]?.dropped).toEqual([
      { name: 'n', position: expect.stringMatching(/\.\d+:\d+$/), timestampMs: expect.any(Number) },
    ])
    expect(read.schemas[4]?.dropped).toBeUndefined()
    expect(read.schemas[4]?.definition).toMatch(/^CREATE TABLE/)
    // The columns of an altered table are told though the reader stopped behind the statement and no row came.
    for (let cut = 1; cut <= 4; cut++) {
      const head = await log.read(from, { records: 1, pagesMax: cut })
      expect(texts(await log.read(head.next, { atLeast: 5 - cut }))).toEqual(texts(read).slice(cut))
    }
    await log.run('DROP TABLE c')
  })

  test('a column that is dropped and added again is told as another one, though no row came in between', async () => {
    await log.run(
      'CREATE TABLE again (id INT PRIMARY KEY, v VARCHAR(20), w INT)',
      "INSERT INTO again VALUES (1, 'x', 1)",
    )
    const from = await log.place()
    const one = ["UPDATE again SET v = 'y'", 'ALTER TABLE again ADD COLUMN v VARCHAR(20) DEFAULT 7, DROP COLUMN v']
    const two = ['ALTER TABLE again DROP COLUMN w', 'ALTER TABLE again ADD COLUMN w INT DEFAULT 8']
    await log.run(...one, 'UPDATE again SET w = 2', ...two)
    const read = await log.read(from, { atLeast: 3 })
    expect(texts(read)).toEqual(['u again 1,x,1 > 1,y,1', expect.stringMatching(/^u again /), 's again'])
    const told = read.schemas.map(({ columns, dropped = [] }) => [
      ...dropped.map(({ name }) => `- ${name}`),
      ...columns.flatMap(({ name, declared }) => (declared === undefined ? [] : [`+ ${name} ${declared}`])),
    ])
    expect(told).toEqual([[], ['- v', '+ v VARCHAR(20)DEFAULT 7'], ['- w', '+ w INT DEFAULT 8']])
    // Read from behind the statement, it is told the same.
    const behind = await log.read((await log.read(from, { records: 1, pagesMax: 1 })).next, { atLeast: 2 })
    expect(behind.schemas.map(({ dropped }) => dropped)).toEqual(read.schemas.slice(1).map(({ dropped }) => dropped))
    await log.run('DROP TABLE again')
  })

  test.each([
    ['v VARCHAR(40)', "v VARCHAR(40) NOT NULL DEFAULT 'n'", 'NULL'],
    ['v VARCHAR(40) CHARACTER SET utf8mb4', 'v VARCHAR(40) CHARACTER SET latin1', "'漢'"],
  ])('what makes the table now is not told as what made it with the column %s', async (before, now, value) => {
    await log.run(`CREATE TABLE made (id INT PRIMARY KEY, ${before})`)
    const from = await log.place()
    await log.run(`INSERT INTO made VALUES (1, ${value})`, `ALTER TABLE made DROP COLUMN v, ADD COLUMN ${now}`)
    await log.run("INSERT INTO made VALUES (2, 'x')")
    const read = await log.read(from, { atLeast: 2 })
    expect(texts(read)).toEqual([`c made 1,${value === 'NULL' ? '' : '漢'}`, 'c made 2,x'])
    expect(read.schemas.map(({ definition }) => definition?.slice(0, 12))).toEqual([undefined, 'CREATE TABLE'])
    await log.run('DROP TABLE made')
  })

  test('rows that come or go without being logged are told: emptied tables, and tables that have other rows', async () => {
    await log.run("INSERT INTO a VALUES (1, 'x')")
    const from = await log.place()
    await log.run('TRUNCATE a', 'CREATE TABLE d AS SELECT 1 AS id', 'CREATE TABLE e LIKE d', 'DROP TABLE d')
    await log.run('INSERT INTO e VALUES (5)', 'ALTER TABLE e RENAME TO f', 'INSERT INTO f VALUES (6)')
    expect(texts(await log.read(from))).toEqual(['t a', 'c d 1', 't d', 'c e 5', 't e', 't f', 'c f 6'])
    const swap = await log.place()
    await log.run('CREATE TABLE _a_gho (id INT PRIMARY KEY, v VARCHAR(20), n INT)')
    await log.run('RENAME TABLE a TO _a_del, _a_gho TO a', "INSERT INTO a VALUES (2, 'y', 3)", 'DROP TABLE _a_del')
    const wanted = (table: string): boolean => table === 'a' || table === 'f'
    expect(texts(await log.read(swap, { wanted }))).toEqual(['c a 2,y,3'])
    const replaced = await log.place()
    await log.run('CREATE TABLE spare LIKE f', 'INSERT INTO spare VALUES (9)', 'RENAME TABLE f TO old_f, spare TO f')
    await log.run('INSERT INTO f VALUES (10)')
    expect(await log.read(replaced, { wanted })).toMatchObject({ replaced: ['t f'] })
    expect(texts(await log.read(replaced, { wanted }))).toEqual(['t f', 'c f 10'])
    const parts = await log.place()
    await log.run(
      'CREATE TABLE p (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (5), PARTITION p1 VALUES LESS THAN (9))',
    )
    await log.run('INSERT INTO p VALUES (1), (6)', 'ALTER TABLE p DROP PARTITION p0')
    const read = await log.read(parts)
    expect([texts(read), read.replaced]).toEqual([['c p 1', 'c p 6', 't p'], ['t p']])
    await log.run('DROP TABLE f, old_f, p, a', 'CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20))')
  })

  test('a dropped database empties its wanted tables', async () => {
    const driver = await LogDriver.open(server)
    await driver.run(
      'CREATE TABLE x (id INT PRIMARY KEY)',
      'CREATE TABLE y (id INT PRIMARY KEY)',
      'INSERT INTO y VALUES (1)',
    )
    const reading = driver.open(await driver.place(), {})
    await reading.read(10)
    await driver.run(`DROP DATABASE ${driver.database}`)
    const changes: string[] = []
    while (changes.length < 2) {
      await reading.available()
      changes.push(...texts(await reading.read(10)))
    }
    expect(changes.sort()).toEqual(['t x', 't y'])
    await reading.close()
  })

  test('a statement that is logged instead of the rows it changed is refused by name', async () => {
    const session = await server.connection(log.database)
    await session.run('SET SESSION binlog_format = STATEMENT')
    const from = await log.place()
    await session.run("INSERT INTO b VALUES (40, 'x')")
    await expect(log.read(from)).rejects.toThrow(/statement \(INSERT\) that changes table .*b, .*binlog_format/)
    expect((await log.read(from, { wanted: (table) => table === 'a' })).changes).toEqual([])
    await log.run('DELETE FROM b')
  })
})

/** A prepared transaction belongs to its session until the server noticed that this one is gone. */
async function retried(run: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (attempt === 1000) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
