import { appendFile, cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SegmentLog, type SegmentLogOptions } from '../../../src/log/segment-log.ts'

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

  it('makes writers wait while too much is buffered', async () => {
    const log = await SegmentLog.open(join(root, 'log'), { bufferBytesMax: 1000 })
    while (log.ready() === undefined) log.append(text(1))
    await log.ready()
    expect(log.ready()).toBeUndefined()
    await log.close()
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
