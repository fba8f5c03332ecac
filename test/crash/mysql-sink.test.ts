// A MySQL sink that fails at any step, any number of times over, leaves what a calm one leaves.

import { afterEach, expect, it } from 'vitest'
import { mysqlTables } from '../../src/connectors/mysql/index.ts'
import type { TableSchema } from '../../src/record/change.ts'
import { armFailpoints, type Failpoint } from '../../src/util/failpoint.ts'
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
} from '../src/connectors/mysql/sink/sink-driver.ts'
import { canonicalRows } from '../support/mysql-digest.ts'
import { describeServers } from '../support/mysql-servers.ts'

const STEPS: readonly Failpoint[] = [
  'sql.write.after',
  'sql.commit.before',
  'sql.commit.after',
  'sql.schema.before',
  'sql.schema.middle',
  'sql.schema.after',
  'sql.part.after',
]

const NARROW: TableSchema = { columns: [column('id', 'int'), column('a', 'varchar(20)')], key: ['id'] }
const WIDE: TableSchema = {
  columns: [
    column('id', 'bigint'),
    column('b', 'varchar(40)', { renamedFrom: 'a', formerNames: ['a'] }),
    column('c', 'int', { nullable: true }),
  ],
  key: ['id'],
}
const KEYLESS: TableSchema = { columns: [column('v', 'varchar(20)')], key: [] }

/** What a job would give, checkpoint by checkpoint. */
function epochsOf(keyless: boolean): RowChange[][] {
  const at = (place: number) => sourceOf('t', place)
  const log = (place: number) => sourceOf('log', place)
  const rows = (from: number, to: number, place: number): RowChange[] =>
    Array.from({ length: to - from }, (_, i) => created(at(place), [from + i, `row ${from + i}`]))
  const lines = (place: number): RowChange[] =>
    keyless ? ['x', 'y', 'x'].map((text) => created(log(place), [`${text} ${place % 2}`])) : []
  return [
    [schemaRecord(at(1), NARROW), ...(keyless ? [schemaRecord(log(1), KEYLESS)] : []), ...rows(0, 10, 2), ...lines(2)],
    [...rows(10, 20, 3), updated(at(3), [3, 'row 3'], [103, 'moved'], true), deleted(at(3), [4, 'row 4']), ...lines(3)],
    [
      ...rows(20, 25, 4),
      truncated(at(5)),
      ...rows(30, 35, 6),
      schemaRecord(at(7), WIDE),
      created(at(8), [40n, 'wide', 7]),
      updated(at(8), [30n, 'row 30', null], [30n, 'rewritten', 8]),
      ...lines(8),
    ],
    [deleted(at(9), [31n, 'row 31', null]), created(at(9), [31n, 'again', 1]), ...lines(9)],
    keyless
      ? [deleted(log(10), ['x 1']), created(log(10), ['last']), ...rows(0, 0, 0)]
      : [created(at(10), [50n, 'last', null])],
  ]
}

afterEach(() => armFailpoints(undefined))

describeServers('a sink that fails at any step', ['mysql', 'mariadb'], (server) => {
  /** Goes on behind the last complete checkpoint with a new sink, as the machine does. Gives how often it failed. */
  const drive = async (database: string, delivery: 'upsert' | 'exactly-once'): Promise<number> => {
    const epochs = epochsOf(delivery === 'exactly-once')
    let failures = 0
    for (let next = 0; next < epochs.length; ) {
      const sink = () => mysqlTables({ url: server.url(database), delivery, schemaChange: 'evolve' })
      let driver: SinkDriver<RowChange> | undefined
      try {
        driver = await SinkDriver.open(sink())
        // The columns are told anew after a restore.
        if (delivery === 'upsert' && next > 0) await driver.write(...schemasBefore(epochs, next))
        for (; next < epochs.length; next++) await driver.writeEpoch(next, epochs[next] as RowChange[])
      } catch (error) {
        if (!String(error).includes('failpoint')) throw error
        failures += 1
      } finally {
        await driver?.close()
      }
    }
    return failures
  }

  it.each(['upsert', 'exactly-once'] as const)(
    'leaves what a calm one leaves: %s',
    { timeout: 600_000 },
    async (delivery) => {
      const session = await server.connection()
      const resultOf = async (database: string): Promise<string[]> => [
        ...(await canonicalRows(session, database, 't')),
        ...(delivery === 'upsert' ? [] : await canonicalRows(session, database, 'log')),
      ]
      const calm = await server.database()
      expect(await drive(calm, delivery)).toBe(0)
      const expected = await resultOf(calm)
      for (const step of STEPS) {
        for (let nth = 1; ; nth++) {
          const database = await server.database()
          armFailpoints(`${step}:throw@${nth}`)
          const failures = await drive(database, delivery)
          armFailpoints(undefined)
          expect(await resultOf(database), `${step}@${nth}`).toEqual(expected)
          if (failures === 0) {
            if (step !== 'sql.part.after' || delivery === 'exactly-once') expect(nth, step).toBeGreaterThan(1)
            break
          }
        }
      }
    },
  )
})

/** What a restored source tells first: the columns of each table as they are by then. */
function schemasBefore(epochs: readonly (readonly RowChange[])[], next: number): RowChange[] {
  const schemas = epochs
    .slice(0, next)
    .flat()
    .filter(({ op }) => op === 's')
  const last = new Map(schemas.map((change) => [change.source.table, change]))
  return [...last.values()]
}
