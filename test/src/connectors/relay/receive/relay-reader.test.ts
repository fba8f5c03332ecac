import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { encodeEntry } from '../../../../../src/connectors/relay/queue/entry.ts'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'
import { RelayReader } from '../../../../../src/connectors/relay/receive/relay-reader.ts'
import type { ReaderEvent, RelaySplit } from '../../../../../src/connectors/relay/receive/relay-split.ts'
import { SegmentLog } from '../../../../../src/log/segment-log.ts'
import { ManualClock, runtimeContext } from '../../../../support/runtime-context.ts'

const folders: string[] = []

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

const SPLIT: RelaySplit = {
  id: 'south/a/line#0.01010101/x',
  sender: 'south/a/line',
  stream: 'x',
  folder: 'x',
  sequence: 0,
  skip: 0,
}

async function fill(directory: string, batches: number): Promise<void> {
  const log = await SegmentLog.open(directory)
  for (let i = 0; i < batches; i += 1) {
    const records = msgpackRecords.encode([0, 1, 2].map((n) => i * 3 + n))
    log.append(encodeEntry({ firstRecord: i * 3, count: 3, atMs: 1, records }))
  }
  await log.close()
}

/** A reader over two logs, x and y, of batches of three records, numbered from 0. */
async function readerOf(
  batches: number,
): Promise<{ reader: RelayReader<number>; told: ReaderEvent[]; finished: string[] }> {
  const directory = await mkdtemp(join(tmpdir(), 'relay-reader-'))
  folders.push(directory)
  await fill(join(directory, 'received', 'x'), batches)
  await fill(join(directory, 'received', 'y'), batches)
  const told: ReaderEvent[] = []
  const finished: string[] = []
  const context = {
    ...runtimeContext({ directory, clock: new ManualClock() }),
    requestSplit: () => {},
    sendToEnumerator: (event: unknown) => void told.push(event as ReaderEvent),
    reportProgress: () => {},
    splitFinished: (id: string) => void finished.push(id),
  }
  return { reader: new RelayReader<number>(context, msgpackRecords), told, finished }
}

async function read(reader: RelayReader<number>, count: number, maxRecords = 1024): Promise<number[]> {
  const records: number[] = []
  while (records.length < count) {
    const polled = reader.poll(Math.min(maxRecords, count - records.length))
    if (polled === 'idle') await reader.available()
    else if (polled !== 'end') records.push(...polled.values)
  }
  return records
}

const endAt = (next: number, isFinal = false) => ({
  type: 'ends',
  ends: [{ id: SPLIT.id, next, records: next * 3, isFinal }],
})

it('I3. keeps what it read to its end until it is told to forget it', async () => {
  const { reader, told, finished } = await readerOf(4)
  reader.addSplits([SPLIT])
  await reader.onEvent(endAt(4))
  expect(await read(reader, 12)).toEqual(Array.from({ length: 12 }, (_, i) => i))
  expect(finished).toEqual([])
  await reader.onEvent(endAt(4, true))
  expect(finished).toEqual([SPLIT.id])
  expect(told.at(-1)).toEqual({ type: 'finished', ids: [SPLIT.id] })
  expect(reader.snapshot(1)).toEqual([{ ...SPLIT, sequence: 4 }])
  reader.checkpointComplete(1)
  expect(told.at(-1)).toEqual({ type: 'complete', positions: [{ id: SPLIT.id, sequence: 4 }] })
  expect(reader.snapshot(2)).toHaveLength(1)
  await reader.onEvent({ type: 'forget', ids: [SPLIT.id] })
  expect(reader.snapshot(3)).toEqual([])
  await reader.close()
})

it('reads nothing beyond the end that it was told', async () => {
  const { reader } = await readerOf(4)
  reader.addSplits([SPLIT])
  expect(reader.poll(10)).toBe('idle')
  await reader.onEvent(endAt(2))
  expect(await read(reader, 6)).toEqual([0, 1, 2, 3, 4, 5])
  expect(reader.poll(10)).toBe('idle')
  await reader.onEvent(endAt(3))
  expect(await read(reader, 3)).toEqual([6, 7, 8])
  await reader.close()
})

it('I1. stands within a batch, and goes on there', async () => {
  const { reader } = await readerOf(4)
  reader.addSplits([SPLIT])
  await reader.onEvent(endAt(4))
  expect(await read(reader, 4, 2)).toEqual([0, 1, 2, 3])
  const [split] = reader.snapshot(1)
  expect(split).toMatchObject({ sequence: 1, skip: 1 })
  reader.addSplits([{ ...(split as RelaySplit), id: 'again' }])
  await reader.onEvent({ type: 'ends', ends: [{ id: 'again', next: 4, records: 12, isFinal: false }] })
  const rest = await read(reader, 16, 5)
  expect(rest.filter((n) => n === 4)).toHaveLength(2)
  expect(rest.filter((n) => n < 4)).toEqual([])
  await reader.close()
})

it('joins small batches, of one stream', async () => {
  const { reader } = await readerOf(4)
  reader.addSplits([SPLIT])
  await reader.onEvent(endAt(4))
  await reader.available()
  while (reader.snapshot(0)[0]?.sequence === 0) {
    const polled = reader.poll(7)
    if (polled === 'idle') await reader.available()
    // Two whole ones: the third does not fit.
    else expect(polled).toMatchObject({ values: [0, 1, 2, 3, 4, 5] })
  }
  await reader.close()
})

it('I2. reads streams in turn', async () => {
  const { reader } = await readerOf(1_000)
  const ids = ['x', 'y'].map((folder) => `id-${folder}`)
  reader.addSplits(['x', 'y'].map((folder) => ({ ...SPLIT, folder, id: `id-${folder}` })))
  await reader.onEvent({ type: 'ends', ends: ids.map((id) => ({ id, next: 1_000, records: 3_000, isFinal: false })) })
  const next = async (): Promise<string | undefined> => {
    await read(reader, 1)
    return reader.lastSplit
  }
  // One at a time is fetched: until both are, one is read.
  const first = await next()
  while ((await next()) === first) await new Promise((resolve) => setTimeout(resolve, 1))
  const turns: (string | undefined)[] = []
  for (let i = 0; i < 20; i += 1) turns.push(await next())
  expect(turns).toEqual(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? first : ids.find((id) => id !== first))))
  await reader.close()
})

it('leaves a stream that waits', async () => {
  const { reader } = await readerOf(4)
  reader.addSplits([SPLIT])
  reader.pauseSplits(new Set([SPLIT.id]))
  await reader.onEvent(endAt(4))
  expect(reader.poll(10)).toBe('idle')
  reader.pauseSplits(new Set())
  expect(await read(reader, 12)).toHaveLength(12)
  expect(reader.lastSplit).toBe(SPLIT.id)
  await reader.close()
})

it('fails with what failed behind the enumerator', async () => {
  const { reader } = await readerOf(1)
  const failed = { type: 'failed', code: 'LOG_CORRUPT', details: { path: 'p', offset: 1, reason: 'r' }, reason: 'r' }
  expect(() => reader.onEvent(failed)).toThrow(expect.objectContaining({ code: 'LOG_CORRUPT' }))
  expect(() => reader.onEvent({ ...failed, code: undefined })).toThrow(
    expect.objectContaining({ code: 'SOURCE_FAILED' }),
  )
  await reader.close()
})
