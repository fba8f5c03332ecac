import Libsql from 'libsql'
import { describe, expect, it } from 'vitest'
import { type SqliteTableOptions, sqliteTable, sqliteTableChanges } from '../../../../src/connectors/sqlite/index.ts'
import type { RuntimeContext } from '../../../../src/contract/runtime-context.ts'
import type { EpochSinkFunction, UpsertSinkFunction } from '../../../../src/contract/sink-function.ts'
import type { Change } from '../../../../src/record/change.ts'
import { Decimal } from '../../../../src/util/decimal.ts'
import { ForeignDecimal } from '../../../support/exact-values.ts'
import { makeDatabase } from './sqlite-fixture.ts'

type Fields = Record<string, unknown>
const context = { job: 'test', node: 'sink' } as unknown as RuntimeContext

async function upsertSink(
  options: SqliteTableOptions & { key: readonly string[] },
): Promise<UpsertSinkFunction<Fields>> {
  const sink = sqliteTable<Fields>(options) as UpsertSinkFunction<Fields>
  await sink.open(context)
  return sink
}

function rows(file: string, sql: string): unknown[] {
  const db = new Libsql(file)
  const found = db.prepare(sql).raw(true).safeIntegers(true).all()
  db.close()
  return found
}

async function* batches<T>(...list: readonly T[][]): AsyncIterable<readonly T[]> {
  for (const batch of list) {
    await new Promise((resolve) => setImmediate(resolve))
    yield batch
  }
}

