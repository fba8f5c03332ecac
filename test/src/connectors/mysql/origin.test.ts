// Origins: what a sink marks in the log, and what a source then leaves out.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import { collect } from '../../../../src/connectors/collect/index.ts'
import { mysqlChanges, mysqlTable, mysqlTableChanges, mysqlTables } from '../../../../src/connectors/mysql/index.ts'
import { parseChangesOptions, tableTest } from '../../../../src/connectors/mysql/options.ts'
import { parseTablesOptions } from '../../../../src/connectors/mysql/sink/options.ts'
import type { RichSinkFunction } from '../../../../src/contract/sink-function.ts'
import { type Change, job } from '../../../../src/index.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { LogDriver, type LogRead, texts } from './log-driver.ts'
import { column, created, deleted, SinkDriver, schemaRecord, sourceOf, truncated, updated } from './sink/sink-driver.ts'

const KEYED = { columns: [column('id', 'int'), column('a', 'int')], key: ['id'] }
const KEYLESS = { ...KEYED, key: [] }
const t = sourceOf('t', 1)
const own = (name: string): boolean => name === 't'
const skipping =
  (...origins: string[]) =>
  (origin: string): boolean =>
    origins.includes(origin)

/** Changes of rows: what came of statements that make and alter tables is not of interest here. */
const rowsOf = (read: LogRead): string[] => texts(read).filter((text) => !text.startsWith('s '))

describeServers('a sink with an origin', ['mysql', 'mariadb'], (server) => {
  const setUp = async (key = 'PRIMARY KEY (id)') => {
    const log = await LogDriver.open(server)
    await log.run(`CREATE TABLE t (id INT NOT NULL, a INT, ${key})`)
    const options = { url: server.url(log.database), origin: 'site-a', retryMs: 20_000 }
    return { log, options, from: await log.place() }
  }

  const SINKS: readonly (readonly [
    string,
    key: string,
    (options: { url: string; origin: string }) => RichSinkFunction<never>,
  ])[] = [
    ['mysqlTables', 'PRIMARY KEY (id)', (options) => mysqlTables(options)],
    [
      'mysqlTables, exactly once',
      'PRIMARY KEY (id)',
      (options) => mysqlTables({ ...options, delivery: 'exactly-once' }),
    ],
    ['mysqlTables, without a key', 'KEY (id)', (options) => mysqlTables({ ...options, delivery: 'exactly-once' })],
    [
      'mysqlTables, whole transactions',
      'PRIMARY KEY (id)',
      (options) => mysqlTables({ ...options, transaction: 'source' }),
    ],
  ]

  it.each(SINKS)('%s: every transaction is marked, and left out whole', async (_name, key, make) => {
    const { log, options, from } = await setUp(key)
    const schema = key.startsWith('PRIMARY') ? KEYED : KEYLESS
    const driver = await SinkDriver.open(make(options) as RichSinkFunction<unknown>)
    await driver.write(schemaRecord(t, schema), ...Array.from({ length: 40 }, (_, id) => created(t, [id, 0])))
    await log.run('INSERT INTO t VALUES (100, 1)')
    await driver.write(updated(t, [1, 0], [1, 5]), deleted(t, [2, 0]))
    await log.run('UPDATE t SET a = 2 WHERE id = 100')
    await driver.close()
    const ours = ['c t 100,1', 'u t 100,1 > 100,2']
    for (const heldBytesMax of [0, 1 << 20])
      for (const records of [1, 1000]) {
        const read = { wanted: own, heldBytesMax, records }
        expect(rowsOf(await log.read(from, { ...read, skips: skipping('site-a') }))).toEqual(ours)
        const all = rowsOf(await log.read(from, { ...read, skips: skipping('site-b') }))
        // Without a key an update is a delete and a create.
        expect(all).toHaveLength(schema === KEYED ? 44 : 45)
        expect(all).toEqual(expect.arrayContaining(ours))
      }
  })

  it('mysqlTable and mysqlTableChanges mark theirs, too', async () => {
    const { log, options, from } = await setUp()
    const target = { ...options, table: 't' }
    const row = { id: 1, a: 1 }
    for (const sink of [mysqlTable({ ...target, key: ['id'] }), mysqlTable(target)]) {
      const driver = await SinkDriver.open(sink as RichSinkFunction<unknown>)
      await driver.write(row)
      await driver.close()
      row.id += 1
    }
    const changes = await SinkDriver.open(mysqlTableChanges<object>({ ...target, key: ['id'] }))
    await changes.write({ op: 'c', before: null, after: { id: 7, a: 7 }, key: [7], source: t })
    await changes.write({ op: 't', before: null, after: null, key: [], source: t })
    await changes.close()
    expect(rowsOf(await log.read(from, { wanted: own, skips: skipping('site-a') }))).toEqual([])
    expect(rowsOf(await log.read(from, { wanted: own }))).toEqual(['c t 1,1', 'c t 2,1', 'c t 7,7', 't t'])
  })

  it('a table that it empties is not told to be empty, one that others empty is', async () => {
    const { log, options, from } = await setUp()
    const driver = await SinkDriver.open(mysqlTables({ ...options, schemaChange: 'evolve' }))
    await driver.write(schemaRecord(t, KEYED), created(t, [1, 0]), truncated(t), created(t, [2, 0]))
    await driver.close()
    await log.run('TRUNCATE TABLE t /* of ours */')
    expect(rowsOf(await log.read(from, { wanted: own, skips: skipping('site-a') }))).toEqual(['t t'])
    expect(rowsOf(await log.read(from, { wanted: own }))).toEqual(['c t 1,0', 't t', 'c t 2,0', 't t'])
  })

  it('a snapshot tells all rows, wherever they came from; what follows is told without the marked', async () => {
    const { log, options } = await setUp()
    const driver = await SinkDriver.open(mysqlTables(options))
    await driver.write(schemaRecord(t, KEYED), created(t, [1, 0]))
    await log.run('INSERT INTO t VALUES (2, 0)')
    const out: Change<{ id: number }>[] = []
    const following = job('following', (flow) => {
      const from = mysqlChanges<{ id: number }>({ url: options.url, tables: ['*'], skipOrigins: true })
      flow.from('from', from).to('out', collect(out))
    })
    const dataDir = await mkdtemp(join(tmpdir(), 'origin-'))
    onTestFinished(() => rm(dataDir, { recursive: true }))
    const told = async (): Promise<string[]> => {
      const { failure } = await runJobHere(following, { dataDir, mode: 'batch', parallelism: 1 })
      expect(failure).toBeUndefined()
      return out.splice(0).map(({ op, source: { table }, after }) => `${op} ${table} ${after?.id}`)
    }
    expect((await told()).sort()).toEqual(['r t 1', 'r t 2'])
    await driver.write(updated(t, [1, 0], [1, 1]), created(t, [3, 0]))
    await driver.close()
    await log.run('INSERT INTO t VALUES (4, 0)')
    expect(await told()).toEqual(['c t 4'])
  })

  it('anyone may mark a transaction; resuming inside of one that is not marked goes on there', async () => {
    const { log, options, from } = await setUp()
    const driver = await SinkDriver.open(mysqlTables({ ...options, origin: 'x' }))
    await driver.close()
    const mark = 'INSERT INTO millrace_origin_x VALUES (9999, 1) ON DUPLICATE KEY UPDATE marks = marks + 1'
    await log.run('BEGIN', 'INSERT INTO t VALUES (1, 1)', mark, 'INSERT INTO t VALUES (2, 1)', 'COMMIT')
    await log.run('BEGIN', 'INSERT INTO t VALUES (3, 1)', 'INSERT INTO t VALUES (4, 1)', 'COMMIT')
    await log.run('BEGIN', mark, 'INSERT INTO t VALUES (5, 1)', 'ROLLBACK', 'INSERT INTO t VALUES (6, 1)')
    await log.run("XA START 'x'", mark, 'INSERT INTO t VALUES (7, 1)', "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'")
    for (const heldBytesMax of [0, 1 << 20]) {
      const options = { wanted: own, heldBytesMax, skips: skipping('x') }
      const first = await log.read(from, { ...options, records: 1, pagesMax: 1 })
      expect(rowsOf(first)).toEqual(['c t 3,1'])
      expect(rowsOf(await log.read(first.next, options))).toEqual(['c t 4,1', 'c t 6,1'])
    }
  })
})

