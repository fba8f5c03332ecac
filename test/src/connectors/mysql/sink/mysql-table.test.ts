// Objects as rows of one table, and what is said of values that do not fit.

import { expect, it } from 'vitest'
import { mysqlTable, mysqlTableChanges } from '../../../../../src/connectors/mysql/index.ts'
import { Decimal } from '../../../../../src/index.ts'
import type { Change } from '../../../../../src/record/change.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'
import { SinkDriver, sourceOf, writeOnce } from './sink-driver.ts'

type Fields = Readonly<Record<string, unknown>>

describeServers('mysqlTable', ['mysql', 'mariadb'], (server) => {
  const setUp = async () => {
    const database = await server.database()
    const session = await server.connection(database)
    return { url: server.url(database), session, rows: () => session.query('SELECT * FROM t ORDER BY 1') }
  }

  it('makes the table from the first row, and replaces by key', async () => {
    const { url, session, rows } = await setUp()
    const row = {
      id: 1,
      text: `it's "é😀" \\n`,
      at: new Date(1_700_000_000_123),
      big: 9007199254740993n,
      price: new Decimal('-1.50'),
      ok: true,
      bytes: new Uint8Array([0, 255, 39]),
      doc: { list: [1, 2n, null], name: "o'x" },
    }
    const options = { url, table: 't', key: ['id'], create: true }
    await writeOnce(mysqlTable<Fields>(options), [row, { ...row, ok: false }, { ...row, id: 2, doc: [] }])
    await writeOnce(mysqlTable<Fields>(options), [{ ...row, id: 1, text: 'again' }])
    const price = '-1.500000000000000000000000000000'
    const bytes = Buffer.from([0, 255, 39])
    const common = ['2023-11-14 22:13:20.123', '9007199254740993', price]
    const found = await session.query('SELECT id, text, at, big, price, ok, bytes FROM t ORDER BY id')
    expect(found).toEqual([
      ['1', 'again', ...common, 1, bytes],
      ['2', row.text, ...common, 1, bytes],
    ])
    expect((await rows()).length).toBe(2)
    const doc = await session.first('SELECT JSON_EXTRACT(doc, "$.list[1]"), JSON_EXTRACT(doc, "$.name") FROM t')
    expect(doc?.map((value) => (typeof value === 'string' ? JSON.parse(value) : value))).toEqual([2, "o'x"])
  })

  it('adds rows exactly once where there is no key, in their order', async () => {
    const { url, session } = await setUp()
    await session.run('CREATE TABLE t (n BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)')
    const driver = await SinkDriver.open(mysqlTable<Fields>({ url, table: 't' }))
    await driver.writeEpoch(0, [{ v: 5 }, { v: 3 }, { v: 5 }])
    await driver.writeEpoch(0, [{ v: 5 }, { v: 3 }, { v: 5 }])
    await driver.writeEpoch(4, [{ v: 1 }])
    await driver.close()
    expect((await session.query('SELECT v FROM t ORDER BY n')).flat()).toEqual([5, 3, 5, 1])
  })

  it('makes a table equal to where its changes come from', async () => {
    const { url, rows } = await setUp()
    const change = (op: 'c' | 'u' | 'd' | 't', before: Fields | null, after: Fields | null): Change<Fields> => ({
      op,
      before,
      after,
      key: [],
      source: sourceOf('any'),
    })
    const columns = { id: 'BIGINT', at: 'DATETIME(3) NOT NULL', v: 'VARCHAR(20)' }
    const at = new Date(1000)
    const sink = () => mysqlTableChanges<Fields>({ url, table: 't', key: ['id', 'at'], create: true, columns })
    await writeOnce(sink(), [
      change('c', null, { id: 1, at, v: 'a' }),
      change('c', null, { id: 2n, at: '1970-01-01 00:00:01', v: 'b' }),
      change('u', { id: 1n, at: '1970-01-01 00:00:01.000', v: 'a' }, { id: 3, at, v: 'moved' }),
      change('d', { id: 2, at }, null),
    ])
    expect(await rows()).toEqual([['3', '1970-01-01 00:00:01.000', 'moved']])
    await writeOnce(sink(), [change('t', null, null), change('c', null, { id: 7, at, v: null })])
    expect(await rows()).toEqual([['7', '1970-01-01 00:00:01.000', null]])
  })

  const COLUMNS = {
    id: 'INT',
    i: 'INT',
    d: 'DECIMAL(10,2)',
    t: 'VARCHAR(4)',
    b: 'VARBINARY(4)',
    dt: 'DATETIME',
    day: 'DATE',
    j: 'JSON',
  }
  const GOOD = { id: 1, i: 1, d: 1, t: 'a', b: null, dt: null, day: null, j: null }

  it.each<[field: string, value: unknown, said: string]>([
    ['i', 1.5, 'column "i" (int) is given a number with a fraction'],
    ['i', 'seven', 'column "i" (int) is given "seven"'],
    ['i', Number.NaN, 'column "i" (int) is given NaN'],
    ['d', new Decimal('1.005'), 'column "d" (decimal(10,2)) is given 1.005, which would be rounded'],
    ['d', 1e25, 'a number too large or too small for a decimal'],
    ['t', new Uint8Array(1), 'column "t" (varchar(4)) is given bytes'],
    ['t', { a: 1 }, 'column "t" (varchar(4)) is given an object'],
    ['t', '\ud800', 'half a surrogate pair'],
    ['b', 'text', 'column "b" (varbinary(4)) is given text'],
    ['dt', new Date(1), 'column "dt" (datetime) is given 1970-01-01T00:00:00.001, which would be rounded'],
    ['day', new Date(1), 'column "day" (date) is given a Date with a time'],
    ['t', 'abcde', `it does not take the row with id = 1: Data too long for column 't'`],
    ['t', 'abc  ', `Data truncated for column 't'`],
    ['i', 3_000_000_000, `Out of range value for column 'i'`],
    ['j', '{"half":', 'it does not take the row with id = 1'],
    ['i', undefined, 'a row has no field "i"'],
    ['more', 1, 'more'],
  ])('names the column of what does not fit: %s %s', async (field, value, said) => {
    const { url } = await setUp()
    const driver = await SinkDriver.open(
      mysqlTable<Fields>({ url, table: 't', key: ['id'], create: true, columns: COLUMNS }),
    )
    await driver.write({ ...GOOD, id: 0 })
    const written = driver.write({ ...GOOD, [field]: value })
    await expect(written).rejects.toThrow(/^Table "test_\w+\.t": /)
    await expect(written).rejects.toThrow(said.replace('(int)', server.flavour === 'mysql' ? '(int)' : '(int(11))'))
    await driver.close()
  })

  it('keeps what does not fit, if told so', async () => {
    const { url, session, rows } = await setUp()
    const options = { url, table: 't', key: ['id'], create: true, columns: { id: 'INT', i: 'INT' } }
    const sink = () => mysqlTable<Fields>({ ...options, onRowError: 'dead-letter' })
    await writeOnce(sink(), [
      { id: 1, i: 1 },
      { id: 2, i: 'seven' },
      { id: 3, i: 3_000_000_000 },
    ])
    await writeOnce(sink(), [{ id: 2, i: 'seven' }])
    expect(await rows()).toEqual([[1, 1]])
    const letters = await session.query('SELECT row_json FROM millrace_dead_letters ORDER BY row_json')
    expect(letters.flat()).toEqual(['[2,"seven"]', '[3,3000000000]'])
  })

  it('says what is wrong with the target, and how it is mended', async () => {
    const { url, session } = await setUp()
    const open = (more: object) =>
      SinkDriver.open(mysqlTable<Fields>({ url, table: 't', key: ['id'], retryMs: 100, ...more }))
    await expect(open({})).rejects.toThrow('it is not in the database: make it, or set create: true')
    await session.run('CREATE TABLE t (id INT, v INT)')
    await expect(open({})).rejects.toThrow('key (id) is neither its primary key nor a unique index')
    const parts = new URL(url)
    parts.password = 'wrong'
    await expect(open({ url: parts.href })).rejects.toThrow('check user and password')
    await expect(open({ url: new URL('/not_there', url).href })).rejects.toThrow('CREATE DATABASE, or give another one')
    parts.port = '1'
    await expect(open({ url: parts.href })).rejects.toThrow('ECONNREFUSED')
    expect(() => mysqlTable({ url, table: 't', columns: { a: 'INT); DROP TABLE t; --' } })).toThrow(
      'expected a declared type',
    )
    expect(() => mysqlTable({ url, table: 't', batchRows: 0 })).toThrow('Option batchRows of mysqlTable')
    expect(() => mysqlTable({ url: server.url(), table: 't' })).not.toThrow()
    await expect(SinkDriver.open(mysqlTable({ url: server.url(), table: 't' }))).rejects.toThrow(
      'expected database.table',
    )
  })
})
