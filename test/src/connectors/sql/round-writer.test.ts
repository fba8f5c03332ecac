// Rounds of transactions over several lanes, whatever fails on the way, against a plain map.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Backoff } from '../../../../src/connectors/sql/backoff.ts'
import { Lane } from '../../../../src/connectors/sql/lane.ts'
import { RoundWriter } from '../../../../src/connectors/sql/round-writer.ts'
import type { Clock } from '../../../../src/util/clock.ts'
import { ManualClock } from '../../../support/runtime-context.ts'
import { BAD, Fault, MemoryDatabase, MemoryTable } from './memory-database.ts'

/** Time passes by waiting for it. */
const instant: Clock = {
  now: () => 0,
  monotonic: () => 0,
  schedule(_delayMs, callback) {
    const timer = setImmediate(callback)
    return () => clearImmediate(timer)
  },
}

const KEYED = new MemoryTable('keyed', 'keyed')
const LOOSE = new MemoryTable('loose', 'keyed', true)
const COUNTED = new MemoryTable('counted', 'counted')
const TABLES = [KEYED, LOOSE, COUNTED]

interface WriterOptions {
  readonly lanes?: number
  readonly rowsMax?: number
  readonly whole?: boolean
  readonly clock?: Clock
}

function writerOf(database: MemoryDatabase, options: WriterOptions = {}) {
  const lane = () =>
    new Lane<MemoryTable>({
      node: 'sink',
      dialect: database,
      backoff: new Backoff(instant, () => 0.5, 1000),
      refused: async (session, { table, op, values }) =>
        session.keep({ table: table.name, op, values, reason: 'refused' }),
      passing: () => {},
    })
  const { lanes = 3, rowsMax = 16, whole = false, clock = instant } = options
  return new RoundWriter<MemoryTable>({ lanes: Array.from({ length: lanes }, lane), clock, rowsMax, waitMs: 5, whole })
}

const operation = fc.record({
  table: fc.constantFrom(...TABLES),
  key: fc.integer({ min: 0, max: 30 }),
  value: fc.constantFrom('a', 'b', 'c'),
  isDelete: fc.boolean(),
})

/** What the operations leave, one after the other. */
function modelOf(operations: readonly { table: MemoryTable; key: number; value: string; isDelete: boolean }[]) {
  const tables = new Map(TABLES.map((table) => [table.name, [] as unknown[][]]))
  for (const { table, key, value, isDelete } of operations) {
    const rows = tables.get(table.name) as unknown[][]
    const at = rows.findIndex((row) => row[0] === key && (table.rows === 'keyed' || row[1] === value))
    if (isDelete) {
      if (at >= 0) rows.splice(at, 1)
    } else if (at >= 0 && table.rows === 'keyed') rows[at] = [key, value]
    else rows.push([key, value])
  }
  return tables
}

const sorted = (rows: readonly unknown[][]): string[] => rows.map((row) => JSON.stringify(row)).sort()

/** Deletes of counted rows that are not there are left out: a source does not tell such. */
function possible<T extends { table: MemoryTable; key: number; value: string; isDelete: boolean }>(
  operations: readonly T[],
): T[] {
  const counts = new Map<string, number>()
  return operations.filter(({ table, key, value, isDelete }) => {
    if (table.rows === 'keyed') return true
    const id = `${key} ${value}`
    const count = (counts.get(id) ?? 0) + (isDelete ? -1 : 1)
    if (count < 0) return false
    counts.set(id, count)
    return true
  })
}