describe('sqliteTable with a key', () => {
  it('makes the table from the first row, replaces by key, shows at once', async () => {
    const { folder } = makeDatabase()
    const file = `${folder}/new.db`
    const sink = await upsertSink({ file, table: 'odd "t"', key: ['a', 'b'], create: true })
    await sink.write([{ a: 1, b: 'x', n: 1.5, big: 2n ** 62n, bytes: new Uint8Array([1, 2]), yes: true, no: null }])
    await sink.write([{ a: 1, b: 'x', n: 2, big: 5n, bytes: new Uint8Array(0), yes: false, no: null }])
    const select = 'SELECT a, b, typeof(n), n, big, typeof(bytes), yes, no FROM "odd ""t"""'
    expect(rows(file, select)).toEqual([[1n, 'x', 'integer', 2n, 5n, 'blob', 0n, null]])
    await sink.flush()
    await sink.close()
  })

  it('keeps bigints of 64 bits and Decimals exactly', async () => {
    const { folder } = makeDatabase()
    const file = `${folder}/exact.db`
    const sink = await upsertSink({ file, table: 't', key: ['price'], create: true })
    const price = new Decimal('12345678901234567890.1234567890')
    await sink.write([{ price, id: 2n ** 63n - 1n }])
    await sink.write([{ price: new ForeignDecimal(price), id: -(2n ** 63n) }])
    await sink.write([{ price: new Decimal('0.10'), id: 2n ** 53n + 1n }])
    expect(rows(file, 'SELECT price, typeof(price), id FROM t')).toEqual([
      ['12345678901234567890.123456789', 'text', -(2n ** 63n)],
      ['0.1', 'text', 9_007_199_254_740_993n],
    ])
    await sink.close()
  })

  it.each([
    [
      'DECIMAL(10, 2)',
      new Decimal('0.10'),
      /column "v" \(DECIMAL\(10, 2\)\) is given a Decimal, .*declare the column TEXT/,
    ],
    ['INTEGER', new Decimal(1), /declare the column TEXT/],
    ['TEXT', new Decimal(Number.NaN), /a Decimal that is NaN/],
    ['INTEGER', 2n ** 63n, /a bigint beyond 64 bits: store its text/],
  ])('refuses to round into a column %s', async (type, v, message) => {
    const { file } = makeDatabase(`CREATE TABLE t (id INTEGER PRIMARY KEY, v ${type})`)
    const sink = await upsertSink({ file, table: 't', key: ['id'] })
    await expect((async () => sink.write([{ id: 1, v }]))()).rejects.toThrow(message)
    await sink.close()
  })

  it('writes the same again without a trace', async () => {
    const { file } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, v)')
    const sink = await upsertSink({ file, table: 't', key: ['id'] })
    for (let n = 0; n < 2; n++)
      await sink.write([
        { id: 1, v: 'a' },
        { id: 2, v: 'b' },
        { id: 1, v: 'c' },
      ])
    expect(rows(file, 'SELECT * FROM t')).toEqual([
      [1n, 'c'],
      [2n, 'b'],
    ])
    await sink.close()
  })

  it('takes a unique index for the key, in the collation of that index, and refuses a key without one', async () => {
    const { file } = makeDatabase(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, v); CREATE UNIQUE INDEX u ON t (name COLLATE NOCASE)',
    )
    const sink = await upsertSink({ file, table: 't', key: ['name'] })
    await sink.write([
      { name: 'Ann', v: 1 },
      { name: 'ANN', v: 2 },
    ])
    expect(rows(file, 'SELECT name, v FROM t')).toEqual([['ANN', 2n]])
    await sink.close()
    await expect(upsertSink({ file, table: 't', key: ['v'] })).rejects.toThrow(
      /Table "t": key \(v\) is neither.*CREATE UNIQUE INDEX/,
    )
  })

  it.each([
    [{ id: 1, name: 'a', other: 1 }, /no column "other".*Its columns: id, name, n, g/],
    [{ id: 'one', name: 'a' }, /column "id" \(INTEGER\) is given a text/],
    [{ id: 1.5, name: 'a' }, /column "id" \(INTEGER\) is given a number with a fraction/],
    [{ id: 1, name: 7 }, /column "name" \(TEXT\) is given a number/],
    [{ id: 1, name: new Date(0) }, /column "name" \(TEXT\) is given a Date/],
    [{ id: 1, n: Number.NaN }, /column "n" .*NaN/],
    [{ id: 1, n: 2n ** 64n }, /column "n" .*is given a bigint beyond 64 bits/],
    [{ id: 1, g: 1 }, /column "g" is computed/],
    [{ name: 'a' }, /rows have no field "id", which is its key/],
    ['text', /a row is a string/],
  ])('says what is wrong with a row (%#)', async (row, message) => {
    const { file } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, n, g AS (id + 1))')
    const sink = await upsertSink({ file, table: 't', key: ['id'] })
    expect(() => sink.write([row as Fields])).toThrow(message)
    expect(rows(file, 'SELECT * FROM t')).toEqual([])
    await sink.close()
  })

  it('says so if a later row has other fields', async () => {
    const { file } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)')
    const sink = await upsertSink({ file, table: 't', key: ['id'] })
    await sink.write([{ id: 1, a: 1 }])
    expect(() => sink.write([{ id: 2, a: 1, b: 2 }])).toThrow(/field "b", the first row had not/)
    await sink.close()
  })

  it('says that the table is not there, and what to do', async () => {
    const { file } = makeDatabase()
    await expect(upsertSink({ file, table: 't', key: ['id'] })).rejects.toThrow(
      /Table "t": it is not in the database.*create: true/,
    )
    expect(() => sqliteTable({ file, table: 't', key: [] })).toThrow(/Option key of sqliteTable/)
    expect(() => sqliteTable({ file, table: 't', columns: { a: 'INT); DROP TABLE x; --' } })).toThrow(
      /Option columns\.a/,
    )
  })

  it('whose folder is missing, or which is one, names the file and says what to do', async () => {
    const { folder } = makeDatabase()
    const opening = (file: string) => upsertSink({ file, table: 't', key: ['a'], create: true })
    const missing = `${folder}/gone/out.db`
    await expect(opening(missing)).rejects.toThrow(
      `open database ${missing}: folder ${folder}/gone is not there: make it, or correct the path`,
    )
    await expect(opening(folder)).rejects.toThrow(`open database ${folder}: it is a folder: name a file in it`)
  })

  it('makes the table with the columns given', async () => {
    const { file } = makeDatabase()
    const columns = { id: 'INTEGER', price: 'DECIMAL(10,2) NOT NULL' }
    const sink = await upsertSink({ file, table: 't', key: ['id'], create: true, columns })
    expect(rows(file, `SELECT sql FROM sqlite_schema WHERE name = 't'`)).toEqual([
      ['CREATE TABLE "t" ("id" INTEGER, "price" DECIMAL(10,2) NOT NULL, PRIMARY KEY ("id"))'],
    ])
    await sink.close()
  })

  it('keeps foreign keys out of the way', async () => {
    const { file } = makeDatabase(
      'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (id INTEGER PRIMARY KEY, p REFERENCES p (id))',
    )
    const sink = await upsertSink({ file, table: 't', key: ['id'] })
    await sink.write([{ id: 1, p: 99 }])
    await sink.flush()
    await sink.close()
  })
})

