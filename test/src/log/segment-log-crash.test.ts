// R1: what of a log is there after a crash, wherever it comes. Hunts for acknowledged records that are lost, and for records that
// are half there, repeated or taken for damage.

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LogReader } from '../../../src/log/log-reader.ts'
import { SegmentLog } from '../../../src/log/segment-log.ts'
import { type Rng, seededRng } from '../../../src/util/rng.ts'
import { CrashFileSystem, type FileChange, type Survivors } from './crash-file-system.ts'

const DIRECTORY = '/data/log'
const SECTOR = 16

const all: Survivors = (changes) => changes
const none: Survivors = () => []
/** The first so many bytes written. */
const upTo =
  (count: number): Survivors =>
  (changes) => {
    let left = count
    return changes.map(({ position, bytes }) => {
      const kept = bytes?.subarray(0, left)
      left -= kept?.length ?? 0
      return { position, bytes: kept }
    })
  }
/** Some sectors of some writes, in any order. */
const scattered =
  (rng: Rng): Survivors =>
  (changes) =>
    changes.flatMap((change) => (rng.int(4) === 0 ? [change] : sectorsOf(change).filter(() => rng.int(2) === 0)))

function sectorsOf({ position, bytes }: FileChange): FileChange[] {
  if (bytes === undefined) return [{ position, bytes }]
  const sectors: FileChange[] = []
  for (let at = 0; at < bytes.length; at += SECTOR)
    sectors.push({ position: position + at, bytes: bytes.subarray(at, at + SECTOR) })
  return sectors
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

/** What must be and what may be in the log, were it to crash now. */
class Model {
  log: SegmentLog | undefined
  readonly records = new Map<number, string>()
  next = 0
  synced = 0
  /** Records below may be gone. */
  givenUp = 0
  /** Being taken back to: from here on records may or may not be there. */
  takenBack = Number.POSITIVE_INFINITY
  /** The last record that a LogReader gave. */
  read = -1

  append(log: SegmentLog, record: string): void {
    this.records.set(this.next, record)
    this.next += 1
    expect(log.append(Buffer.from(record))).toBe(this.next - 1)
  }

  async sync(log: SegmentLog): Promise<void> {
    await log.sync()
    this.synced = this.next
    expect(log.durableSequence).toBe(this.next)
  }

  async truncateBefore(log: SegmentLog, sequence: number): Promise<void> {
    this.givenUp = Math.max(this.givenUp, sequence)
    await log.truncateBefore(sequence)
  }

  async truncateAfter(log: SegmentLog, sequence: number): Promise<void> {
    this.takenBack = sequence + 1
    await log.truncateAfter(sequence)
    this.read = Math.min(this.read, sequence)
    this.next = sequence + 1
    this.synced = this.next
    this.givenUp = Math.min(this.givenUp, this.next)
    this.takenBack = Number.POSITIVE_INFINITY
  }

  /** A reader sees what is durable at this time. */
  async readAll(log: SegmentLog, fileSystem: CrashFileSystem): Promise<void> {
    const reader = new LogReader(DIRECTORY, log.firstSequence, { fileSystem })
    const end = log.durableSequence
    while (reader.position < end) {
      for (const { sequence, payload } of await reader.read(end, 100)) {
        expect(Buffer.from(payload).toString()).toBe(this.records.get(sequence))
        this.read = Math.max(this.read, sequence)
      }
    }
    await reader.close()
  }

  /** `left`: what a crash at this moment leaves. */
  async check(left: CrashFileSystem): Promise<void> {
    // Before anything is awaited: the log may still be at work.
    const durable = Math.max(this.synced, this.read + 1, this.log?.durableSequence ?? 0)
    const { first, records } = await contents(left)
    const next = first + records.length
    expect(first).toBeLessThanOrEqual(this.givenUp)
    expect(next).toBeGreaterThanOrEqual(Math.min(durable, this.takenBack))
    expect(next).toBeLessThanOrEqual(this.next)
    expect(records).toEqual(records.map((_, i) => this.records.get(first + i)))
  }

  /** It can be written again, from where it is, and this lasts. */
  async checkGoesOn(left: CrashFileSystem): Promise<void> {
    const log = await SegmentLog.open(DIRECTORY, { fileSystem: left, segmentBytes: 100 })
    const before = log.nextSequence
    for (const record of ['and', 'so', 'on and on']) log.append(Buffer.from(record))
    await log.sync()
    const { records } = await contents(left.afterPowerFailure(none))
    expect(records.slice(-3)).toEqual(['and', 'so', 'on and on'])
    expect(log.nextSequence).toBe(before + 3)
  }
}

/** Appends over several segments, syncs, gives records up and takes records back, to before the oldest too. */
async function everything(fileSystem: CrashFileSystem, model: Model): Promise<void> {
  const log = await SegmentLog.open(DIRECTORY, { fileSystem, segmentBytes: 100 })
  model.log = log
  for (const record of ['one', 'two', 'three 3']) model.append(log, record)
  await model.sync(log)
  for (const record of ['four', '', 'six 666666']) model.append(log, record)
  await model.sync(log)
  await model.readAll(log, fileSystem)
  await model.truncateBefore(log, 3)
  for (const record of ['seven', 'eight', 'nine 9999']) model.append(log, record)
  await model.sync(log)
  await model.truncateAfter(log, 6)
  for (const record of ['ten', 'eleven 11']) model.append(log, record)
  await model.sync(log)
  await model.truncateBefore(log, 9)
  await model.truncateAfter(log, 4)
  for (const record of ['twelve', 'thirteen']) model.append(log, record)
  await log.close()
  model.synced = model.next
}

/** Runs it again and again, each time with the next change failing, until none is left that could. */
async function atEveryChange(
  check: (fileSystem: CrashFileSystem, model: Model, change: number) => Promise<void>,
): Promise<number> {
  for (let change = 1; ; change += 1) {
    const fileSystem = new CrashFileSystem()
    fileSystem.failFrom = change
    const model = new Model()
    const failure = await everything(fileSystem, model).catch((error: unknown) => error)
    await check(fileSystem, model, change)
    if (failure === undefined) return change
    expect(failure).toMatchObject({ code: 'IO' })
  }
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
      expect(await contents(left.afterPowerFailure(none))).toEqual({ first: 0, records })
    }
    expect(bytes).toBe(24 * 2 + 6 + 24 + 24 * 3 + 18)
  })

  it('I1, I6: at every change of a run over several segments, torn at every byte, whatever names the disk kept', async () => {
    const changes = await atEveryChange(async (fileSystem, model) => {
      await model.check(fileSystem.afterKill())
      for (const names of [(count: number) => count, () => 0, (count: number) => count >> 1])
        for (let kept = 0; kept <= 130; kept += 1) await model.check(fileSystem.afterPowerFailure(upTo(kept), names))
      await model.checkGoesOn(fileSystem.afterPowerFailure(all))
    })
    expect(changes).toBeGreaterThan(40)
  })

  it('I1: sectors that reach the disk in any order leave holes in what was never synced: cut off, not called damage', async () => {
    const rng = seededRng(7)
    await atEveryChange(async (fileSystem, model) => {
      for (let i = 0; i < 30; i += 1) {
        const left = fileSystem.afterPowerFailure(scattered(rng), (count) => rng.int(count + 1))
        await model.check(left)
        await model.checkGoesOn(left)
      }
    })
  })

  it('I1: whatever lies behind what was synced, zeros or frames of a file that was there before, is cut off', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open(DIRECTORY, { fileSystem, segmentBytes: 200 })
    for (let i = 0; i < 20; i += 1) {
      log.append(Buffer.from(`record ${i}`))
      if (i % 3 === 0) await log.sync()
    }
    await log.close()
    const files = (await fileSystem.list(DIRECTORY)).map((name) => `${DIRECTORY}/${name}`)
    const last = files.at(-1) as string
    const whole = fileSystem.content(last)
    const rng = seededRng(5)
    const noise = Buffer.from(Array.from({ length: 300 }, () => rng.int(256)))
    const counters = Buffer.from(BigUint64Array.from({ length: 50 }, (_, i) => BigInt(18 + i)).buffer)
    const rests = [
      Buffer.alloc(1),
      Buffer.alloc(1000),
      noise,
      counters,
      ...files.map((path) => fileSystem.content(path)),
    ]
    for (const rest of rests) {
      fileSystem.put(last, Buffer.concat([whole, rest]))
      const left = fileSystem.afterKill()
      expect((await contents(left)).records).toEqual(Array.from({ length: 20 }, (_, i) => `record ${i}`))
      expect(left.content(last).length).toBeLessThanOrEqual(whole.length + 24)
    }
  })

  it('I5, I7: goes on in the same process after any change failed, and what it then calls durable is on the disk', async () => {
    await atEveryChange(async (fileSystem, model) => {
      // What the failed sync took for clean is still read, and must not be relied on as it is.
      fileSystem.failFrom = Number.POSITIVE_INFINITY
      const log = await SegmentLog.open(DIRECTORY, { fileSystem, segmentBytes: 100 })
      const durable = log.durableSequence
      await model.check(fileSystem.afterPowerFailure(none))
      const { first, records } = await contents(fileSystem.afterPowerFailure(none))
      expect(first + records.length).toBe(durable)
      await model.checkGoesOn(fileSystem)
    })
  })

  it('on a disk that is full at any byte: what was synced stays, and the log goes on when there is room again', async () => {
    for (let room = 0; ; room += 1) {
      const fileSystem = new CrashFileSystem()
      fileSystem.room = room
      const model = new Model()
      const failure = await everything(fileSystem, model).catch((error: unknown) => error)
      await model.check(fileSystem.afterPowerFailure(none))
      // It is opened while the disk is full, too: only what is new needs room.
      await model.check(fileSystem)
      fileSystem.room = Number.POSITIVE_INFINITY
      await model.checkGoesOn(fileSystem)
      if (failure === undefined) break
      expect(failure).toMatchObject({ code: 'IO' })
    }
  })

  it('I5: after a failed write nothing is accepted, and what had been synced is found again', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open(DIRECTORY, { fileSystem })
    log.append(Buffer.from('synced'))
    await log.sync()
    expect(log.failed).toBe(false)
    fileSystem.failFrom = fileSystem.changes + 1
    log.append(Buffer.from('lost'))
    await expect(log.sync()).rejects.toMatchObject({ code: 'IO' })
    expect(log.failed).toBe(true)
    expect(() => log.append(Buffer.from('no'))).toThrow(/EIO/)
    expect(() => log.ready()).toThrow(/EIO/)
    await expect(log.sync()).rejects.toMatchObject({ code: 'IO' })
    expect(log.durableSequence).toBe(1)
    await log.close()
    expect((await contents(fileSystem.afterPowerFailure(none))).records).toEqual(['synced'])
  })

  it('I1, I2, I6: whatever change fails and whatever the crash keeps, synced records are there and order holds', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(120), fc.nat(), crash, crashAnywhere),
      {
        numRuns: 400,
      },
    )
  })
})

