import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogReader } from '../../../src/log/log-reader.ts'
import { SegmentLog, type SegmentLogOptions } from '../../../src/log/segment-log.ts'
import { present } from '../../../src/util/assert.ts'
import { seededRng } from '../../../src/util/rng.ts'
import { CrashFileSystem } from './crash-file-system.ts'
import { payloadOf } from './payload-of.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-log-'))
})
afterEach(() => rm(root, { recursive: true }))

const record = (n: number): string => `record ${n} ${'x'.repeat(n % 50)}`
const records = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${from + i}:${record(from + i)}`)

async function filled(count: number, options: SegmentLogOptions = {}): Promise<SegmentLog> {
  const log = await SegmentLog.open(root, options)
  for (let i = 0; i < count; i += 1) log.append(Buffer.from(record(i)))
  await log.sync()
  return log
}

async function take(reader: LogReader, end: number, bytesMax = 1 << 20): Promise<string[]> {
  return (await reader.read(end, bytesMax)).map(({ sequence, payload }) => `${sequence}:${Buffer.from(payload)}`)
}

async function takeAll(reader: LogReader, end: number, bytesMax = 1 << 20): Promise<string[]> {
  const taken: string[] = []
  while (reader.position < end) taken.push(...(await take(reader, end, bytesMax)))
  return taken
}

const segments = async (): Promise<string[]> => (await readdir(root)).sort().map((name) => join(root, name))

describe('LogReader', () => {
  it('I2: gives all records in order, over the segments, in pieces of about so many bytes, one at least', async () => {
    const log = await filled(200, { segmentBytes: 1000 })
    const reader = new LogReader(root, 0)
    expect(await take(reader, 200, 100)).toEqual(records(0, 3))
    expect(reader.position).toBe(3)
    expect(await take(reader, 200, 1)).toEqual(records(3, 4))
    expect(await take(reader, 200, 0)).toEqual(records(4, 5))
    expect(await takeAll(reader, 200)).toEqual(records(5, 200))
    expect(await take(reader, 200)).toEqual([])
    await reader.close()
    await log.close()
  })

  it('I1: stops at the end it is told, and goes on when told more, closed in between or not', async () => {
    const log = await filled(20)
    const reader = new LogReader(root, 5)
    expect(await take(reader, 8)).toEqual(records(5, 8))
    expect(await take(reader, 8)).toEqual([])
    await reader.close()
    expect(await take(reader, 2)).toEqual([])
    for (let i = 20; i < 30; i += 1) log.append(Buffer.from(record(i)))
    await log.sync()
    expect(await takeAll(reader, 30)).toEqual(records(8, 30))
    await reader.close()
    await log.close()
  })

  it('I1: what was behind the end when it was read may have been taken back and written anew', async () => {
    const log = await filled(10)
    const reader = new LogReader(root, 0)
    expect(await take(reader, 6, 100)).toEqual(records(0, 3))
    await log.truncateAfter(5)
    for (let i = 6; i < 10; i += 1) log.append(Buffer.from(`${record(i)}`.replace('record', 'RECORD')))
    await log.sync()
    expect(await takeAll(reader, 10)).toEqual([
      ...records(3, 6),
      ...records(6, 10).map((one) => one.replace('record', 'RECORD')),
    ])
    await reader.close()
    await log.close()
  })

  it('I3: goes on in a segment that was removed behind it, and says so when what it asks for is gone', async () => {
    const log = await filled(200, { segmentBytes: 1000 })
    const reader = new LogReader(root, 0)
    const behind = new LogReader(root, 0)
    expect(await take(reader, 200, 100)).toEqual(records(0, 3))
    await log.truncateBefore(100)
    await expect(behind.read(200, 100)).rejects.toMatchObject({ code: 'LOG_CORRUPT', details: { path: root } })
    await expect(behind.read(200, 100)).rejects.toThrow(/record 0 was asked for .* it holds records from \d+ on/)
    // Its own segment is read out; the next one is not there any more.
    await expect(takeAll(reader, 200)).rejects.toThrow(/was asked for and is not there/)
    expect(reader.position).toBeLessThanOrEqual(log.firstSequence)
    reader.seek(100)
    await log.truncateBefore(100)
    expect(await takeAll(reader, 200, 50)).toEqual(records(100, 200))
    await log.truncateBefore(200)
    await log.close()
    await reader.close()
    await behind.close()
  })

  it('goes to any record, forth and back, by the places it remembers', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open('/log', { fileSystem, segmentBytes: 4 << 20 })
    const payload = Buffer.alloc(1000)
    for (let i = 0; i < 8000; i += 1) {
      payload.writeUInt32LE(i)
      log.append(payload)
    }
    await log.sync()
    const reader = new LogReader('/log', 0, { fileSystem })
    while (reader.position < 8000) await reader.read(8000, 1 << 20)
    const rng = seededRng(3)
    for (let i = 0; i < 50; i += 1) {
      const to = rng.int(8000)
      reader.seek(to)
      expect(reader.position).toBe(to)
      const found = present((await reader.read(8000, 1))[0], 'a record')
      expect([found.sequence, Buffer.from(found.payload).readUInt32LE()]).toEqual([to, to])
    }
    // One that was never before it looks for a record from its segment's start; behind that it knows the way.
    const other = new LogReader('/log', 4000, { fileSystem })
    await other.read(8000, 1)
    fileSystem.readBytes = 0
    other.seek(100)
    other.seek(3999)
    await other.read(8000, 1)
    expect(fileSystem.readBytes).toBeLessThanOrEqual(1 << 20)
    await Promise.all([reader, other, log].map((one) => one.close()))
  })

  it('reads in order what is there, each byte about once', async () => {
    const fileSystem = new CrashFileSystem()
    const log = await SegmentLog.open('/log', { fileSystem, segmentBytes: 1 << 20 })
    for (let i = 0; i < 3000; i += 1) log.append(Buffer.alloc(1000, i))
    await log.sync()
    const reader = new LogReader('/log', 0, { fileSystem })
    while (reader.position < 3000) await reader.read(3000, 10_000)
    expect(fileSystem.readBytes).toBeLessThan(log.bytes * 1.01)
    expect(fileSystem.reads).toBeLessThan(10)
    await reader.close()
    await log.close()
  })

  it('reads records larger than its chunk, and empty ones', async () => {
    const log = await SegmentLog.open(root, { segmentBytes: 4 << 20 })
    const sizes = [0, 3_000_000, 10, 5_000_000, 0, 0, 1_048_576, 1]
    for (const [i, size] of sizes.entries()) log.appendOwned(payloadOf(i, size))
    await log.sync()
    const reader = new LogReader(root, 0)
    for (const [i, size] of sizes.entries()) {
      const [found] = await reader.read(sizes.length, 1)
      expect(found?.sequence).toBe(i)
      expect(Buffer.compare(found?.payload ?? Buffer.alloc(0), payloadOf(i, size))).toBe(0)
    }
    await reader.close()
    await log.close()
  })

  it('I2: damage has a path and an offset, is met again, and records before it are not lost by it', async () => {
    await (await filled(100)).close()
    const path = present((await segments())[0], 'a segment')
    const whole = await readFile(path)
    const bad = Buffer.from(whole)
    const at = 24 * 10 + records(0, 10).reduce((sum, one) => sum + one.length - one.indexOf(':') - 1, 0)
    bad[at + 30] = (bad[at + 30] as number) ^ 4
    await writeFile(path, bad)
    const reader = new LogReader(root, 0)
    for (let i = 0; i < 2; i += 1)
      await expect(reader.read(100, 1 << 20)).rejects.toMatchObject({
        code: 'LOG_CORRUPT',
        details: { path, offset: at },
      })
    expect(reader.position).toBe(0)
    expect(await take(reader, 10)).toEqual(records(0, 10))
    await writeFile(path, whole)
    expect(await takeAll(reader, 100)).toEqual(records(10, 100))
    await reader.close()
  })

  it('I2: a segment that ends too early, or too late, is damage', async () => {
    await (await filled(100, { segmentBytes: 1000 })).close()
    const path = present((await segments())[1], 'a segment')
    const whole = await readFile(path)
    for (const bytes of [whole.subarray(0, whole.length - 1), Buffer.concat([whole, Buffer.alloc(1)])]) {
      await writeFile(path, bytes)
      const reader = new LogReader(root, 0)
      await expect(takeAll(reader, 100)).rejects.toMatchObject({ code: 'LOG_CORRUPT', details: { path } })
      await reader.close()
    }
  })

  it('names the directory that is not there, and goes on when it is', async () => {
    const missing = join(root, 'none')
    const reader = new LogReader(missing, 0)
    await expect(reader.read(1, 1)).rejects.toMatchObject({ code: 'IO' })
    const log = await SegmentLog.open(missing)
    log.append(Buffer.from('x'))
    await log.sync()
    expect(await take(reader, 1)).toEqual(['0:x'])
    await reader.close()
    await log.close()
  })

  it('in another thread: every record once, in order and whole, while the log is written, rolled and truncated', async () => {
    const log = await SegmentLog.open(root, { segmentBytes: 300_000, bytesMax: 2_000_000 })
    const total = 6000
    const worker = new Worker(
      `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(new URL('./log-reader-thread.ts', import.meta.url).href)}) })`,
      { eval: true, workerData: { directory: root, total } },
    )
    const ended = new Promise<string>((resolve, reject) => {
      worker.on('message', (message: number | string) => {
        if (typeof message === 'string') resolve(message)
        else log.truncateBefore(message).catch(reject)
      })
      worker.on('error', reject)
    })
    const rng = seededRng(11)
    const publish = async (): Promise<void> => {
      await log.sync()
      worker.postMessage(log.durableSequence)
    }
    for (let i = 0; i < total; i += 1) {
      log.append(payloadOf(i, rng.int(2000) + (rng.int(300) === 0 ? 400_000 : 0)))
      const room = log.ready()
      if (rng.int(20) === 0 || room !== undefined) await publish()
      await room
    }
    await publish()
    expect(await ended).toBe('read 6000')
    await log.close()
    await worker.terminate()
    expect((await segments()).length).toBeLessThan(10)
  })
})