describe('sqliteTableChanges', () => {
  const source = { connector: 'x', database: 'd', table: 't', position: '1', timestampMs: 0, snapshot: false }
  const change = (op: Change['op'], before: Fields | null, after: Fields | null): Change<Fields> => ({
    op,
    before,
    after,
    key: [],
    source,
  })

  it('creates, updates, moves, deletes and truncates, idempotently', async () => {
    const { file } = makeDatabase('CREATE TABLE t (id INTEGER PRIMARY KEY, v)')
    const sink = sqliteTableChanges<Fields>({ file, table: 't', key: ['id'] }) as UpsertSinkFunction<Change<Fields>>
    await sink.open(context)
    const changes = [
      change('r', null, { id: 1, v: 1 }),
      change('c', null, { id: 2, v: 2 }),
      change('u', { id: 1, v: 1 }, { id: 1, v: 10 }),
      change('u', { id: 2, v: 2 }, { id: 3, v: 2 }),
      change('d', { id: 1, v: 10 }, null),
      change('s', null, null),
    ]
    for (let n = 0; n < 2; n++) await sink.write(changes)
    expect(rows(file, 'SELECT * FROM t')).toEqual([[3n, 2n]])
    await sink.write([change('t', null, null)])
    expect(rows(file, 'SELECT * FROM t')).toEqual([])
    await sink.close()
  })
})

describe('sqliteTable without a key', () => {
  const open = async (file: string): Promise<EpochSinkFunction<Fields>> => {
    const sink = sqliteTable<Fields>({ file, table: 't', create: true }) as EpochSinkFunction<Fields>
    await sink.open(context)
    return sink
  }

  it('applies an epoch and its number in one transaction, rows in order', async () => {
    const { file } = makeDatabase()
    const sink = await open(file)
    expect(await sink.lastEpoch('job/sink/0', false)).toBe(-1)
    await sink.apply('job/sink/0', 3, batches([{ a: 1 }, { a: 1 }], [{ a: 2 }]))
    expect(rows(file, 'SELECT a FROM t')).toEqual([[1n], [1n], [2n]])
    expect(await sink.lastEpoch('job/sink/0', false)).toBe(3)
    expect(await sink.lastEpoch('job/sink/1', false)).toBe(-1)
    await sink.close()
    const again = await open(file)
    expect(await again.lastEpoch('job/sink/0', false)).toBe(3)
    await again.close()
  })

  it('writes nothing of an epoch that fails half-way, and then can apply it', async () => {
    const { file } = makeDatabase()
    const sink = await open(file)
    await expect(sink.apply('w', 1, batches([{ a: 1 }], [{ b: 1 }]))).rejects.toThrow(/no column "b"/)
    expect(rows(file, 'SELECT a FROM t')).toEqual([])
    expect(await sink.lastEpoch('w', false)).toBe(-1)
    await sink.apply('w', 1, batches([{ a: 1 }]))
    expect(rows(file, 'SELECT a FROM t')).toEqual([[1n]])
    await sink.close()
  })

  it('holds no lock while it waits for batches: two writers of one file in one thread', async () => {
    const { file } = makeDatabase()
    const sinks = [await open(file), await open(file)]
    await Promise.all(sinks.map((sink, n) => sink.apply(`w${n}`, 1, batches([{ a: n }], [{ a: n }], [{ a: n }]))))
    expect(rows(file, 'SELECT count(*) FROM t')).toEqual([[6n]])
    for (const sink of sinks) await sink.close()
  })
})
