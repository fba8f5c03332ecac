import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareOffsets } from '../../../../src/connectors/mysql/place.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { LogDriver, texts } from './log-driver.ts'

const TABLES = ['p', 'q', 'unwanted'] as const

type Step =
  | { readonly kind: 'put'; readonly table: number; readonly id: number; readonly value: number }
  | { readonly kind: 'delete'; readonly table: number; readonly id: number }
  | { readonly kind: 'savepoint' }
  | { readonly kind: 'rollBack' }

interface Work {
  readonly steps: readonly Step[]
  readonly commits: boolean
  /** As an XA transaction, where it has no savepoint. */
  readonly xa: boolean
}

const table = fc.integer({ min: 0, max: 2 })
const id = fc.integer({ min: 1, max: 5 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('put' as const), table, id, value: fc.integer({ min: 0, max: 9 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), table, id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('savepoint' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rollBack' as const) }) },
)
const work: fc.Arbitrary<Work> = fc.record({
  steps: fc.array(step, { maxLength: 12 }),
  commits: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
  xa: fc.boolean(),
})

/** The tables, and the changes that the log must give: plain, and obviously right. */
class Model {
  #rows = TABLES.map(() => new Map<number, number>())
  readonly changes: string[] = []

  /** The statements of one transaction. */
  run({ steps, commits }: Work): string[] {
    const before = this.#rows.map((rows) => new Map(rows))
    let saved: { rows: Map<number, number>[]; changes: number } | undefined
    const changes: string[] = []
    const statements: string[] = []
    for (const one of steps) {
      if (one.kind === 'savepoint') {
        saved = { rows: this.#rows.map((rows) => new Map(rows)), changes: changes.length }
        statements.push('SAVEPOINT s')
      } else if (one.kind === 'rollBack') {
        if (saved === undefined) continue
        this.#rows = saved.rows.map((rows) => new Map(rows))
        changes.length = saved.changes
        statements.push('ROLLBACK TO s')
      } else this.#change(one, changes, statements)
    }
    if (commits) this.changes.push(...changes)
    else this.#rows = before
    return statements
  }

  #change(one: Extract<Step, { id: number }>, changes: string[], statements: string[]): void {
    const name = TABLES[one.table] as string
    const rows = this.#rows[one.table] as Map<number, number>
    const was = rows.get(one.id)
    const tell = (text: string): void => {
      if (name !== 'unwanted') changes.push(text)
    }
    if (one.kind === 'delete') {
      statements.push(`DELETE FROM ${name} WHERE id = ${one.id}`)
      if (rows.delete(one.id)) tell(`d ${name} ${one.id},${was}`)
      return
    }
    rows.set(one.id, one.value)
    if (was === undefined) {
      statements.push(`INSERT INTO ${name} VALUES (${one.id}, ${one.value})`)
      tell(`c ${name} ${one.id},${one.value}`)
    } else {
      statements.push(`UPDATE ${name} SET v = ${one.value} WHERE id = ${one.id}`)
      if (was !== one.value) tell(`u ${name} ${one.id},${was} > ${one.id},${one.value}`)
    }
  }
}

describeServers('MysqlLog on random transactions', ['mysql', 'mariadb'], (server) => {
  test('pages of any size, opened anew anywhere, give the plain sequence', async () => {
    const log = await LogDriver.open(server)
    const wanted = (name: string): boolean => name !== 'unwanted'
    await fc.assert(
      fc.asyncProperty(
        fc.array(work, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(
          fc.record({
            records: fc.integer({ min: 1, max: 9 }),
            pagesMax: fc.integer({ min: 1, max: 4 }),
            held: fc.boolean(),
          }),
        ),
        async (works, cuts) => {
          await log.run(...TABLES.map((name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, v INT)`))
          const from = await log.place()
          const model = new Model()
          for (const [index, one] of works.entries()) {
            const statements = model.run(one)
            const xid = `'t${index}'`
            if (
              one.xa &&
              !statements.some((statement) => statement.includes('SAVEPOINT') || statement.includes(' TO '))
            ) {
              await log.run(`XA START ${xid}`, ...statements, `XA END ${xid}`, `XA PREPARE ${xid}`)
              await log.run(`XA ${one.commits ? 'COMMIT' : 'ROLLBACK'} ${xid}`)
            } else await log.run('BEGIN', ...statements, one.commits ? 'COMMIT' : 'ROLLBACK')
          }
          const end = await log.place()
          const changes: string[] = []
          let place = from
          while (compareOffsets(place, end) < 0) {
            const { records, pagesMax, held } = cuts.next().value
            const read = await log.read(place, { wanted, records, pagesMax, ...(held ? {} : { heldBytesMax: 100 }) })
            for (const [index, offset] of read.offsets.entries())
              expect(
                compareOffsets(index === 0 ? place : (read.offsets[index - 1] as typeof offset), offset),
              ).toBeLessThan(0)
            changes.push(...texts(read))
            place = read.next
          }
          expect(changes).toEqual(model.changes)
          await log.run(...TABLES.map((name) => `DROP TABLE ${name}`))
        },
      ),
      { numRuns: 25, endOnFailure: true },
    )
  })
})
