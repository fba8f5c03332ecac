// Epochs, each exactly once: whatever fails, and whenever the worker dies.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Backoff } from '../../../../src/connectors/sql/backoff.ts'
import { EpochWriter } from '../../../../src/connectors/sql/epoch-writer.ts'
import { Lane } from '../../../../src/connectors/sql/lane.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { Fault, MemoryDatabase, MemoryTable } from './memory-database.ts'

const TABLE = new MemoryTable('t', 'added')

/** `alter` changes the table without touching its rows. */
type Record = number | 'clear' | 'alter'

/** A worker's writer: what it holds in memory dies with it. */
function writerOf(database: MemoryDatabase, rowsMax: number): EpochWriter<Record, MemoryTable> {
  const lane = new Lane<MemoryTable>({
    node: 'sink',
    dialect: database,
    backoff: new Backoff(
      { ...systemClock, schedule: (_ms, callback) => systemClock.schedule(0, callback) },
      () => 0.5,
      50,
    ),
    refused: async () => {},
    passing: () => {},
  })
  return new EpochWriter({
    node: 'sink',
    lane,
    rowsMax,
    records: {
      put: (record, batch) => batch.write(TABLE, [record]),
      isStructural: (record) => typeof record === 'string',
      workOf: (record, again) =>
        again
          ? undefined
          : async () => {
              database.fault('structural')
              if (record === 'clear') database.content.rows.set(TABLE.name, [])
            },
    },
    missing: () => {},
  })
}

async function* batchesOf(records: readonly Record[]): AsyncIterable<readonly Record[]> {
  for (let at = 0; at < records.length; at += 3) yield records.slice(at, at + 3)
}

/** Drives epochs as the machine does: again from the marker after each failure. */
async function drive(database: MemoryDatabase, epochs: readonly (readonly Record[])[], rowsMax: number): Promise<void> {
  for (;;) {
    const writer = writerOf(database, rowsMax)
    try {
      const last = await writer.lastEpoch('w')
      for (const [epoch, records] of epochs.entries())
        if (epoch > last) await writer.apply('w', epoch, batchesOf(records))
      return
    } catch {
      // The worker died; another one takes over.
    }
  }
}

const record = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 0, max: 99 }) },
  { weight: 3, arbitrary: fc.constantFrom<Record>('clear', 'alter', 'alter') },
)

describe('an epoch writer', () => {
  it('writes each epoch once, in order, whatever fails at any step', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(record, { minLength: 1, maxLength: 20 }), { maxLength: 5 }),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 80 }), fc.constantFrom('fatal', 'retry', 'connect')), {
          maxLength: 10,
        }),
        fc.boolean(),
        fc.integer({ min: 1, max: 12 }),
        async (epochs, faults, applied, rowsMax) => {
          const database = new MemoryDatabase()
          const at = new Map(faults)
          let step = 0
          database.fault = (name) => {
            step += 1
            const kind = at.get(step)
            if (kind !== undefined) throw new Fault(kind as 'fatal', applied && name === 'commit')
          }
          await drive(database, epochs, rowsMax)
          const expected: number[] = []
          for (const one of epochs.flat()) {
            if (one === 'clear') expected.length = 0
            else if (one !== 'alter') expected.push(one)
          }
          expect(database.rowsOf(TABLE).map(([value]) => value)).toEqual(expected)
        },
      ),
    )
  })

  it('leaves an epoch be that is in already, though it was not known', async () => {
    const database = new MemoryDatabase()
    await writerOf(database, 10).apply('w', 0, batchesOf([1, 2]))
    await writerOf(database, 10).apply('w', 0, batchesOf([1, 2]))
    expect(database.rowsOf(TABLE)).toEqual([[1], [2]])
  })

  it('stops when another worker writes the same epoch beside it', async () => {
    const database = new MemoryDatabase()
    const writer = writerOf(database, 2)
    const meddling = async function* (): AsyncIterable<readonly Record[]> {
      yield [1]
      await writerOf(database, 2).apply('w', 4, batchesOf([7]))
      yield [2]
    }
    await expect(writer.apply('w', 5, meddling())).rejects.toThrow('its ledger moved on while epoch 5 was written')
    expect(database.rowsOf(TABLE)).toEqual([[7]])
  })
})
