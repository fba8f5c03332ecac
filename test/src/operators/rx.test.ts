// rx: a pipeline lives for one epoch. Hunts for records that cross a barrier, get lost at one, or come out twice.

import fc from 'fast-check'
import {
  bufferCount,
  concatMap,
  delay,
  from,
  map,
  mergeMap,
  mergeWith,
  NEVER,
  type Observable,
  of,
  reduce,
  scan,
  take,
  takeWhile,
  throwError,
  timer,
  toArray,
} from 'rxjs'
import { describe, expect, test } from 'vitest'
import { RxOperator, type RxOptions, type RxPipeline } from '../../../src/operators/rx.ts'
import { type Deferred, deferred } from '../../../src/util/deferred.ts'
import { OperatorDriver } from '../../support/operator-driver.ts'

async function open<In, Out>(pipeline: RxPipeline<In, Out>, options: RxOptions = {}): Promise<OperatorDriver> {
  return new OperatorDriver(new RxOperator('pipe', pipeline, options), { node: 'pipe' }).open()
}

/** A call per record that a test answers when it likes. */
class Calls {
  readonly open: { readonly value: number; readonly answer: Deferred<string> }[] = []

  readonly call = (value: number): Promise<string> => {
    const answer = deferred<string>()
    this.open.push({ value, answer })
    return answer.promise
  }

  answerNext(): void {
    const next = this.open.shift()
    next?.answer.resolve(`r${next.value}`)
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('synchronous pipelines', () => {
  test('what comes out of a batch is passed on with it', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(map((n) => n * 2)))
    await driver.push([1, 2])
    expect(driver.out.values()).toEqual([2, 4])
    await driver.push([3])
    expect(driver.out.values()).toEqual([2, 4, 6])
    expect(driver.wakes).toBe(0)
  })

  test('toArray gives one array per epoch, and none for an empty one', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(toArray()))
    await driver.push([1, 2])
    await driver.push([3])
    expect(driver.out.values()).toEqual([])
    await driver.barrier(1)
    expect(driver.out.values()).toEqual([[1, 2, 3]])
    await driver.barrier(2)
    await driver.barrier(3)
    expect(driver.out.values()).toEqual([[1, 2, 3]])
    await driver.push([4])
    await driver.end()
    expect(driver.out.values()).toEqual([[1, 2, 3], [4]])
  })

  test('bufferCount gives its last, short buffer before the barrier', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(bufferCount(2)))
    await driver.push([1, 2, 3])
    await driver.barrier(1)
    await driver.push([4, 5])
    await driver.end()
    expect(driver.out.values()).toEqual([[1, 2], [3], [4, 5]])
  })

  test('scan begins again after a barrier: no state crosses it', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(scan((total, n) => total + n, 0)))
    await driver.push([1, 2])
    await driver.barrier(1)
    await driver.push([10])
    expect(driver.out.values()).toEqual([1, 3, 10])
  })

  test('a pipeline that completes early gets no more of its epoch, counts what it did not read, and lives again in the next', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(take(3)))
    await driver.push([1, 2])
    await driver.push([3, 4, 5])
    await driver.push([6])
    await driver.barrier(1)
    await driver.push([7, 8])
    await driver.end()
    expect(driver.out.values()).toEqual([1, 2, 3, 7, 8])
    expect(driver.counters.get('rxUnread')).toBe(3)
  })

  test('a pipeline may complete before its first record', async () => {
    const driver = await open(() => of('a', 'b'))
    await driver.push([1, 2])
    await driver.barrier(1)
    expect(driver.out.values()).toEqual(['a', 'b'])
    expect(driver.counters.get('rxUnread')).toBe(2)
  })

  test('much output of one record is passed on in batches', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(mergeMap((n) => from(Array(n).keys()))))
    await driver.push([2_500])
    expect(driver.out.values()).toEqual([...Array(2_500).keys()])
    expect(driver.out.batches).toBe(3)
  })
})

describe('asynchronous pipelines', () => {
  test('results that come later wake the machine and are passed on in drain()', async () => {
    const calls = new Calls()
    const driver = await open((in$: Observable<number>) => in$.pipe(concatMap(calls.call)))
    await driver.push([1, 2])
    expect(driver.wakes).toBe(0)
    calls.answerNext()
    await settle()
    expect(driver.wakes).toBe(1)
    expect(driver.out.values()).toEqual([])
    await driver.drain()
    expect(driver.out.values()).toEqual(['r1'])
  })

  test('the barrier waits for all that is under way, in order', async () => {
    const calls = new Calls()
    const driver = await open((in$: Observable<number>) => in$.pipe(concatMap(calls.call)))
    await driver.push([1, 2, 3])
    let passed = false
    const barrier = driver.barrier(1).then(() => {
      passed = true
    })
    for (const expected of [['r1'], ['r1', 'r2']]) {
      calls.answerNext()
      await settle()
      expect(passed).toBe(false)
      expect(driver.out.values().length).toBeLessThanOrEqual(expected.length)
    }
    calls.answerNext()
    await barrier
    expect(driver.out.values()).toEqual(['r1', 'r2', 'r3'])
    expect(driver.clock.pending).toBe(0)
  })

  test('results on their way at the end of input are awaited too', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(mergeMap((n) => of(n).pipe(delay(1)))))
    await driver.push([1, 2, 3])
    await driver.end()
    expect([...driver.out.values()].sort()).toEqual([1, 2, 3])
  })

  test('a pipeline that does not complete is spoken of', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(mergeWith(NEVER)))
    await driver.push([1])
    void driver.barrier(1)
    driver.clock.advance(10_000)
    expect(driver.logged).toEqual(['the rx pipeline has not completed since its input did: a checkpoint waits for it'])
    await driver.operator.close?.()
  })

  test('close() unsubscribes and nothing comes after it', async () => {
    const calls = new Calls()
    const driver = await open((in$: Observable<number>) => in$.pipe(concatMap(calls.call)))
    await driver.push([1])
    await driver.operator.close?.()
    calls.answerNext()
    await settle()
    expect(driver.wakes).toBe(0)
  })
})

