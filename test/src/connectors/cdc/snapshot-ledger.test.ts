import { describe, expect, it } from 'vitest'
import type { TableRef } from '../../../../src/connectors/cdc/change-split.ts'
import {
  type ChunkEntry,
  type ChunkStore,
  type LedgerSnapshot,
  SnapshotLedger,
  TABLE_MOVES,
  type TablePhase,
  type TableRecord,
} from '../../../../src/connectors/cdc/snapshot-ledger.ts'

class MapStore implements ChunkStore {
  readonly entries = new Map<string, ChunkEntry>()
  get = (ref: TableRef, index: number) => this.entries.get(this.#name(ref, index))
  set = (ref: TableRef, index: number, entry: ChunkEntry) => void this.entries.set(this.#name(ref, index), entry)
  delete = (ref: TableRef, index: number) => void this.entries.delete(this.#name(ref, index))
  #name = (ref: TableRef, index: number): string => `${ref.table}/${ref.generation}/${index}`
}

const compare = (a: unknown, b: unknown): number => (a as number) - (b as number)

function makeLedger(restored?: LedgerSnapshot, store = new MapStore()) {
  return { ledger: new SnapshotLedger(store, compare, restored), store }
}

const ranges = (count: number) => ({
  ranges: Array.from({ length: count }, (_, n) => ({ from: n === 0 ? null : n, to: n === count - 1 ? null : n + 1 })),
  resume: undefined,
})

/** A ledger with one table of `count` chunks, allowed by checkpoint 1. */
function oneTable(count: number) {
  const { ledger, store } = makeLedger()
  ledger.add('t', 5)
  ledger.snapshot(1, 5)
  ledger.complete(1)
  ledger.addChunks(ledger.nextToSplit() as TableRecord, ranges(count))
  return { ledger, store, record: [...ledger.tables][0] as TableRecord }
}

const part = (high: number) => [{ from: null, high }]

describe('SnapshotLedger', () => {
  it('gives out nothing before a complete checkpoint allows it (I4)', () => {
    const { ledger } = makeLedger()
    ledger.add('t', 0)
    expect(ledger.nextToSplit()).toBeUndefined()
    expect(ledger.take(0)).toBeUndefined()
    expect(ledger.wantsCheckpoint).toBe(true)
    ledger.snapshot(1, 0)
    expect(ledger.nextToSplit()).toBeUndefined()
    ledger.complete(1)
    expect(ledger.nextToSplit()?.table).toBe('t')
  })

  it('does not take an aborted checkpoint for a complete one', () => {
    const { ledger } = makeLedger()
    ledger.add('t', 0)
    ledger.snapshot(1, 0)
    ledger.snapshot(2, 0)
    ledger.complete(2)
    expect(ledger.nextToSplit()?.table).toBe('t')
  })

  it('marks what a failed attempt may have read, and nothing else (I5)', () => {
    const { ledger, store } = oneTable(600)
    expect(ledger.take(9)?.asOf).toBeUndefined()
    const saved = ledger.snapshot(2, 9)
    const again = makeLedger(saved, store).ledger
    const taken = Array.from({ length: 256 }, () => again.take(50))
    expect(taken.every((chunk) => chunk?.asOf === 9)).toBe(true)
    expect(again.take(50)).toBeUndefined()
    again.snapshot(3, 60)
    again.complete(3)
    expect(again.take(70)).toMatchObject({ index: 257, since: 70 })
    expect(again.take(70)?.asOf).toBeUndefined()
  })

  it('marks every chunk when the job goes back, for attempts that are undone read beyond any horizon', () => {
    const { ledger, store } = oneTable(600)
    const again = new SnapshotLedger(store, compare, ledger.snapshot(2, 9), true)
    for (let n = 0; n < 256; n++) again.take(50)
    again.snapshot(3, 60)
    again.complete(3)
    expect(again.take(70)).toMatchObject({ index: 256, asOf: 9 })
  })

  it('keeps the earliest mark through several failures', () => {
    const { ledger, store } = oneTable(600)
    const second = makeLedger(ledger.snapshot(2, 9), store).ledger
    second.take(20)
    const third = makeLedger(second.snapshot(3, 20), store).ledger
    expect(third.take(30)).toMatchObject({ index: 1, asOf: 9 })
  })

  it('lets the log take over only when a complete checkpoint holds the table as finished (I2)', () => {
    const { ledger } = oneTable(2)
    for (const high of [7, 6]) {
      const chunk = ledger.take(5)
      expect(ledger.finish({ table: 't', generation: 1 }, chunk?.index as number, part(high))).toBe(high === 6)
    }
    expect(ledger.readyTogether()).toEqual([])
    ledger.snapshot(2, 8)
    ledger.complete(1)
    expect(ledger.readyTogether()).toEqual([])
    ledger.complete(2)
    expect(ledger.readyTogether()).toMatchObject([{ table: 't', low: 6, high: 7 }])
  })

  it('takes a restored finished table for ready, for what is restored was complete', () => {
    const { ledger, store } = oneTable(1)
    ledger.take(5)
    ledger.finish({ table: 't', generation: 1 }, 0, part(7))
    const { ledger: again } = makeLedger(ledger.snapshot(2, 8), store)
    expect(again.readyTogether()).toHaveLength(1)
  })

  it('counts a chunk once, however often it is reported, and ignores chunks of an older snapshot of the table', () => {
    const { ledger, record } = oneTable(2)
    ledger.take(5)
    ledger.take(5)
    ledger.finish({ table: 't', generation: 1 }, 0, part(7))
    ledger.finish({ table: 't', generation: 1 }, 0, part(9))
    ledger.finish({ table: 't', generation: 0 }, 1, part(9))
    expect(record).toMatchObject({ done: 1, high: 7 })
  })

  it('drops the chunks once the log is past them (I3), and when a table leaves', () => {
    const { ledger, store, record } = oneTable(1)
    ledger.take(5)
    ledger.finish({ table: 't', generation: 1 }, 0, part(7))
    ledger.settleFinished()
    expect(store.entries.size).toBe(1)
    ledger.pure(record)
    expect(store.entries.size).toBe(0)
    expect(ledger.isSettled).toBe(true)
    const other = oneTable(3)
    other.ledger.remove(other.record)
    expect(other.store.entries.size).toBe(0)
  })

  it('reads a truncated table anew once a checkpoint holds the truncation', () => {
    const { ledger, record } = oneTable(1)
    ledger.take(5)
    ledger.finish({ table: 't', generation: 1 }, 0, part(7))
    ledger.settleFinished()
    ledger.joined(record)
    ledger.restart(record, 8)
    expect(record.phase).toBe('restarting')
    ledger.snapshot(2, 8)
    ledger.complete(2)
    expect(record).toMatchObject({ phase: 'reading', generation: 2, total: 0, taken: 0 })
  })

  it('reads a table anew that has other rows, long after its snapshot: the log is needed from then on only', () => {
    const { ledger, record } = oneTable(1)
    ledger.take(5)
    ledger.finish({ table: 't', generation: 1 }, 0, part(7))
    ledger.settleFinished()
    ledger.pure(record)
    ledger.restart(record, 800)
    expect(ledger.holdFrom).toBe(800)
    ledger.snapshot(2, 801)
    ledger.complete(2)
    expect(record).toMatchObject({ phase: 'reading', generation: 2, since: 800 })
  })

  it('holds the log from where the first unfinished table began', () => {
    const { ledger, record } = oneTable(1)
    ledger.add('later', 40)
    expect(ledger.holdFrom).toBe(5)
    ledger.take(5)
    ledger.finish({ table: 't', generation: 1 }, 0, part(7))
    ledger.settleFinished()
    ledger.joined(record)
    expect(ledger.holdFrom).toBe(40)
  })

  it('hands out parts page by page, whole chunks at a time', () => {
    const { ledger, record } = oneTable(3)
    for (let n = 0; n < 3; n++) {
      ledger.take(5)
      ledger.finish({ table: 't', generation: 1 }, n, [
        { from: n * 10, high: 7 + n },
        { from: n * 10 + 5, high: 9 },
      ])
    }
    expect(ledger.gates(record, 0, 3)).toMatchObject({ parts: { length: 4 }, next: 2 })
    expect(ledger.gates(record, 2, 3)).toMatchObject({ parts: { length: 2 }, next: undefined })
  })

  it('has a move for every phase; the last one is left only to begin anew', () => {
    const phases = Object.keys(TABLE_MOVES) as TablePhase[]
    expect(phases.filter((phase) => TABLE_MOVES[phase].length === 0)).toEqual([])
    expect(TABLE_MOVES.pure).toEqual(['restarting'])
  })
})
