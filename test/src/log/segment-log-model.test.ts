// SegmentLog and LogReader against an array: whatever is done to the log in whatever order, it holds what the array holds.

import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { LogReader, type LogRecord } from '../../../src/log/log-reader.ts'
import { SegmentLog } from '../../../src/log/segment-log.ts'
import { CrashFileSystem } from './crash-file-system.ts'

const OPTIONS = { segmentBytes: 1500, bufferBytesMax: 600 }

class Real {
  readonly fileSystem = new CrashFileSystem()
  log!: SegmentLog
  reader = this.#readerFrom(0)
  /** The highest end that the reader was told. */
  told = 0

  async open(): Promise<void> {
    this.log = await SegmentLog.open('/log', { ...OPTIONS, fileSystem: this.fileSystem })
  }

  /** What a reader was told is not taken back while it lives. */
  async readAnew(from: number): Promise<void> {
    await this.reader.close()
    this.reader = this.#readerFrom(from)
    this.told = from
  }

  #readerFrom(from: number): LogReader {
    return new LogReader('/log', from, { fileSystem: this.fileSystem })
  }
}

interface Model {
  /** By sequence; holes where given up. */
  records: string[]
  /** At least from here on all is there. */
  kept: number
  synced: number
  position: number
}

const textsOf = (records: readonly LogRecord[]): string[] =>
  records.map(({ payload }) => Buffer.from(payload).toString())

type Command = (model: Model, real: Real) => Promise<void>

const append = (bytes: number, isOwned: boolean): Command => {
  return async (model, { log }) => {
    const record = `${model.records.length}${'.'.repeat(bytes)}`
    const payload = Buffer.from(record)
    expect(isOwned ? log.appendOwned(payload) : log.append(payload)).toBe(model.records.length)
    if (!isOwned) payload.fill(0)
    model.records.push(record)
  }
}

const sync: Command = async (model, { log }) => {
  await Promise.all([log.sync(), log.sync()])
  model.synced = model.records.length
}

const truncateBefore =
  (share: number): Command =>
  async (model, { log }) => {
    const sequence = Math.round(model.position * share)
    await log.truncateBefore(sequence)
    model.kept = Math.max(model.kept, sequence)
    expect(log.firstSequence).toBeLessThanOrEqual(model.kept)
  }

/** Near its end, or near the reader, which may have read ahead. */
const truncateAfter =
  (from: 'end' | 'reader', records: number): Command =>
  async (model, real) => {
    const next =
      from === 'end'
        ? Math.max(0, model.records.length - records)
        : Math.min(model.records.length, model.position + records)
    model.position = Math.min(model.position, next)
    if (next < real.told) await real.readAnew(model.position)
    await real.log.truncateAfter(next - 1)
    model.records.length = next
    model.synced = Math.min(model.synced, next)
    model.kept = Math.min(model.kept, next)
  }

const reopen: Command = async (model, real) => {
  await real.log.close()
  await real.open()
  model.synced = model.records.length
}

/** The disk fails at one of the next changes; the reader lives on. */
const fail =
  (after: number): Command =>
  async (model, real) => {
    real.fileSystem.failFrom = real.fileSystem.changes + 1 + after
    const failure = await real.log.sync().catch((error: unknown) => error)
    expect(real.log.failed).toBe(failure !== undefined)
    real.fileSystem.failFrom = Number.POSITIVE_INFINITY
    await real.log.close()
    await real.open()
    const next = real.log.nextSequence
    expect(next).toBeLessThanOrEqual(model.records.length)
    expect(next).toBeGreaterThanOrEqual(failure === undefined ? model.records.length : model.synced)
    model.records.length = next
    model.synced = next
  }

const readOn =
  (bytesMax: number): Command =>
  async (model, real) => {
    const { log, reader } = real
    const end = log.durableSequence
    real.told = Math.max(real.told, end)
    const records = await reader.read(end, bytesMax)
    expect(records.map(({ sequence }) => sequence)).toEqual(records.map((_, i) => model.position + i))
    expect(textsOf(records)).toEqual(model.records.slice(model.position, model.position + records.length))
    expect(records.length > 0).toBe(model.position < end)
    model.position += records.length
    expect(reader.position).toBe(model.position)
  }

const seek =
  (share: number): Command =>
  async (model, real) => {
    const { firstSequence: first, durableSequence: end } = real.log
    model.position = first + Math.floor((end - first) * share)
    real.told = Math.max(real.told, model.position)
    real.reader.seek(model.position)
  }

const readWhole: Command = async (model, { log }) => {
  const found: string[] = []
  for await (const { payload } of log.readFrom(model.kept)) found.push(Buffer.from(payload).toString())
  expect(found).toEqual(model.records.slice(model.kept))
}

const share = fc.double({ min: 0, max: 1, noNaN: true })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 10, arbitrary: fc.tuple(fc.nat(200), fc.boolean()).map(([bytes, owned]) => append(bytes, owned)) },
  { weight: 4, arbitrary: fc.constant(sync) },
  { weight: 4, arbitrary: fc.nat(500).map(readOn) },
  { weight: 2, arbitrary: share.map(truncateBefore) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('end' as const, 'reader' as const), fc.nat(8))
      .map(([from, n]) => truncateAfter(from, n)),
  },
  { weight: 1, arbitrary: fc.constant(reopen) },
  { weight: 1, arbitrary: fc.nat(6).map(fail) },
  { weight: 1, arbitrary: share.map(seek) },
  { weight: 1, arbitrary: fc.constant(readWhole) },
)

it('holds what an array holds, and a reader beside it sees that up to what is durable', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 80, size: 'max' }), async (commands) => {
      const real = new Real()
      const model: Model = { records: [], kept: 0, synced: 0, position: 0 }
      await real.open()
      for (const one of commands) {
        await one(model, real)
        expect(real.log.nextSequence).toBe(model.records.length)
        expect(real.log.durableSequence).toBeGreaterThanOrEqual(model.synced)
      }
      await readWhole(model, real)
      await real.reader.close()
      await real.log.close()
    }),
    { numRuns: 400 },
  )
})