describe('origins in options', () => {
  const url = 'mysql://app@db/shop'

  it('are names that may stand in the name of a table', () => {
    for (const origin of ['A', '', '-a', 'a b', 'a`', 'a*/', 'x'.repeat(49)]) {
      expect(() => parseTablesOptions({ url, origin }, 'mysqlTables')).toThrow(
        'Option origin of mysqlTables: expected at most 48',
      )
      expect(() => parseChangesOptions({ url, skipOrigins: [origin] })).toThrow(
        'Option skipOrigins.0 of mysqlChanges: expected at most 48',
      )
    }
    expect(parseTablesOptions({ url, origin: 'eu-1.a_b' }, 'mysqlTables').origin).toBe('eu-1.a_b')
    expect(parseChangesOptions({ url, skipOrigins: true }).skipOrigins).toBe(true)
    expect(() => parseChangesOptions({ url, skipOrigins: 'a' as never })).toThrow('expected true or a list of names')
  })

  it("sinks' own tables are not among those that a pattern means", () => {
    const isMeant = tableTest(['shop.*', 'shop.millrace_schemas'], false)
    expect(['shop.orders', 'shop.millrace_schemas', 'shop.millrace_orders'].every(isMeant)).toBe(true)
    expect(
      ['millrace_epochs', 'millrace_renames', 'millrace_dead_letters', 'millrace_probe'].some((name) =>
        isMeant(`shop.${name}`),
      ),
    ).toBe(false)
    expect(isMeant('shop.`millrace_origin_eu-1.a`')).toBe(false)
  })
})
