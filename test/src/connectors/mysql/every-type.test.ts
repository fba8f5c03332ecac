// One value, whichever way it comes: what a snapshot reads of a row is what the log holds of it, to the class of its bytes.

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MysqlTable, MysqlValue } from '../../../../src/connectors/mysql/column.ts'
import { quoteName } from '../../../../src/connectors/mysql/connection.ts'
import { makeRowShape } from '../../../../src/connectors/mysql/row-shape.ts'
import { selectList } from '../../../../src/connectors/mysql/select-list.ts'
import { DEFAULT_SHAPE } from '../../../../src/connectors/mysql/shape-options.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { createTypesTable, insertTypes, type TypeCase, typeCases } from '../../../support/mysql-types.ts'
import { RowLog } from './log/row-log.ts'

describeServers('snapshot and log', ['mysql', 'mariadb'], (server) => {
  let log: RowLog
  let database: string

  beforeAll(async () => {
    database = await server.database('both')
    log = await RowLog.open(server.url(database))
  })
  afterAll(() => log.sql.close())

  const tableOf = async (name: string): Promise<MysqlTable> => (await log.catalogue.table(database, name)) as MysqlTable

  async function snapshot(name: string): Promise<unknown[][]> {
    const { sql, values } = selectList(await tableOf(name))
    const rows = await log.sql.query(`SELECT ${sql.join(', ')} FROM ${quoteName(name)} ORDER BY n`)
    return rows.map((row) => told(values(row)))
  }

  /** Inserts, an update that changes no value of the cases, and deletes: each image is what was read. */
  async function check(name: string, cases: readonly TypeCase[]): Promise<void> {
    await log.sql.run(createTypesTable(quoteName(name), cases))
    const inserts = await log.rows(async () => {
      for (const insert of insertTypes(quoteName(name), cases)) await log.sql.run(insert)
    })
    const read = await snapshot(name)
    for (const [at, { type }] of [{ type: 'int' }, ...cases].entries())
      expect([type, inserts.map(({ after }) => told(after)[at])]).toEqual([type, read.map((row) => row[at])])
    const updates = await log.rows(() => log.sql.run(`UPDATE ${quoteName(name)} SET n = n + 1000 ORDER BY n`))
    expect(updates.map(({ before }) => told(before))).toEqual(read)
    expect(updates.map(({ after }) => told(after))).toEqual(await snapshot(name))
    const deletes = await log.rows(() => log.sql.run(`DELETE FROM ${quoteName(name)} ORDER BY n`))
    expect(deletes.map(({ before }) => told(before))).toEqual(updates.map(({ after }) => told(after)))
  }

  test('every type at its edges', async () => {
    await check('every type', typeCases(server.flavour))
  })

  test('generated and invisible columns', async () => {
    await log.sql.run(`CREATE TABLE made (n int PRIMARY KEY, h int INVISIBLE DEFAULT 7, v int AS (n * 2) VIRTUAL,
      s varchar(9) AS (CONCAT('n', n)) STORED, d double AS (n / 3) STORED)`)
    const rows = await log.rows(() => log.sql.run('INSERT INTO made (n) VALUES (1), (2)'))
    const read = await snapshot('made')
    expect(rows.map(({ after }) => told(after))).toEqual(read)
    expect(read[0]?.slice(0, 4)).toEqual([1, 7, 2, 'n1'])
  })

  test('a UNIQUE of long texts, for which MariaDB logs a column of its own', async () => {
    await log.sql.run('CREATE TABLE long_keys (n int PRIMARY KEY, b text, c int, KEY (c))')
    if (server.flavour === 'mariadb') await log.sql.run('ALTER TABLE long_keys ADD UNIQUE (b), ADD UNIQUE (b, c)')
    const rows = await log.rows(() => log.sql.run("INSERT INTO long_keys VALUES (1, 'x', NULL)"))
    const read = makeRowShape(await tableOf('long_keys'), DEFAULT_SHAPE)
    const logged = rows.map(({ table, after }) => {
      const shape = makeRowShape(table, DEFAULT_SHAPE)
      expect(shape.schema).toEqual(read.schema)
      return shape.row(after ?? [])
    })
    expect(logged).toEqual([{ n: 1, b: 'x', c: null }])
  })

  test('random tables', async () => {
    const cases = typeCases(server.flavour)
    const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value + 0).toExponential())
    const decimals = fc.tuple(fc.bigInt({ min: -(10n ** 35n), max: 10n ** 35n }), fc.integer({ min: 0, max: 30 }))
    const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => `x'${Buffer.from(value).toString('hex')}'`)
    const texts = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .map((value) => `CONVERT(x'${Buffer.from(value).toString('hex')}' USING utf8mb4)`)
    const micros = fc.integer({ min: 0, max: 999_999 }).map((value) => String(value).padStart(6, '0'))
    const column = fc.oneof(
      fc.constantFrom(...cases).chain(({ type, values }) => of(type, fc.constantFrom(...values))),
      of('double', doubles),
      of(
        'float',
        fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => (value + 0).toExponential()),
      ),
      of(
        'decimal(65,30)',
        decimals.map(([digits, exponent]) => `${digits}e-${exponent}`),
      ),
      of('bigint', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String)),
      of('bigint unsigned', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)),
      of('bit(40)', fc.bigInt({ min: 0n, max: 2n ** 40n - 1n }).map(String)),
      of('varbinary(40)', bytes),
      of('binary(40)', bytes),
      of('text', texts),
      of('varchar(200) character set utf16', texts),
      of(
        'json',
        fc.json({ maxDepth: 4 }).map((value) => `CONVERT(x'${Buffer.from(value).toString('hex')}' USING utf8mb4)`),
      ),
      of(
        'time(6)',
        fc
          .tuple(fc.integer({ min: -3_020_398, max: 3_020_398 }), micros)
          .map(([seconds, fraction]) => `ADDTIME(SEC_TO_TIME(${seconds}), '00:00:00.${fraction}')`),
      ),
      of(
        'datetime(6)',
        fc
          .tuple(fc.date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }), micros)
          .map(([date, fraction]) => `'${date.toISOString().slice(0, 19).replace('T', ' ')}.${fraction}'`),
      ),
      of(
        'timestamp(6) null',
        fc
          .tuple(fc.integer({ min: 1, max: 2 ** 31 - 1 }), micros)
          .map(([seconds, fraction]) => `FROM_UNIXTIME(${seconds}.${fraction})`),
      ),
    )
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.array(column, { minLength: 1, maxLength: 10 }), async (columns) => {
        const name = `random ${count++}`
        await check(name, columns)
        await log.sql.run(`DROP TABLE ${quoteName(name)}`)
      }),
      { numRuns: 25 },
    )
  })
})

/** Bytes as their class and digits: quick to compare, and a Buffer is no Uint8Array to its user. */
function told(values: readonly MysqlValue[] | null): unknown[] {
  return (values ?? []).map((value) =>
    value instanceof Uint8Array ? `${value.constructor.name} ${Buffer.from(value).toString('hex')}` : value,
  )
}

/** A column of this type with a few of these values. */
function of(type: string, value: fc.Arbitrary<string>): fc.Arbitrary<TypeCase> {
  return fc.array(value, { minLength: 1, maxLength: 4 }).map((values) => ({ type, values }))
}
