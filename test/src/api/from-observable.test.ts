// fromObservable: what was pushed is given to the job once, through crashes at any point. Hunts for records lost between push,
// log, position and truncation.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EMPTY, Subject, throwError } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type FromObservableOptions, fromObservable } from '../../../src/index.ts'
import { SegmentLog } from '../../../src/log/segment-log.ts'
import { SourceDriver, type SourceSnapshot } from '../../support/source-driver.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'from-observable-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

interface Pushed<T> {
  readonly driver: SourceDriver<T>
  readonly subject: Subject<T>
}

/** A source over a Subject; one poll makes it subscribe. */
async function running<T = number>(
  options: FromObservableOptions<T> = { log: true },
  restored?: SourceSnapshot,
): Promise<Pushed<T>> {
  const subject = new Subject<T>()
  const driver = await new SourceDriver(
    fromObservable(() => subject, options),
    { directory, node: 'push' },
  ).start(restored)
  return { driver, subject }
}

/** Pushes without a pause and takes it all. */
async function pushAndTake<T>({ driver, subject }: Pushed<T>, records: readonly T[]): Promise<T[]> {
  expect(await driver.readers[0]?.poll(1)).toBe('idle')
  for (const record of records) subject.next(record)
  return driver.take(records.length)
}

describe('with a log', () => {
  test('records come in order; after a crash those that no checkpoint holds come again', async () => {
    const first = await running()
    expect(await pushAndTake(first, [1, 2, 3])).toEqual([1, 2, 3])
    const snapshot = first.driver.snapshot(1)
    for (const record of [4, 5]) first.subject.next(record)
    expect(await first.driver.take(2)).toEqual([4, 5])
    await first.driver.close()

    const second = await running({ log: true }, snapshot)
    expect(await second.driver.take(2)).toEqual([4, 5])
    expect(await pushAndTake(second, [6])).toEqual([6])
    await second.driver.close()
  })

  test('before the first checkpoint all that was taken over comes again', async () => {
    const first = await running()
    await pushAndTake(first, [1, 2])
    await first.driver.close()
    const second = await running()
    expect(await second.driver.take(2)).toEqual([1, 2])
    await second.driver.close()
  })

  test('a job that lags reads the log from the disk until it is back at its end', async () => {
    const source = await running()
    const records = [...Array(20_000).keys()]
    expect(await pushAndTake(source, records)).toEqual(records)
    expect(await pushAndTake(source, [-1])).toEqual([-1])
    await source.driver.close()
  })

  test('records come as the codec makes them, before a crash as after it', async () => {
    class Reading {
      readonly at = new Date(5)
    }
    const source = await running<unknown>()
    const [record] = await pushAndTake(source, [new Reading()])
    expect(record).toEqual({ at: new Date(5) })
    expect(record).not.toBeInstanceOf(Reading)
    await source.driver.close()
  })

  test('completed checkpoints let go of the log, keepCheckpoints back', async () => {
    const source = await running({ log: { keepCheckpoints: 1, bytesMax: 1 } })
    const released = async (checkpoint: number): Promise<void> => {
      source.driver.snapshot(checkpoint)
      await source.driver.complete(checkpoint)
    }
    expect(await pushAndTake(source, [1])).toEqual([1])
    await released(1)
    // One record is the whole log's bound here: only a released log takes the next.
    await released(2)
    expect(await pushAndTake(source, [2])).toEqual([2])
    await source.driver.close()
    const log = await SegmentLog.open(join(directory, 'log'))
    expect(log.firstSequence).toBe(1)
    await log.close()
  })

  test('a full log fails the job rather than lose a record', async () => {
    const source = await running({ log: { bytesMax: 10 } })
    expect(await source.driver.readers[0]?.poll(1)).toBe('idle')
    for (const record of [1, 2, 3]) source.subject.next(record)
    expect(source.subject.observed).toBe(false)
    await expect(source.driver.take()).rejects.toThrow(
      /Source "push": it pushes faster than the job takes: .*log\.bytesMax/,
    )
    await source.driver.close()
  })

  test('an Observable that completed is not subscribed to again once a checkpoint knows', async () => {
    const first = await running()
    expect(await first.driver.readers[0]?.poll(1)).toBe('idle')
    first.subject.next(1)
    first.subject.complete()
    expect(await first.driver.take(1)).toEqual([1])
    const snapshot = first.driver.snapshot(1)
    await first.driver.close()
    const second = await running({ log: true }, snapshot)
    expect(await second.driver.take()).toEqual([])
    expect(second.subject.observed).toBe(false)
    await second.driver.close()
  })

  test('a checkpoint that the log no longer reaches is refused, saying what to raise', async () => {
    const first = await running()
    await pushAndTake(first, [1, 2])
    const snapshot = first.driver.snapshot(1)
    await first.driver.close()
    rmSync(join(directory, 'log'), { recursive: true })
    const second = await running({ log: true }, snapshot)
    await expect(second.driver.readers[0]?.poll(1)).rejects.toThrow(
      'the checkpoint is at record 2 and its log holds records 0 to before 0: raise log.keepCheckpoints to go back further',
    )
    await second.driver.close()
  })

  test('restarted after every few records, at random points, each record is seen exactly once', async () => {
    let restored: SourceSnapshot | undefined
    const seen: number[] = []
    let pushed = 0
    for (let round = 0; round < 12; round += 1) {
      const { driver, subject } = await running({ log: true }, restored)
      // Subscribes, and takes nothing.
      await driver.readers[0]?.poll(0)
      for (let i = 0; i <= round % 4; i += 1) {
        subject.next(pushed)
        pushed += 1
      }
      const want = pushed - seen.length
      // Takes all or leaves one behind, and is checkpointed before or after taking what the crash then takes back.
      const taken = await driver.take(round % 3 === 0 ? Math.max(1, want - 1) : want)
      if (round % 2 === 0) {
        seen.push(...taken)
        restored = driver.snapshot(round)
        await driver.complete(round)
      }
      await driver.close()
    }
    const last = await running({ log: true }, restored)
    seen.push(...(await last.driver.take(pushed - seen.length)))
    expect(seen).toEqual([...Array(pushed).keys()])
    await last.driver.close()
  })
})

