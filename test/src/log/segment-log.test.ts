import { appendFile, cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SegmentLog, type SegmentLogOptions } from '../../../src/log/segment-log.ts'
import { CrashFileSystem } from './crash-file-system.ts'
import { payloadOf } from './payload-of.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-log-'))
})
afterEach(() => rm(root, { recursive: true }))

const text = (n: number): Uint8Array => Buffer.from(`record ${n} ${'x'.repeat(n % 50)}`)

async function read(log: SegmentLog, from: number): Promise<string[]> {
  const found: string[] = []
  for await (const { sequence, payload } of log.readFrom(from)) {
    expect(sequence).toBe(from + found.length)
    found.push(Buffer.from(payload).toString())
  }
  return found
}

const texts = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => Buffer.from(text(from + i)).toString())

async function filled(count: number, options: SegmentLogOptions = {}): Promise<SegmentLog> {
  const log = await SegmentLog.open(join(root, 'log'), options)
  for (let i = 0; i < count; i += 1) expect(log.append(text(i))).toBe(i)
  await log.sync()
  return log
}

async function readAgain(fileSystem: CrashFileSystem): Promise<string[]> {
  const log = await SegmentLog.open('/log', { fileSystem: fileSystem.afterKill() })
  return read(log, 0)
}

/** Where the frame begins that a byte of a good segment is in. */
function frameStart(segment: Buffer, byte: number): number {
  for (let at = 0; ; ) {
    const length = segment.readUInt32LE(at + 4)
    const next = at + 24 + (length === 0xffff_ffff ? 0 : length)
    if (byte < next) return at
    at = next
  }
}

const segments = async (): Promise<string[]> => (await readdir(join(root, 'log'))).sort()

