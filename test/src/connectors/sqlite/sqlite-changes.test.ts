import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import Libsql from 'libsql'
import { describe, expect, it } from 'vitest'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import {
  removeSqliteChanges,
  type SqliteChangesOptions,
  sqliteChanges,
} from '../../../../src/connectors/sqlite/index.ts'
import { job } from '../../../../src/index.ts'
import { makeDatabase, run } from './sqlite-fixture.ts'

type Fields = Record<string, unknown>
const source = (options: SqliteChangesOptions) => () => sqliteChanges<Fields>({ pollMs: 1, ...options })

describe('sqliteChanges: where it begins and ends', () => {
  const SETUP = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 10), (2, 20)'

  it('initial: reads the rows, then follows', async () => {
    const { file, db } = makeDatabase(SETUP)
    const running = await run(source({ file }))
    await running.until(2)
    db.exec('UPDATE t SET v = 11 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (3, 30)')
    await running.until(5)
    expect(running.sink.brief).toEqual([
      ['r', { id: 1, v: 10 }],
      ['r', { id: 2, v: 20 }],
      ['u', { id: 1, v: 10 }, { id: 1, v: 11 }],
      ['d', { id: 2, v: 20 }],
      ['c', { id: 3, v: 30 }],
    ])
    const { source: origin, key } = running.sink.changes[4] as (typeof running.sink.changes)[0]
    expect(origin).toMatchObject({ connector: 'sqlite', table: 't', position: '3', snapshot: false })
    expect(Math.abs(origin.timestampMs - Date.now())).toBeLessThan(60_000)
    expect(key).toEqual([3])
  })

  it('snapshot: reads the rows and ends', async () => {
    const { file } = makeDatabase(SETUP)
    const running = await run(source({ file, startup: 'snapshot' }), { parallelism: 2 })
    await running.end()
    expect(running.sink.brief).toHaveLength(2)
  })

  it('latest: follows from now, through a crash; earliest and an offset: from there', async () => {
    const { file, db } = makeDatabase(SETUP)
    const first = await run(source({ file, startup: 'latest' }))
    while (first.simulation.splits.length === 0) await first.simulation.step()
    db.exec('INSERT INTO t VALUES (3, 30), (4, 40)')
    await first.simulation.crash(1, [])
    await first.until(2)
    expect(first.sink.brief).toEqual([
      ['c', { id: 3, v: 30 }],
      ['c', { id: 4, v: 40 }],
    ])
    const earliest = await run(source({ file, startup: 'earliest' }))
    await earliest.until(2)
    const offset = await run(source({ file, startup: { offset: '1' } }))
    await offset.until(1)
    expect(offset.sink.brief).toEqual([['c', { id: 4, v: 40 }]])
  })

  it('batch: ends when it has caught up, and catches up from there the next time', async () => {
    const { file, db } = makeDatabase(SETUP)
    const running = await run(source({ file }), { mode: 'batch', parallelism: 2 })
    await running.end()
    expect(running.sink.changes).toHaveLength(2)
    while (running.simulation.checkpoints < 3) await running.simulation.step()
    const checkpoints = running.simulation.checkpoints
    while (running.simulation.checkpoints < checkpoints + 2) await running.simulation.step()
    db.exec('INSERT INTO t VALUES (3, 30)')
    await running.simulation.crash(2, [])
    await running.end()
    expect(running.sink.brief.slice(2)).toEqual([['c', { id: 3, v: 30 }]])
  })

  it('batch: tells a change of the columns that no write came after', async () => {
    const { file, db } = makeDatabase(SETUP)
    const running = await run(source({ file, schemaChanges: true }), { mode: 'batch' })
    await running.end()
    const columns = () =>
      running.sink.changes.at(-1)?.schema?.columns.map(({ name, renamedFrom }) => [name, renamedFrom])
    for (const [alter, last] of [
      ['ADD COLUMN x', ['x', undefined]],
      ['RENAME COLUMN x TO y', ['y', 'x']],
    ] as const) {
      const checkpoints = running.simulation.checkpoints
      while (running.simulation.checkpoints < checkpoints + 3) await running.simulation.step()
      db.exec(`ALTER TABLE t ${alter}`)
      await running.simulation.crash(1, [])
      await running.end()
      expect(columns()?.at(-1)).toEqual(last)
    }
  })

  it('stopWhen: says where a batch ends too, whatever is written while it reads', async () => {
    const { file, db } = makeDatabase(SETUP)
    const told: unknown[] = []
    const reading = job('reading', (flow) => {
      flow
        .from('rows', sqliteChanges<{ id: number }>({ file, tables: ['t'], stopWhen: 'SELECT count(*) >= 6 FROM t' }))
        .map('next', ({ after }) => {
          if (after !== null && after.id < 6) db.exec(`INSERT OR IGNORE INTO t VALUES (${after.id + 1}, 0)`)
          return after?.id
        })
        .to('told', collect(told))
    })
    expect(await runJobHere(reading, { mode: 'batch' })).toMatchObject({ state: 'finished' })
    expect(told).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('stopWhen: ends where the query is true at the end of the log', async () => {
    const { file, db } = makeDatabase(`${SETUP}; CREATE TABLE done (yes)`)
    const running = await run(source({ file, tables: ['t'], stopWhen: 'SELECT yes FROM done' }), { parallelism: 2 })
    await running.until(2)
    db.exec('INSERT INTO t VALUES (3, 30)')
    await running.until(3)
    expect(running.simulation.ended).toBe(false)
    db.exec('BEGIN; INSERT INTO t VALUES (4, 40); INSERT INTO done VALUES (1); COMMIT')
    await running.end()
    expect(running.sink.brief.at(-1)).toEqual(['c', { id: 4, v: 40 }])
  })

  it('takes in a table that comes later, and lets one go that leaves, while the others go on', async () => {
    const { file, db } = makeDatabase(SETUP)
    const running = await run(source({ file, discoveryIntervalMs: 20 }))
    await running.until(2)
    db.exec('CREATE TABLE late (id INTEGER PRIMARY KEY); INSERT INTO late VALUES (1), (2)')
    await running.until(4)
    db.exec('INSERT INTO late VALUES (3); DELETE FROM late WHERE id = 1; UPDATE t SET v = 0 WHERE id = 1')
    await running.until(7)
    expect(running.sink.changes.slice(2).map(({ op, key, source: { table } }) => [table, op, key[0]])).toEqual([
      ['late', 'r', 1],
      ['late', 'r', 2],
      ['late', 'c', 3],
      ['late', 'd', 1],
      ['t', 'u', 1],
    ])
    db.exec('DROP TABLE late; INSERT INTO t VALUES (9, 9)')
    await running.until(9)
    for (let n = 0; n < 300; n++) await running.simulation.step()
    const log = running.simulation.splits.find((split) => split.kind === 'log')
    expect(log?.kind === 'log' && log.tables.map(({ table }) => table)).toEqual(['t'])
    db.exec('CREATE TABLE late (id INTEGER PRIMARY KEY); INSERT INTO late VALUES (2)')
    await running.until(10)
    expect(running.sink.changes.slice(7).map(({ op, key, source: { table } }) => [table, op, key[0]])).toEqual([
      ['t', 'c', 9],
      ['late', 't', undefined],
      ['late', 'r', 2],
    ])
  })
})

describe('sqliteChanges: values', () => {
  const all = async (sql: string, options: Partial<SqliteChangesOptions> = {}) => {
    const { file } = makeDatabase(sql)
    const running = await run(source({ file, startup: 'snapshot', ...options }))
    await running.end()
    return running.sink.changes.map((change) => change.after ?? {})
  }

  it('refuses to round an integer, and names the column and the option', async () => {
    const sql = 'CREATE TABLE t (id INTEGER PRIMARY KEY, n); INSERT INTO t VALUES (1, 9007199254740993)'
    await expect(all(sql)).rejects.toThrow(/Table "t": column "n" holds 9007199254740993.*'t.n': 'bigint'/)
    expect(await all(sql, { integers: { 't.n': 'bigint' } })).toEqual([{ id: 1, n: 9007199254740993n }])
    expect(await all(sql, { integers: 'bigint' })).toEqual([{ id: 1n, n: 9007199254740993n }])
    expect(await all(sql, { integers: { '*': 'bigint', 't.id': 'number' } })).toEqual([{ id: 1, n: 9007199254740993n }])
  })

  it('gives text with NUL whole, and blobs as bytes', async () => {
    const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'a' || char(0) || 'b'), (2, x'00ff'), (3, '')`
    const [a, b, c] = await all(sql)
    expect(a).toEqual({ id: 1, v: 'a\0b' })
    expect(b?.v).toBeInstanceOf(Uint8Array)
    expect([...(b as { v: Uint8Array }).v]).toEqual([0, 255])
    expect(c).toEqual({ id: 3, v: '' })
  })

  it('does not die of text that is not UTF-8: fails by name, replaces, or keeps the bytes', async () => {
    const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, CAST(x'41ff' AS TEXT))`
    await expect(all(sql)).rejects.toThrow(/Table "t": column "v" holds text that is not valid UTF-8/)
    expect(await all(sql, { invalidText: 'replace' })).toEqual([{ id: 1, v: 'A�' }])
    const [kept] = await all(sql, { invalidText: 'keep' })
    expect([...(kept as { v: { invalidUtf8: Uint8Array } }).v.invalidUtf8]).toEqual([0x41, 0xff])
  })

  it('reads UTF-16 databases', async () => {
    expect(await all(`PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (v); INSERT INTO t VALUES ('é日😀')`)).toEqual([
      { v: 'é日😀' },
    ])
  })

  it('refuses a column that would be the prototype of a row, but not in arrays', async () => {
    const sql = `CREATE TABLE t (id INTEGER PRIMARY KEY, "__proto__"); INSERT INTO t VALUES (1, 2)`
    await expect(all(sql)).rejects.toThrow(/__proto__.*rows: 'array'/)
    expect(await all(sql, { rows: 'array' })).toEqual([[1, 2]])
    expect(({} as Fields).polluted).toBeUndefined()
  })

  it('reads rows that weigh megabytes, few at a time', async () => {
    const rows = await all(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, b); INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30) SELECT i, zeroblob(3000000) FROM n`,
    )
    expect(rows).toHaveLength(30)
    expect((rows[29] as { b: Uint8Array }).b.byteLength).toBe(3_000_000)
  })
})

describe('sqliteChanges: the log in the file', () => {
  it('works for writers of another make', async () => {
    const { file, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, v UNIQUE); INSERT INTO t VALUES (1, 1)')
    let python = true
    try {
      execFileSync('python3', ['-c', 'import sqlite3'])
    } catch {
      python = false
    }
    const running = await run(source({ file }))
    await running.until(1)
    const sql = 'INSERT OR REPLACE INTO t VALUES (2, 1)'
    if (python)
      execFileSync('python3', [
        '-c',
        `import sqlite3; c = sqlite3.connect(${JSON.stringify(file)}); c.execute("${sql}"); c.commit()`,
      ])
    else db.exec(sql)
    await running.until(3)
    expect(running.sink.brief.slice(1)).toEqual([
      ['d', { id: 1, v: 1 }],
      ['c', { id: 2, v: 1 }],
    ])
  })

  it('leaves the writer its last_insert_rowid and its count of changes', async () => {
    const { file, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, v UNIQUE); INSERT INTO t VALUES (7, 1)')
    const running = await run(source({ file }))
    await running.until(1)
    const { changes, lastInsertRowid } = db.prepare('INSERT OR REPLACE INTO t VALUES (40, 1)').run()
    expect({ changes, lastInsertRowid: Number(lastInsertRowid) }).toEqual({ changes: 1, lastInsertRowid: 40 })
  })

  it('is taken out whole', async () => {
    const { file, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE u (v)')
    const running = await run(source({ file, startup: 'snapshot' }))
    await running.end()
    await running.simulation.close()
    const own = () =>
      db.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name LIKE '\\_millrace\\_%' ESCAPE '\\'`).get() as {
        n: number
      }
    expect(own().n).toBeGreaterThan(10)
    removeSqliteChanges({ file })
    expect(own().n).toBe(0)
    db.exec('INSERT INTO t VALUES (1)')
  })

  it('is trimmed behind complete checkpoints, and refuses to go back behind that', async () => {
    const { file, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    const running = await run(source({ file, retainLogRows: 3 }))
    db.exec(
      'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO t SELECT i FROM n',
    )
    await running.until(50)
    db.exec('DELETE FROM t WHERE id > 10')
    await running.until(90)
    const rows = () => (db.prepare('SELECT count(*) AS n FROM _millrace_log').get() as { n: number }).n
    for (let n = 0; n < 2000 && rows() > 3; n++) await running.simulation.step()
    expect(rows()).toBe(3)
    const late = await run(source({ file, startup: { offset: '0' } }))
    await expect(late.until(1)).rejects.toThrow(/kept from entry \d+ on, and entry 1 is needed.*retainLogRows/)
  })

  it('names a virtual table that it skips, and refuses a table whose rows nothing tells apart', async () => {
    const { file, db } = makeDatabase(
      'CREATE VIRTUAL TABLE f USING fts5(x); CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)',
    )
    const running = await run(source({ file }))
    await running.until(1)
    db.exec('CREATE TABLE nokey (rowid, _rowid_, oid)')
    await expect(run(source({ file }))).rejects.toThrow(/Table "nokey".*nothing tells rows apart/)
  })

  it('follows an application trigger made after its own in the right order', async () => {
    const { file, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, n)')
    const running = await run(source({ file }))
    while (running.simulation.splits.every((split) => split.kind !== 'log')) await running.simulation.step()
    db.exec('CREATE TRIGGER later AFTER INSERT ON t BEGIN UPDATE t SET n = NEW.n + 1 WHERE id = NEW.id; END')
    for (let n = 0; n < 50; n++) await running.simulation.step()
    db.exec('INSERT INTO t VALUES (1, 1)')
    await running.until(2)
    expect(running.sink.brief).toEqual([
      ['c', { id: 1, n: 1 }],
      ['u', { id: 1, n: 1 }, { id: 1, n: 2 }],
    ])
  })

  it('tells every row of a column added with a default, for NULL is not what others would fill in', async () => {
    const { file, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2)')
    const running = await run(source({ file }))
    await running.until(2)
    db.exec(`BEGIN; ALTER TABLE t ADD COLUMN a DEFAULT 'd'; UPDATE t SET a = NULL WHERE id = 1; COMMIT`)
    await running.until(5)
    expect(running.sink.brief.slice(3)).toEqual([
      ['u', { id: 1, a: null }, { id: 1, a: null }],
      ['u', { id: 2, a: null }, { id: 2, a: 'd' }],
    ])
  })

  it('tells rows apart by a key that may be NULL, or by their row id, in jobs beside each other', async () => {
    const { file, db } = makeDatabase(`CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('a', 1), ('b', 2)`)
    const byKey = await run(source({ file, chunkSize: 1 }), { parallelism: 2 })
    const byRowid = await run(source({ file, chunkSize: 1, nullableKeys: 'rowid', schemaChanges: true }))
    const keys = (running: typeof byKey) => running.sink.changes.filter(({ op }) => op !== 's').map(({ key }) => key)
    await byKey.until(2)
    await byRowid.until(3)
    db.exec(`INSERT OR REPLACE INTO t VALUES ('a', 3)`)
    await byKey.until(4)
    expect(keys(byKey).sort()).toEqual([['a'], ['a'], ['a'], ['b']])
    db.exec('INSERT INTO t VALUES (NULL, 4), (NULL, 4); DELETE FROM t WHERE rowid = 4')
    await byRowid.until(8)
    expect(keys(byRowid)).toEqual([[1n], [2n], [1n], [3n], [4n], [5n], [4n]])
    expect(byRowid.sink.changes[0]?.schema?.key).toEqual([])
    await expect(byKey.until(5)).rejects.toThrow(
      /Table "t": a row has NULL in its primary key \(k\).*nullableKeys: 'rowid'/,
    )
  })

  it('lets a column be dropped once its triggers are gone, and starts the table over', async () => {
    const { file, db } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, 2, 3)')
    const running = await run(source({ file, schemaChanges: true }))
    await running.until(2)
    expect(() => db.exec('ALTER TABLE t DROP COLUMN a')).toThrow(/trigger/)
    const triggers = db.prepare(`SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 't'`).all() as {
      name: string
    }[]
    db.exec(
      `BEGIN; ${triggers.map(({ name }) => `DROP TRIGGER "${name}";`).join(' ')} ALTER TABLE t DROP COLUMN a; COMMIT`,
    )
    await running.until(5)
    expect(running.sink.brief.slice(2)).toEqual([
      ['s', null],
      ['t', null],
      ['c', { id: 1, b: 3 }],
    ])
  })

  it('does not make a database of a misspelt name', async () => {
    const { folder } = makeDatabase()
    await expect(run(source({ file: `${folder}/misspelt.db` }))).rejects.toThrow(/misspelt\.db: there is no such file/)
    expect(existsSync(`${folder}/misspelt.db`)).toBe(false)
  })

  it('refuses options by their path', () => {
    expect(() => sqliteChanges({ file: '' })).toThrow(/Option file of sqliteChanges/)
    expect(() => sqliteChanges({ file: 'x', chunkSize: 0 })).toThrow(/Option chunkSize/)
    expect(() => sqliteChanges({ file: 'x', integers: { a: 'float' } } as never)).toThrow(/Option integers/)
    expect(() => sqliteChanges({ file: 'x', tabels: [] } as never)).toThrow(/tabels/)
  })

  it('names tables and columns that are SQL', async () => {
    const table = `x"; DROP TABLE important; --`
    const { file, db } = makeDatabase(
      `CREATE TABLE important (a); CREATE TABLE "${table.replaceAll('"', '""')}" ("a'b""c" PRIMARY KEY NOT NULL, "sel""ect") WITHOUT ROWID`,
    )
    const running = await run(source({ file }))
    const insert = db.prepare(`INSERT INTO "${table.replaceAll('"', '""')}" VALUES ('k''"', 1)`)
    insert.run()
    await running.until(1)
    expect(running.sink.changes[0]).toMatchObject({
      after: { [`a'b"c`]: `k'"`, 'sel"ect': 1 },
      key: [`k'"`],
      source: { table },
    })
    expect(new Libsql(file).prepare('SELECT count(*) AS n FROM important').get()).toMatchObject({ n: 0 })
  })
})