describe('failures', () => {
  test('of a record name the node and the record', async () => {
    const driver = await open((in$: Observable<number>) =>
      in$.pipe(
        map((n) => {
          if (n === 2) throw new Error('two')
          return n
        }),
      ),
    )
    await expect(driver.push([1, 2, 3])).rejects.toThrow('Node "pipe" threw on 2: two')
  })

  test('that come later wake the machine and are thrown in drain()', async () => {
    const driver = await open((in$: Observable<number>) =>
      in$.pipe(concatMap((n) => (n === 2 ? Promise.reject(new Error('refused')) : Promise.resolve(n)))),
    )
    await driver.push([1, 2, 3])
    await settle()
    expect(driver.wakes).toBeGreaterThan(0)
    await expect(driver.drain()).rejects.toThrow('Node "pipe" threw on an earlier record of its rx pipeline: refused')
  })

  test('that come while a barrier waits fail the barrier', async () => {
    const driver = await open((in$: Observable<number>) =>
      in$.pipe(mergeMap(() => timer(1).pipe(mergeMap(() => throwError(() => new Error('late')))))),
    )
    await driver.push([1])
    await expect(driver.barrier(1)).rejects.toThrow('late')
  })

  test('of the end of the input fail the barrier', async () => {
    const driver = await open((in$: Observable<number>) =>
      in$.pipe(
        reduce((a, b) => a + b),
        map(() => {
          throw new Error('in the total')
        }),
      ),
    )
    await driver.push([1])
    await expect(driver.barrier(1)).rejects.toThrow('in the total')
  })

  test('of building the pipeline say so', async () => {
    const driver = await open(() => {
      throw new Error('no pipeline')
    })
    await expect(driver.push([1])).rejects.toThrow('Node "pipe" threw on the building of its pipeline: no pipeline')
  })

  test('an operator that catches its own errors goes on', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(takeWhile((n) => n < 3)))
    await driver.push([1, 5, 2])
    await driver.barrier(1)
    expect(driver.out.values()).toEqual([1])
  })
})

describe('the bound on one pipeline', () => {
  test('its input completes after recordsMax records, also without a barrier', async () => {
    const driver = await open((in$: Observable<number>) => in$.pipe(toArray()), { recordsMax: 2 })
    await driver.push([1, 2, 3, 4, 5])
    expect(driver.out.values()).toEqual([
      [1, 2],
      [3, 4],
    ])
    await driver.barrier(1)
    expect(driver.out.values().at(-1)).toEqual([5])
  })

  test('process() waits for what is asynchronous: no more than recordsMax are ever inside', async () => {
    let inside = 0
    let most = 0
    const call = async (n: number): Promise<number> => {
      await settle()
      inside -= 1
      return n
    }
    const driver = await open(
      (in$: Observable<number>) =>
        in$.pipe(
          map((n) => {
            inside += 1
            most = Math.max(most, inside)
            return n
          }),
          concatMap(call),
        ),
      { recordsMax: 4 },
    )
    const values = [...Array(50).keys()]
    await driver.push(values)
    await driver.end()
    expect(driver.out.values()).toEqual(values)
    expect(most).toBeLessThanOrEqual(4)
  })
})

/** Pipelines whose whole output is known: the input of their epoch, doubled or as one array, sooner or later. */
const PIPELINES: readonly RxPipeline<number, unknown>[] = [
  (in$) => in$,
  (in$) => in$.pipe(toArray()),
  (in$) => in$.pipe(bufferCount(3)),
  (in$) => in$.pipe(concatMap((n) => Promise.resolve(n))),
  (in$) => in$.pipe(mergeMap((n) => of(n).pipe(delay(n % 3)), 2)),
]

test('no record crosses a barrier unseen: each epoch puts out exactly what it took in', async () => {
  const step = fc.oneof(
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 }),
    fc.constantFrom('barrier' as const, 'drain' as const, 'pause' as const),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...PIPELINES),
      fc.array(step, { maxLength: 12 }),
      fc.constantFrom(1, 3, 1_000),
      async (pipeline, steps, recordsMax) => {
        const driver = await open(pipeline, { recordsMax })
        let taken: number[] = []
        let seen = 0
        const epoch = async (end: () => Promise<void>): Promise<void> => {
          await end()
          const out = driver.out.values().slice(seen).flat() as number[]
          expect([...out].sort()).toEqual([...taken].sort())
          seen = driver.out.values().length
          taken = []
        }
        for (const [i, now] of steps.entries()) {
          if (now === 'barrier') await epoch(() => driver.barrier(i))
          else if (now === 'drain') await driver.drain()
          else if (now === 'pause') await settle()
          else {
            taken.push(...now)
            await driver.push(now)
          }
        }
        await epoch(() => driver.end())
      },
    ),
    { numRuns: 150 },
  )
})