describe('SegmentLog', () => {
  it('I1, I2: gives back what was appended, in order, before and after it was closed', async () => {
    const log = await filled(100)
    expect(await read(log, 0)).toEqual(texts(0, 100))
    expect(await read(log, 40)).toEqual(texts(40, 100))
    await log.close()
    const again = await SegmentLog.open(join(root, 'log'))
    expect([again.firstSequence, again.nextSequence]).toEqual([0, 100])
    expect(await read(again, 99)).toEqual(texts(99, 100))
    expect(await read(again, 100)).toEqual([])
    expect(again.append(text(100))).toBe(100)
    expect(await read(again, 98)).toEqual(texts(98, 101))
    await again.close()
  })

  it('reads what is only buffered, and stops at what was there when the reading began', async () => {
    const log = await SegmentLog.open(join(root, 'log'))
    log.append(text(0))
    const found: number[] = []
    for await (const { sequence } of log.readFrom(0)) {
      found.push(sequence)
      log.append(text(1))
    }
    expect(found).toEqual([0])
    await log.close()
  })

  it('I3: spreads over segments, named by their first record, and reads across them', async () => {
    const log = await filled(200, { segmentBytes: 1000 })
    const names = await segments()
    expect(names.length).toBeGreaterThan(5)
    expect(names[0]).toBe('0000000000000000.v2.log')
    expect(await read(log, 0)).toEqual(texts(0, 200))
    await log.close()
    const again = await SegmentLog.open(join(root, 'log'), { segmentBytes: 1000 })
    expect(await read(again, 77)).toEqual(texts(77, 200))
    await again.close()
  })

  it('keeps a record larger than a segment, and an empty one', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { segmentBytes: 100 })
    const large = Buffer.alloc(3_000_000, 7)
    for (const payload of [Buffer.alloc(0), large, Buffer.alloc(0)]) log.append(payload)
    const found: number[] = []
    for await (const { payload } of log.readFrom(0)) found.push(payload.length)
    expect(found).toEqual([0, 3_000_000, 0])
    await log.close()
  })

  it('drops whole segments before a record', async () => {
    const log = await filled(200, { segmentBytes: 1000 })
    const before = log.bytes
    await log.truncateBefore(100)
    expect(log.firstSequence).toBeGreaterThan(50)
    expect(log.firstSequence).toBeLessThanOrEqual(100)
    expect(log.bytes).toBeLessThan(before)
    expect(await read(log, 100)).toEqual(texts(100, 200))
    await expect(read(log, 10)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    await log.truncateBefore(1_000_000)
    expect(log.nextSequence).toBe(200)
    await log.close()
    expect(await segments()).toHaveLength(1)
    const again = await SegmentLog.open(join(root, 'log'))
    expect(again.nextSequence).toBe(200)
    await again.close()
  })

  it.each([199, 150, 99, 1, 0, -1])('takes back what follows record %d', async (last) => {
    const log = await filled(200, { segmentBytes: 1000 })
    await log.truncateAfter(last)
    expect(log.nextSequence).toBe(last + 1)
    expect(log.append(Buffer.from('new'))).toBe(last + 1)
    await log.close()
    const again = await SegmentLog.open(join(root, 'log'))
    expect(await read(again, 0)).toEqual([...texts(0, last + 1), 'new'])
    await again.close()
  })

  it('takes back to before the oldest record it still has, and goes on from there', async () => {
    const log = await filled(200, { segmentBytes: 1000 })
    await log.truncateBefore(150)
    await log.truncateAfter(9)
    expect([log.firstSequence, log.nextSequence]).toEqual([10, 10])
    expect(log.append(text(10))).toBe(10)
    await log.close()
    const again = await SegmentLog.open(join(root, 'log'))
    expect(await read(again, 10)).toEqual(texts(10, 11))
    await again.close()
  })

  it('takes back within a large segment, and finds what is written there anew', async () => {
    const log = await SegmentLog.open(join(root, 'log'))
    for (let i = 0; i < 400; i += 1) log.append(payloadOf(i, 1000))
    await log.sync()
    await log.truncateAfter(99)
    for (let i = 100; i < 400; i += 1) log.append(payloadOf(i, 700))
    await log.sync()
    for (const from of [0, 99, 100, 300, 399]) {
      let next = from
      for await (const { sequence, payload } of log.readFrom(from)) {
        expect(sequence).toBe(next)
        expect(Buffer.compare(payload, payloadOf(next, next < 100 ? 1000 : 700))).toBe(0)
        next += 1
      }
      expect(next).toBe(400)
    }
    await log.close()
  })

  it('refuses to take back to a record it never had: the caller has lost something', async () => {
    const log = await filled(3)
    await expect(log.truncateAfter(3)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
    expect(log.append(text(3))).toBe(3)
    await log.close()
  })

  it('makes writers wait while it is full, and lets them go on when records are given up', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { bytesMax: 5000, segmentBytes: 1000 })
    let appended = 0
    while (log.ready() === undefined) log.append(text(appended++))
    await log.sync()
    const waiting = log.ready()
    expect(waiting).toBeDefined()
    await log.truncateBefore(log.nextSequence)
    await waiting
    expect(log.ready()).toBeUndefined()
    expect(log.nextSequence).toBe(appended)
    await log.close()
  })

  it('is not full for ever when all its bytes are in one segment that nobody needs', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { bytesMax: 5000 })
    log.append(Buffer.alloc(6000))
    await log.sync()
    const waiting = log.ready()
    await log.truncateBefore(1)
    await waiting
    expect([log.firstSequence, log.nextSequence]).toEqual([1, 1])
    await log.close()
  })

  it('drops a segment that nobody needs before it is full, if it is large', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { segmentBytes: 4000 })
    log.append(Buffer.alloc(900))
    await log.truncateBefore(1)
    expect([log.firstSequence, await segments()]).toEqual([0, ['0000000000000000.v2.log']])
    log.append(Buffer.alloc(900))
    await log.sync()
    await log.truncateBefore(1)
    expect(log.firstSequence).toBe(0)
    await log.truncateBefore(2)
    expect([log.firstSequence, log.bytes, await segments()]).toEqual([2, 0, ['0000000000000002.v2.log']])
    await log.close()
  })

  it('has segments of an eighth of its bound', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { bytesMax: 800_000 })
    for (let i = 0; i < 60; i += 1) log.append(Buffer.alloc(10_000))
    await log.sync()
    expect(await segments()).toHaveLength(7)
    await log.close()
  })

  it('makes writers wait while too much is buffered', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { bufferBytesMax: 1000 })
    while (log.ready() === undefined) log.append(text(1))
    await log.ready()
    expect(log.ready()).toBeUndefined()
    await log.close()
  })

  it('begins with the number it is told, if it is made now', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { first: 7 })
    expect([log.firstSequence, log.nextSequence, log.durableSequence]).toEqual([7, 7, 7])
    expect(log.append(text(7))).toBe(7)
    expect(log.durableSequence).toBe(7)
    await log.sync()
    expect(log.durableSequence).toBe(8)
    await log.close()
    const again = await SegmentLog.open(join(root, 'log'), { first: 3 })
    expect([again.firstSequence, again.nextSequence, again.durableSequence]).toEqual([7, 8, 8])
    expect(await read(again, 7)).toEqual(texts(7, 8))
    await again.truncateAfter(6)
    expect([again.nextSequence, again.durableSequence]).toEqual([7, 7])
    await again.close()
  })

  it('writes what it is given for good as it writes copies', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { segmentBytes: 100_000 })
    const payloads = Array.from({ length: 60 }, (_, i) => payloadOf(i, i * 700))
    for (const [i, payload] of payloads.entries())
      expect(i % 2 ? log.append(payload) : log.appendOwned(payload)).toBe(i)
    await log.close()
    const again = await SegmentLog.open(join(root, 'log'))
    for await (const { sequence, payload } of again.readFrom(0))
      expect(Buffer.compare(payload, payloadOf(sequence, sequence * 700))).toBe(0)
    expect(again.nextSequence).toBe(60)
    await again.close()
  })

  it('tells about how many bytes the records from one on have, those not written yet included', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { segmentBytes: 1 << 20 })
    for (let i = 0; i < 300; i += 1) log.append(Buffer.alloc(i < 100 ? 20_000 : 1000))
    await log.sync()
    const frames = (from: number, to: number): number =>
      Array.from({ length: to - from }, (_, i) => (from + i < 100 ? 20_024 : 1024)).reduce((a, b) => a + b, 0)
    expect(log.bytesFrom(0)).toBe(log.bytes)
    for (const sequence of [1, 50, 99, 100, 101, 200, 299])
      expect(Math.abs(log.bytesFrom(sequence) - frames(sequence, 300))).toBeLessThan(70_000)
    expect(log.bytesFrom(300)).toBe(0)
    for (let i = 0; i < 10; i += 1) log.append(Buffer.alloc(1000))
    expect(log.bytesFrom(300)).toBe(10_240)
    expect(log.bytesFrom(305)).toBe(5120)
    await log.close()
    // Nothing of the older segments was read: by their lengths, and as if their records were of one size.
    const again = await SegmentLog.open(join(root, 'log'))
    expect(again.bytesFrom(0)).toBe(again.bytes)
    expect(Math.abs(again.bytesFrom(25) - again.bytesFrom(0) + frames(0, 25))).toBeLessThan(2000)
    await again.close()
  })

  it('opens a hundred segments by reading the last one', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open('/log', { fileSystem, segmentBytes: 10_000 })
    for (let i = 0; i < 1000; i += 1) log.append(Buffer.alloc(1000))
    await log.close()
    expect(log.bytes).toBeGreaterThan(1e6)
    fileSystem.readBytes = 0
    const again = await SegmentLog.open('/log', { fileSystem })
    expect(fileSystem.readBytes).toBeLessThan(20_000)
    expect([again.firstSequence, again.nextSequence, again.bytes]).toEqual([0, 1000, log.bytes])
    await again.close()
  })

  it('I4: a flipped bit anywhere in three segments is met by who opens and reads them, with its path and offset', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open('/log', { fileSystem, segmentBytes: 200 })
    for (let i = 0; i < 12; i += 1) {
      log.append(text(i))
      if (i % 3 === 0) await log.sync()
    }
    await log.close()
    const names = await fileSystem.list('/log')
    expect(names).toHaveLength(3)
    for (const name of names) {
      const path = `/log/${name}`
      const whole = fileSystem.content(path)
      const isLast = name === names.at(-1)
      for (let byte = 0; byte < whole.length; byte += 1) {
        const bad = Buffer.from(whole)
        bad[byte] = (bad[byte] as number) ^ (1 << (byte % 8))
        fileSystem.put(path, bad)
        // Of the mark behind the last record nothing depends.
        if (isLast && byte >= whole.length - 24) expect(await readAgain(fileSystem)).toEqual(texts(0, 12))
        else
          await expect(readAgain(fileSystem)).rejects.toMatchObject({
            code: 'LOG_CORRUPT',
            details: { path, offset: frameStart(whole, byte) },
          })
      }
      fileSystem.put(path, whole)
    }
    expect(await readAgain(fileSystem)).toEqual(texts(0, 12))
  })

  it('I4: a flipped bit in any byte of a synced record that others follow is damage, with path and offset', async () => {
    await (await filled(3)).close()
    const path = join(root, 'log', '0000000000000000.v2.log')
    const whole = await readFile(path)
    const firstFrame = 24 + text(0).length
    for (let byte = 0; byte < firstFrame; byte += 1) {
      const bad = Buffer.from(whole)
      bad[byte] = (bad[byte] as number) ^ 0x10
      await writeFile(path, bad)
      await expect(SegmentLog.open(join(root, 'log'))).rejects.toMatchObject({
        code: 'LOG_CORRUPT',
        details: { path, offset: 0 },
      })
    }
  })

  it('I4: damage in an older segment is met by whoever reads it', async () => {
    const log = await filled(200, { segmentBytes: 1000 })
    await log.close()
    const path = join(root, 'log', (await segments())[1] as string)
    const bytes = await readFile(path)
    bytes[500] = (bytes[500] as number) ^ 1
    await writeFile(path, bytes)
    const again = await SegmentLog.open(join(root, 'log'))
    await expect(read(again, 0)).rejects.toMatchObject({ code: 'LOG_CORRUPT', details: { path } })
    await again.close()
  })

  it('I4: a segment that is missing or cut short is met by whoever reads it', async () => {
    await (await filled(200, { segmentBytes: 1000 })).close()
    const names = await segments()
    await cp(join(root, 'log'), join(root, 'copy'), { recursive: true })
    await rm(join(root, 'log', names[2] as string))
    await truncate(join(root, 'copy', names[2] as string), 300)
    for (const directory of ['log', 'copy']) {
      const log = await SegmentLog.open(join(root, directory))
      await expect(read(log, 0)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
      await log.close()
    }
  })

  it('refuses a directory with segments of another format', async () => {
    await (await filled(1)).close()
    await appendFile(join(root, 'log', '0000000000000009.v1.log'), 'x')
    await expect(SegmentLog.open(join(root, 'log'))).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  })

  it('refuses to be used after close', async () => {
    const log = await filled(1)
    await log.close()
    await log.close()
    expect(() => log.append(text(1))).toThrow(/used after close/)
  })
})
