import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SegmentLog } from '../../../src/log/segment-log.ts'
import { CrashFileSystem, type Survivors } from './crash-file-system.ts'

const DIRECTORY = '/data/log'
const all: Survivors = (writes) => writes
const upTo =
  (bytes: number): Survivors =>
  (writes) => {
    let left = bytes
    return writes.map((length) => {
      const kept = Math.min(length, left)
      left -= kept
      return kept
    })
  }

async function contents(fileSystem: CrashFileSystem): Promise<{ first: number; records: string[] }> {
  const log = await SegmentLog.open(DIRECTORY, { fileSystem })
  const records: string[] = []
  for await (const { payload } of log.readFrom(log.firstSequence)) records.push(Buffer.from(payload).toString())
  const first = log.firstSequence
  expect(first + records.length).toBe(log.nextSequence)
  await log.close()
  return { first, records }
}

describe('SegmentLog after a crash', () => {
  it('I1: torn at every byte of three appended frames, keeps what was synced and a prefix of the rest, nothing half', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open(DIRECTORY, { fileSystem })
    for (const record of ['one', 'two']) log.append(Buffer.from(record))
    await log.sync()
    const appended = ['three', 'four 4444', 'five']
    for (const record of appended) log.append(Buffer.from(record))
    const bytes = log.bytes
    for await (const _ of log.readFrom(0)) break // writes the buffer, syncs nothing
    const ends = [24 + 5, 24 * 2 + 14, 24 * 3 + 18]
    // The mark behind the sync is not synced itself: 24 bytes of it come first.
    for (let kept = 0; kept <= 24 + 90; kept += 1) {
      const whole = ends.filter((end) => end + 24 <= kept).length
      const left = fileSystem.afterPowerFailure(upTo(kept))
      expect(await contents(left)).toEqual({ first: 0, records: ['one', 'two', ...appended.slice(0, whole)] })
      // What was recovered is written to again, and survives the next failure.
      const again = await SegmentLog.open(DIRECTORY, { fileSystem: left })
      again.append(Buffer.from('next'))
      await again.sync()
      const records = ['one', 'two', ...appended.slice(0, whole), 'next']
      expect(await contents(left.afterPowerFailure(() => []))).toEqual({ first: 0, records })
    }
    expect(bytes).toBe(24 * 2 + 6 + 24 + 24 * 3 + 18)
  })

  it('I1: pages that reach the disk out of order leave a hole in what was never synced: cut off, not called damage', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open(DIRECTORY, { fileSystem, bufferBytesMax: 2 })
    log.append(Buffer.from('synced'))
    await log.sync()
    for (const record of ['a', 'b', 'c']) {
      log.append(Buffer.from(record))
      for await (const _ of log.readFrom(0)) break
    }
    const left = fileSystem.afterPowerFailure((writes) => writes.map((length, i) => (i === 2 ? 0 : length)))
    expect((await contents(left)).records).toEqual(['synced', 'a'])
  })

  it('I5: after a failed write nothing is accepted, and what had been synced is found again', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open(DIRECTORY, { fileSystem })
    log.append(Buffer.from('synced'))
    await log.sync()
    fileSystem.failFrom = fileSystem.changes + 1
    log.append(Buffer.from('lost'))
    await expect(log.sync()).rejects.toMatchObject({ code: 'IO' })
    expect(() => log.append(Buffer.from('no'))).toThrow(/EIO/)
    expect(() => log.ready()).toThrow(/EIO/)
    await expect(log.sync()).rejects.toMatchObject({ code: 'IO' })
    await log.close()
    expect((await contents(fileSystem.afterPowerFailure(() => []))).records).toEqual(['synced'])
  })

  it('I1, I2, I6: whatever change fails and whatever the crash keeps, synced records are there and order holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(120), fc.nat(400), fc.boolean(), crashAnywhere),
      { numRuns: 400 },
    )
  })
})

type Step = { readonly do: 'append'; readonly bytes: number } | { readonly do: 'sync' | 'before' | 'after' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.nat(120) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('before' as const, 'after' as const) }) },
)

/** What must be and what may be in the log, were it to crash now. */
class Model {
  readonly records = new Map<number, string>()
  next = 0
  synced = 0
  /** Records below may be gone. */
  givenUp = 0
  /** Being taken back to: from here on records may or may not be there. */
  takenBack = Number.POSITIVE_INFINITY
}

async function crashAnywhere(steps: Step[], failAt: number, kept: number, killed: boolean): Promise<void> {
  const fileSystem = new CrashFileSystem()
  fileSystem.failFrom = failAt + 1
  const model = new Model()
  try {
    const log = await SegmentLog.open(DIRECTORY, { fileSystem, segmentBytes: 300, bufferBytesMax: 400 })
    for (const one of steps) await act(log, model, one)
  } catch (error) {
    expect(error).toMatchObject({ code: 'IO' })
  }
  const left = killed ? fileSystem.afterKill() : fileSystem.afterPowerFailure(kept === 400 ? all : upTo(kept))
  const { first, records } = await contents(left)
  expect(first).toBeLessThanOrEqual(model.givenUp)
  expect(first + records.length).toBeGreaterThanOrEqual(Math.min(model.synced, model.takenBack))
  expect(first + records.length).toBeLessThanOrEqual(model.next)
  expect(records).toEqual(records.map((_, i) => model.records.get(first + i)))
}

async function act(log: SegmentLog, model: Model, one: Step): Promise<void> {
  switch (one.do) {
    case 'append': {
      const record = `${model.next}:${'.'.repeat(one.bytes)}`
      expect(log.append(Buffer.from(record))).toBe(model.next)
      model.records.set(model.next++, record)
      return
    }
    case 'sync':
      await log.sync()
      model.synced = model.next
      return
    case 'before':
      model.givenUp = Math.max(model.givenUp, model.synced)
      await log.truncateBefore(model.synced)
      return
    case 'after': {
      const last = Math.max(log.firstSequence - 1, model.next - 3)
      model.takenBack = last + 1
      await log.truncateAfter(last)
      model.next = last + 1
      model.synced = model.next
      model.takenBack = Number.POSITIVE_INFINITY
    }
  }
}
