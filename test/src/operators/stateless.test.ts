// map, filter, flatMap, keyBy, split, union and assignTimestamps: what goes in singly or in bulk comes out the same.

import { describe, expect, test } from 'vitest'
import type { Operator } from '../../../src/contract/operator.ts'
import { AssignTimestampsOperator } from '../../../src/operators/assign-timestamps.ts'
import { FilterOperator } from '../../../src/operators/filter.ts'
import { FlatMapOperator } from '../../../src/operators/flat-map.ts'
import { KeyByOperator } from '../../../src/operators/key-by.ts'
import { MapOperator } from '../../../src/operators/map.ts'
import { PassThroughOperator } from '../../../src/operators/pass-through.ts'
import { SPLIT_REST, SplitOperator } from '../../../src/operators/split.ts'
import { OperatorDriver, runBothWays } from '../../support/operator-driver.ts'

const TIMED = { timestamps: [10, 20, 30, 40] }
const even = (n: number): boolean => n % 2 === 0

describe('with timestamps', () => {
  test('map keeps the timestamp of each record', async () => {
    const out = await runBothWays(() => new MapOperator('double', (n: number) => n * 2), [1, 2, 3, 4], TIMED)
    expect(out.map(({ value, timestamp }) => [value, timestamp])).toEqual([
      [2, 10],
      [4, 20],
      [6, 30],
      [8, 40],
    ])
  })

  test('filter keeps the timestamps of what it keeps', async () => {
    const out = await runBothWays(() => new FilterOperator('even', even), [1, 2, 3, 4], TIMED)
    expect(out.map(({ value, timestamp }) => [value, timestamp])).toEqual([
      [2, 20],
      [4, 40],
    ])
  })

  test('flatMap gives each record the timestamp of what it came from', async () => {
    const repeat = function* (n: number): Iterable<string> {
      for (let i = 0; i < n; i += 1) yield `${n}.${i}`
    }
    const out = await runBothWays(() => new FlatMapOperator('repeat', repeat), [2, 0, 1, 0], TIMED)
    expect(out.map(({ value, timestamp }) => [value, timestamp])).toEqual([
      ['2.0', 10],
      ['2.1', 10],
      ['1.0', 30],
    ])
  })

  test('keyBy adds keys and changes nothing else', async () => {
    const out = await runBothWays(() => new KeyByOperator('parity', (n: number) => n % 2), [1, 2, 3, 4], TIMED)
    expect(out).toEqual([
      { value: 1, timestamp: 10, key: 1 },
      { value: 2, timestamp: 20, key: 0 },
      { value: 3, timestamp: 30, key: 1 },
      { value: 4, timestamp: 40, key: 0 },
    ])
  })

  test('split sends each record one way', async () => {
    const driver = await new OperatorDriver(new SplitOperator('even', even)).open()
    await driver.push([1, 2, 3, 4], TIMED)
    expect(driver.out.values()).toEqual([2, 4])
    expect(driver.out.byOutput.get(SPLIT_REST)).toEqual([
      { value: 1, timestamp: 10, key: undefined },
      { value: 3, timestamp: 30, key: undefined },
    ])
  })

  test('assignTimestamps replaces what was there', async () => {
    const make = (): Operator => new AssignTimestampsOperator('time', (n: number) => n * 1000)
    const out = await runBothWays(make, [1, 2], { timestamps: [7, 8] })
    expect(out.map(({ timestamp }) => timestamp)).toEqual([1000, 2000])
  })
})

test('without timestamps none are made up', async () => {
  const operators: Operator[] = [
    new MapOperator('m', (n: number) => n),
    new FilterOperator('f', () => true),
    new FlatMapOperator('fm', (n: number) => [n]),
    new KeyByOperator('k', (n: number) => n),
    new PassThroughOperator(),
  ]
  for (const operator of operators) {
    const driver = await new OperatorDriver(operator).open()
    await driver.push([1, 2])
    expect(driver.out.byOutput.get('')?.map(({ timestamp }) => timestamp)).toEqual([undefined, undefined])
  }
})

test('a flatMap that makes very much of one record passes it on in batches', async () => {
  const driver = await new OperatorDriver(new FlatMapOperator('many', (n: number) => Array(n).fill(0))).open()
  await driver.push([5_000])
  expect(driver.out.values()).toHaveLength(5_000)
  expect(driver.out.batches).toBe(5)
})

test('keys end behind a union, as behind every node but keyBy', async () => {
  const driver = await new OperatorDriver(new PassThroughOperator()).open()
  await driver.push(['a'], { keys: ['k'] })
  expect(driver.out.byOutput.get('')).toEqual([{ value: 'a', timestamp: undefined, key: undefined }])
})

describe('an exception of the user', () => {
  const boom = (record: { n: number }): never => {
    throw new Error(`no ${record.n}`)
  }
  const thrower = (record: { n: number; password: string }): number => (record.n === 2 ? boom(record) : record.n)
  const records = [1, 2, 3].map((n) => ({ n, password: 'hunter2' }))

  test.each<[string, Operator]>([
    ['map', new MapOperator('step', thrower)],
    ['filter', new FilterOperator('step', (record: { n: number; password: string }) => thrower(record) > 0)],
    ['flatMap', new FlatMapOperator('step', (record: { n: number; password: string }) => [thrower(record)])],
    ['keyBy', new KeyByOperator('step', thrower)],
    ['split', new SplitOperator('step', (record: { n: number; password: string }) => thrower(record) > 0)],
    ['assignTimestamps', new AssignTimestampsOperator('step', thrower)],
  ])('in %s names the node and shows the record, its secrets masked', async (_, operator) => {
    const driver = await new OperatorDriver(operator).open()
    await expect(driver.push(records)).rejects.toMatchObject({
      code: 'USER_FUNCTION',
      details: { node: 'step', record: "{ n: 2, password: '***' }", reason: 'no 2' },
      cause: { message: 'no 2' },
    })
  })

  test('in a generator counts for the record it was made from', async () => {
    const generator = function* (n: number): Iterable<number> {
      yield n
      throw new Error('half way')
    }
    const driver = await new OperatorDriver(new FlatMapOperator('gen', generator)).open()
    await expect(driver.push([7])).rejects.toThrow('Node "gen" threw on 7: half way')
  })
})

test.each([
  [undefined, 'undefined'],
  [Number.NaN, 'NaN'],
  [null, 'null'],
  [{ id: 1 }, '[object Object]'],
  [['a', undefined], 'undefined'],
])('keyBy refuses the key %s with its node and record', async (key, shown) => {
  const driver = await new OperatorDriver(new KeyByOperator('by', () => key as unknown as string)).open()
  await expect(driver.push(['rec'])).rejects.toMatchObject({
    code: 'KEY_INVALID',
    details: { node: 'by', key: `${shown} (of record 'rec')` },
  })
})

test.each([0.5, -0, 10n, true, ['a', 1] as const])('keyBy takes the key %s', async (key) => {
  const driver = await new OperatorDriver(new KeyByOperator('by', () => key)).open()
  await driver.push(['rec'])
  expect(driver.out.byOutput.get('')?.[0]?.key).toBe(key)
})

test('assignTimestamps refuses what is no time', async () => {
  const operator = new AssignTimestampsOperator('time', (record: { at: string }) => Date.parse(record.at))
  const driver = await new OperatorDriver(operator).open()
  await expect(driver.push([{ at: 'yesterday' }])).rejects.toThrow(
    'Node "time" threw on { at: \'yesterday\' }: its event time is NaN, expected milliseconds since the epoch',
  )
})