type Step = { readonly do: 'append'; readonly bytes: number } | { readonly do: 'sync' | 'before' | 'after' | 'read' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.nat(120) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('sync' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('before' as const, 'after' as const, 'read' as const) }) },
)
const crash = fc.constantFrom('kill', 'all', 'scattered')

async function crashAnywhere(steps: Step[], failAt: number, seed: number, how: string): Promise<void> {
  const fileSystem = new CrashFileSystem()
  fileSystem.failFrom = failAt + 1
  const model = new Model()
  try {
    const log = await SegmentLog.open(DIRECTORY, { fileSystem, segmentBytes: 300, bufferBytesMax: 400 })
    model.log = log
    for (const one of steps) await act(log, model, one, fileSystem)
  } catch (error) {
    expect(error).toMatchObject({ code: 'IO' })
  }
  const rng = seededRng(seed)
  const survivors = how === 'all' ? all : scattered(rng)
  const left = how === 'kill' ? fileSystem.afterKill() : fileSystem.afterPowerFailure(survivors, (n) => rng.int(n + 1))
  await model.check(left)
}

async function act(log: SegmentLog, model: Model, one: Step, fileSystem: CrashFileSystem): Promise<void> {
  switch (one.do) {
    case 'append':
      return model.append(log, `${model.next}:${'.'.repeat(one.bytes)}`)
    case 'sync':
      return model.sync(log)
    case 'read':
      return model.readAll(log, fileSystem)
    case 'before':
      return model.truncateBefore(log, model.synced)
    case 'after':
      return model.truncateAfter(log, Math.max(log.firstSequence - 1, model.next - 3))
  }
}