describe('without a log', () => {
  test('says that it cannot be replayed', () => {
    expect(fromObservable(() => EMPTY).replayable).toBe(false)
    expect(fromObservable(() => EMPTY, { log: false }).replayable).toBe(false)
    expect(fromObservable(() => EMPTY, { log: {} }).replayable).toBe(true)
  })

  test('records wait in memory, up to recordsMax', async () => {
    const source = await running({ recordsMax: 2 })
    expect(await pushAndTake(source, [1, 2])).toEqual([1, 2])
    for (const record of [3, 4, 5]) source.subject.next(record)
    expect(source.subject.observed).toBe(false)
    expect(await source.driver.take(2)).toEqual([3, 4])
    await expect(source.driver.take()).rejects.toThrow('2 records (recordsMax) wait already')
    await source.driver.close()
  })
})

describe('either way', () => {
  test.each([true, false])('the source ends when the Observable does (log: %s)', async (log) => {
    const source = await running({ log, bounded: true })
    expect(await source.driver.readers[0]?.poll(1)).toBe('idle')
    source.subject.next(1)
    source.subject.next(2)
    source.subject.complete()
    expect(await source.driver.take()).toEqual([1, 2])
    await source.driver.close()
  })

  test.each([true, false])('an error of the Observable fails the source by name (log: %s)', async (log) => {
    const failing = fromObservable(() => throwError(() => new Error('lost the line')), { log })
    const driver = await new SourceDriver(failing, { directory, node: 'push' }).start()
    await expect(driver.take()).rejects.toThrow('Source "push": lost the line')
    await driver.close()
  })

  test.each([true, false])('close() unsubscribes and wakes who waits (log: %s)', async (log) => {
    const { driver, subject } = await running({ log })
    expect(await driver.readers[0]?.poll(1)).toBe('idle')
    expect(subject.observed).toBe(true)
    const waiting = driver.readers[0]?.available()
    await driver.close()
    await waiting
    expect(subject.observed).toBe(false)
  })
})