describe('a round writer', () => {
  it('leaves what the changes leave in their order, whatever passing fault comes between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { maxLength: 200 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        async (all, faults, lanes) => {
          const operations = possible(all).filter(({ table }) => table.rows === 'keyed')
          const database = new MemoryDatabase()
          let step = 0
          database.fault = (name) => {
            step += 1
            if (!faults.includes(step)) return
            throw new Fault(step % 2 === 0 ? 'retry' : 'connect', name === 'commit' && step % 3 === 0)
          }
          const writer = writerOf(database, { lanes })
          for (const { table, key, value, isDelete } of operations) {
            if (isDelete) writer.batch.remove(table, [key, value])
            else writer.batch.write(table, [key, value])
            await writer.due()
          }
          await writer.settled()
          const model = modelOf(operations)
          for (const table of [KEYED, LOOSE])
            expect(sorted(database.rowsOf(table))).toEqual(sorted(model.get(table.name) as unknown[][]))
        },
      ),
    )
  })

  it('counts equal rows of a table that tells them apart by nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { maxLength: 120 }), async (all) => {
        const operations = possible(all).filter(({ table }) => table === COUNTED)
        const database = new MemoryDatabase()
        const writer = writerOf(database, { rowsMax: 7 })
        for (const { table, key, value, isDelete } of operations) {
          if (isDelete) writer.batch.remove(table, [key, value])
          else writer.batch.write(table, [key, value])
          await writer.due()
        }
        await writer.settled()
        expect(sorted(database.rowsOf(COUNTED))).toEqual(sorted(modelOf(operations).get('counted') as unknown[][]))
      }),
    )
  })

  it('finds the rows that are refused, writes the others, and keeps these', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 0, max: 300 })),
        fc.integer({ min: 2, max: 9 }),
        async (keys, nth) => {
          const database = new MemoryDatabase()
          const writer = writerOf(database, { rowsMax: 1000 })
          for (const key of keys) writer.batch.write(KEYED, [key, key % nth === 0 ? BAD : 'good'])
          await writer.settled()
          const bad = keys.filter((key) => key % nth === 0)
          expect(database.rowsOf(KEYED).length).toBe(keys.length - bad.length)
          expect(new Set(database.content.letters.map(({ values }) => values[0]))).toEqual(new Set(bad))
          expect(database.content.letters.length).toBe(bad.length)
        },
      ),
    )
  })

  it('throws what does not pass, at once and from then on', async () => {
    const database = new MemoryDatabase()
    database.fault = (name) => {
      if (name === 'write') throw new Fault('fatal')
    }
    const writer = writerOf(database)
    writer.batch.write(KEYED, [1, 'a'])
    await expect(writer.settled()).rejects.toThrow('Sink "sink": fault: fatal')
    expect(() => writer.due()).toThrow('fault: fatal')
    await expect(writer.settled()).rejects.toThrow('fault: fatal')
    expect(database.rowsOf(KEYED)).toEqual([])
  })

  it('gives up when the target stays away', async () => {
    const clock = new ManualClock()
    const database = new MemoryDatabase()
    database.fault = () => {
      throw new Fault('connect')
    }
    const waiting: Clock = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      schedule: (delayMs, callback) => {
        clock.advance(delayMs)
        return instant.schedule(0, callback)
      },
    }
    let attempts = 0
    const lane = new Lane<MemoryTable>({
      node: 'sink',
      dialect: database,
      backoff: new Backoff(waiting, () => 0.5, 10_000),
      refused: async () => {},
      passing: () => {
        attempts += 1
      },
    })
    const failed = lane.write([], true)
    await expect(failed).rejects.toThrow('Sink "sink": fault: connect')
    expect(attempts).toBeGreaterThan(5)
    expect(attempts).toBeLessThan(20)
  })

  it('holds no more than some megabytes, however few rows they are', async () => {
    const clock = new ManualClock()
    const database = new MemoryDatabase()
    const writer = writerOf(database, { clock, rowsMax: 1_000_000 })
    const long = 'x'.repeat(8 * 1024 * 1024)
    let heldMax = 0
    for (let key = 0; key < 20; key++) {
      writer.batch.write(KEYED, [key, long])
      await writer.due()
      heldMax = Math.max(heldMax, writer.batch.changes)
    }
    expect(heldMax).toBeLessThanOrEqual(4)
    await writer.settled()
    expect(database.rowsOf(KEYED).length).toBe(20)
    writer.close()
  })

  it('begins a round at once after a pause, and within the wait otherwise', async () => {
    const clock = new ManualClock()
    const database = new MemoryDatabase()
    const writer = writerOf(database, { clock })
    const put = async (key: number): Promise<void> => {
      writer.batch.write(KEYED, [key, 'a'])
      await writer.due()
      for (let i = 0; i < 20; i++) await Promise.resolve()
    }
    await put(1)
    expect(database.rowsOf(KEYED).length).toBe(1)
    await put(2)
    await put(3)
    expect(database.rowsOf(KEYED).length).toBe(1)
    clock.advance(5)
    for (let i = 0; i < 20; i++) await Promise.resolve()
    expect(database.rowsOf(KEYED).length).toBe(3)
    writer.close()
    expect(clock.pending).toBe(0)
  })

  it('commits only between transactions of the source', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 }), async (sizes) => {
        const database = new MemoryDatabase()
        const writer = writerOf(database, { lanes: 1, whole: true, clock: new ManualClock() })
        const seen = new Set<number>()
        database.fault = () => seen.add(database.rowsOf(KEYED).length)
        let key = 0
        const ends = new Set([0])
        for (const [index, size] of sizes.entries()) {
          for (let i = 0; i < size; i++) {
            await writer.enter(`transaction ${index}`)
            key += 1
            writer.batch.write(KEYED, [key, 'a'])
          }
          ends.add(key)
          await writer.due()
        }
        await writer.settled()
        expect(database.rowsOf(KEYED).length).toBe(key)
        for (const rows of seen) expect(ends).toContain(rows)
      }),
    )
  })
})
