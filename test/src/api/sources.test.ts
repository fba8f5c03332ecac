// defineSource, fromArray, fromIterable: positions are exact, ends are ends, waiting is waiting.

import { describe, expect, test } from 'vitest'
import type { SourceFunction } from '../../../src/contract/source-function.ts'
import { defineSource, fromArray, fromIterable } from '../../../src/index.ts'
import { readWithRestores, SourceDriver } from '../../support/source-driver.ts'

const TEN = [...Array(10).keys()]

function* counted(): Iterable<number> {
  yield* TEN
}

const paged = () =>
  defineSource({
    start: 0,
    bounded: true,
    read: (offset, limit) => {
      if (offset >= TEN.length) return 'end'
      const records = TEN.slice(offset, offset + limit)
      return { records, position: offset + records.length }
    },
  })

test.each<[string, () => SourceFunction<number>]>([
  ['fromArray', () => fromArray(TEN)],
  ['fromIterable', () => fromIterable(counted)],
  ['defineSource', paged],
])('%s goes on after each record it was restored at', async (_, make) => {
  expect(make().boundedness).toBe('bounded')
  for (const piece of [1, 3, 10]) expect(await readWithRestores(make, piece, { parallelisms: [1, 2] })).toEqual(TEN)
})

test('fromIterable lets its generator clean up', async () => {
  let cleaned = 0
  const driver = await new SourceDriver(
    fromIterable(function* () {
      try {
        yield* TEN
      } finally {
        cleaned += 1
      }
    }),
  ).start()
  await driver.take(3)
  await driver.close()
  expect(cleaned).toBe(1)
})

describe('defineSource', () => {
  test('reads several splits in turn, each from its own start', async () => {
    const make = (splits: Record<string, number> | (() => Promise<Record<string, number>>)) =>
      defineSource({
        splits,
        bounded: true,
        read: async (position: number, _limit, split) =>
          position === 3 ? 'end' : { records: [`${split}${position}`], position: position + 1 },
      })
    const expected = ['a0', 'b1', 'a1', 'b2', 'a2']
    const driver = await new SourceDriver(make({ a: 0, b: 1 })).start()
    expect((await driver.take()).sort()).toEqual([...expected].sort())
    const later = make(() => Promise.resolve({ a: 0, b: 1 }))
    expect(((await (await new SourceDriver(later, { parallelism: 3 }).start()).take()) as string[]).sort()).toEqual(
      [...expected].sort(),
    )
    const restored = await readWithRestores(() => make({ a: 0, b: 1 }), 1, { parallelisms: [1, 3, 2] })
    expect(restored.sort()).toEqual([...expected].sort())
  })

  test('waits pollMs after idle, and moves over pages without records', async () => {
    const answers = ['idle', { records: [], position: 5 }, { records: ['x'], position: 6, timestamps: [77] }] as const
    const asked: number[] = []
    const source = defineSource<string, number>({
      start: 0,
      pollMs: 50,
      read: (position) => {
        asked.push(position)
        return answers[asked.length - 1] ?? 'idle'
      },
    })
    expect(source.boundedness).toBe('unbounded')
    const driver = await new SourceDriver(source).start()
    const [reader] = driver.readers
    expect(await reader?.poll(10)).toBe('idle')
    let woken = false
    void reader?.available().then(() => {
      woken = true
    })
    driver.clock.advance(49)
    await Promise.resolve()
    expect(woken).toBe(false)
    driver.clock.advance(1)
    await Promise.resolve()
    expect(woken).toBe(true)
    expect(await reader?.poll(10)).toBe('idle')
    expect(driver.snapshot(1).splits).toEqual([{ id: 'all', position: 5 }])
    expect(await reader?.poll(10)).toMatchObject({ values: ['x'], timestamps: [77] })
    expect(asked).toEqual([0, 0, 5])
  })

  test('in batch mode idle is the end', async () => {
    const make = () =>
      defineSource<string, number>({
        start: 0,
        read: (position) => (position === 0 ? { records: ['x'], position: 1 } : 'idle'),
      })
    expect(await (await new SourceDriver(make(), { mode: 'batch' }).start()).take()).toEqual(['x'])
  })

  test('opens and closes', async () => {
    const calls: string[] = []
    const source = defineSource<string, number>({
      start: 0,
      open: ({ node }) => void calls.push(`open ${node}`),
      close: () => void calls.push('close'),
      read: () => 'end',
    })
    const driver = await new SourceDriver(source, { node: 'mine' }).start()
    await driver.take()
    await driver.close()
    expect(calls).toEqual(['open mine', 'close'])
  })

  test('a failing read fails the poll', async () => {
    const source = defineSource<string, number>({ start: 0, read: () => Promise.reject(new Error('offline')) })
    const driver = await new SourceDriver(source).start()
    await expect(driver.readers[0]?.poll(1)).rejects.toThrow('offline')
  })
})

test('a reader that waits is woken by splits and by close()', async () => {
  const source = paged()
  const driver = await new SourceDriver(source, { parallelism: 1 }).start()
  const [reader] = driver.readers
  await driver.take()
  await reader?.addSplits([{ id: 'late', position: 9 } as never])
  expect(await reader?.poll(5)).toMatchObject({ values: [9] })
})
