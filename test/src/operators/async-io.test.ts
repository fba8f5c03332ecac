// Asynchronous calls: order, bounds, timeouts, repeated calls, and crashes with calls under way. A service answers when the test says.

import fc from 'fast-check'
import { filter, firstValueFrom } from 'rxjs'
import { afterEach, describe, expect, test } from 'vitest'
import { run } from '../../../runtime/index.ts'
import { runJobHere, testJob } from '../../../runtime/testing/index.ts'
import { inTemporaryFolder } from '../../../runtime/testing/temporary-folder.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import {
  AsyncFunction,
  type AsyncOptions,
  defineSource,
  fromArray,
  job,
  type RuntimeContext,
} from '../../../src/index.ts'
import { AsyncOperator, asyncFunctionOf } from '../../../src/operators/async-io.ts'
import { FakeService, settled } from '../../support/fake-service.ts'
import { type DriverOptions, OperatorDriver } from '../../support/operator-driver.ts'

type Order = 'ordered' | 'unordered'
const drivers: OperatorDriver[] = []
afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.operator.close?.()
})

async function open(
  service: FakeService<number>,
  {
    order = 'ordered',
    driver = {},
    ...options
  }: AsyncOptions<number, string> & { order?: Order; driver?: DriverOptions } = {},
): Promise<OperatorDriver> {
  const operator = new AsyncOperator('asks', asyncFunctionOf('asks', service.call), order, options)
  const opened = await new OperatorDriver(operator, { node: 'asks', ...driver }).open()
  drivers.push(opened)
  return opened
}

const answersOf = (...questions: number[]): string[] => questions.map((n) => `answer of ${n}`)

describe('order', () => {
  test('ordered: answers wait for those before them', async () => {
    const service = new FakeService<number>()
    const driver = await open(service)
    await driver.push([1, 2, 3])
    service.answer(1)
    service.answer(1)
    await settled()
    await driver.drain()
    expect(driver.out.values()).toEqual([])
    service.answer()
    await settled()
    await driver.drain()
    expect(driver.out.values()).toEqual(answersOf(1, 2, 3))
  })

  test('unordered: answers come out as they come, but pass no watermark', async () => {
    const service = new FakeService<number>()
    const driver = await open(service, { order: 'unordered' })
    await driver.push([1, 2], { timestamps: [10, 11] })
    await driver.operator.watermark?.(11, driver.out)
    await driver.push([3], { timestamps: [12] })
    service.answer(2)
    service.answer(1)
    await settled()
    await driver.drain()
    expect(driver.out.values()).toEqual(answersOf(2))
    expect(driver.out.watermarks).toEqual([])
    service.answer()
    await settled()
    await driver.drain()
    expect(driver.out.byOutput.get('')).toEqual(
      [2, 1, 3].map((n) => ({ value: `answer of ${n}`, timestamp: 9 + n, key: undefined })),
    )
    expect(driver.out.watermarks).toEqual([11])
  })

  test('a status goes with the records around it', async () => {
    const service = new FakeService<number>()
    const driver = await open(service, { order: 'unordered' })
    driver.operator.status?.(true, driver.out)
    expect(driver.out.statuses).toEqual([true])
    driver.operator.status?.(false, driver.out)
    await driver.push([1])
    driver.operator.status?.(true, driver.out)
    expect(driver.out.statuses).toEqual([true, false])
    service.answer()
    await settled()
    await driver.drain()
    expect(driver.out.statuses).toEqual([true, false, true])
  })
})

/** What came out, in order: answers' questions, and watermarks as { watermark }. */
type Log = (number | { watermark: number })[]

class Logged {
  readonly log: Log = []
  readonly batch = (): never => {
    throw new Error('answers are emitted one by one')
  }
  readonly emit = (value: unknown): void => void this.log.push(Number(String(value).slice('answer of '.length)))
  readonly watermark = (watermark: number): void => void this.log.push({ watermark })
  readonly idle = (): void => {}
}

describe.each(['ordered', 'unordered'] as const)('%s, whatever happens', (order) => {
  const act = fc.oneof(
    { arbitrary: fc.record({ push: fc.integer({ min: 1, max: 4 }) }), weight: 4 },
    { arbitrary: fc.record({ answer: fc.nat(10) }), weight: 8 },
    { arbitrary: fc.constant('watermark' as const), weight: 2 },
    { arbitrary: fc.constant('crash' as const), weight: 1 },
  )

  test('nothing is lost, repeated or passes a watermark; no more calls than allowed are under way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 30 }), fc.integer({ min: 1, max: 3 }), async (acts, capacity) => {
        const service = new FakeService<number>()
        const out = new Logged()
        let operator = (await open(service, { order, capacity })).operator
        const input: Log = []
        let next = 0
        let working: Promise<void> | undefined
        const caughtUp = async (): Promise<void> => {
          for (let done = false; working !== undefined && !done; ) {
            await Promise.race([working.then(() => (done = true)), settled()])
            if (!done) service.answer()
          }
          working = undefined
        }
        for (const one of acts) {
          if (one === 'watermark') {
            await caughtUp()
            const watermark = input.length + 1
            input.push({ watermark })
            await operator.watermark?.(watermark, out)
          } else if (one === 'crash') {
            await caughtUp()
            await operator.finishEpoch?.(1, out)
            const snapshot = operator.snapshot?.()
            await operator.close?.()
            service.open.length = 0
            operator = (await open(service, { order, capacity, driver: { restored: [snapshot] } })).operator
          } else if ('push' in one) {
            await caughtUp()
            const values = Array.from({ length: one.push }, () => next++)
            input.push(...values)
            working = Promise.resolve(
              operator.process({ kind: 'batch', values, timestamps: undefined, keys: undefined }, out, 0),
            )
          } else {
            if (service.open.length > 0) service.answer(one.answer % service.open.length)
            await settled()
            if (working === undefined) await operator.drain?.(out)
          }
        }
        await caughtUp()
        const ending = operator.endOfInput?.(out) as Promise<void>
        for (let done = false; !done; ) {
          await Promise.race([ending.then(() => (done = true)), settled()])
          service.answer(service.open.length - 1)
        }
        expect(service.most).toBeLessThanOrEqual(capacity)
        const questions = (log: Log): number[] => log.filter((item) => typeof item === 'number')
        const came = questions(out.log)
        expect([...came].sort((a, b) => a - b)).toEqual(questions(input))
        if (order === 'ordered') expect(came).toEqual(questions(input))
        for (const [place, item] of out.log.entries()) {
          if (typeof item === 'number') continue
          const at = input.findIndex((one) => typeof one !== 'number' && one.watermark === item.watermark)
          const before = questions(out.log.slice(0, place)).sort((a, b) => a - b)
          expect(before).toEqual(questions(input.slice(0, at)))
        }
      }),
      { numRuns: 30 },
    )
  })
})

describe('bounds', () => {
  test('the input waits while a batch waits for its calls', async () => {
    const service = new FakeService<number>()
    const driver = await open(service, { capacity: 2 })
    await driver.push([1, 2, 3])
    expect(service.open).toHaveLength(2)
    let taken = false
    const pushing = driver.push([4]).then(() => {
      taken = true
    })
    await settled()
    expect(taken).toBe(false)
    service.answer()
    await pushing
    expect(service.asked).toEqual([1, 2, 3])
    service.answer()
    await settled()
    await driver.drain()
    expect(service.asked).toEqual([1, 2, 3, 4])
  })

  test('ordered: answers that wait for an earlier one count as under way', async () => {
    const service = new FakeService<number>()
    const driver = await open(service, { capacity: 2 })
    await driver.push([1, 2, 3])
    service.answer(1)
    await settled()
    await driver.drain()
    expect(service.asked).toEqual([1, 2])
  })
})

describe('failures', () => {
  const failing = async (
    options: AsyncOptions<number, string>,
    happen: (service: FakeService<number>, driver: OperatorDriver) => Promise<void> | void,
  ): Promise<unknown> => {
    const service = new FakeService<number>()
    const driver = await open(service, options)
    await driver.push([7])
    await happen(service, driver)
    await settled()
    return driver.drain().then(
      () => driver.out.values(),
      (error: Error) => error.message,
    )
  }

  test('a call that rejects fails the node, with the record', async () => {
    expect(await failing({}, (service) => service.fail(new Error('gone')))).toBe('Node "asks" threw on 7: gone')
  })

  test('a call that throws does so too', async () => {
    const driver = await new OperatorDriver(
      new AsyncOperator(
        'asks',
        asyncFunctionOf<number, string>('asks', (_n) => {
          throw new Error('at once')
        }),
        'ordered',
        {},
      ),
      { node: 'asks' },
    ).open()
    await driver.push([7])
    await settled()
    await expect(driver.drain()).rejects.toThrow('Node "asks" threw on 7: at once')
  })

  test('no answer in time: the signal is aborted and the node fails; what comes later is not heard', async () => {
    let signal: AbortSignal | undefined
    const failed = await failing({ timeoutMs: 100 }, (service, driver) => {
      signal = service.open[0]?.signal
      driver.clock.advance(99)
      expect(signal?.aborted).toBe(false)
      driver.clock.advance(1)
      service.answer()
    })
    expect(failed).toBe('Node "asks" threw on 7: no answer within 100 ms')
    expect(signal?.aborted).toBe(true)
  })

  test('no answer in time, and an answer in its place', async () => {
    const options = { timeoutMs: 100, onTimeout: (n: number) => `no answer of ${n}` }
    expect(await failing(options, (_service, { clock }) => clock.advance(100))).toEqual(['no answer of 7'])
  })

  test('onTimeout is not for other failures', async () => {
    const options = { onTimeout: () => 'never' }
    expect(await failing(options, (service) => service.fail(new Error('gone')))).toBe('Node "asks" threw on 7: gone')
  })

  test('asked again after a pause that doubles, and after a timeout; then it answers', async () => {
    const attempts: number[] = []
    const options = { timeoutMs: 1_000, retry: { attempts: 4, delayMs: 100, maxDelayMs: 150 } }
    const out = await failing(options, async (service, { clock, counters }) => {
      const step = async (ms: number): Promise<void> => {
        await settled()
        attempts.push(...service.open.map(({ attempt }) => attempt))
        clock.advance(ms)
        await settled()
      }
      service.fail(new Error('one'))
      await step(99)
      await step(1)
      service.fail(new Error('two'))
      await step(149)
      await step(1)
      await step(1_000)
      service.open.length = 0
      await step(150)
      await step(0)
      service.answer()
      await settled()
      expect(counters.get('retries')).toBe(3)
      expect(counters.get('timeouts')).toBe(1)
    })
    expect(out).toEqual(answersOf(7))
    expect(attempts).toEqual([3, 4])
  })

  test('the last failure is told; a failure that is not worth it is not tried again', async () => {
    const retry = { attempts: 2, delayMs: 10, retryIf: (error: unknown) => (error as Error).message !== 'no use' }
    const told = await failing({ retry }, async (service, { clock }) => {
      service.fail(new Error('one'))
      await settled()
      clock.advance(10)
      await settled()
      service.fail(new Error('two'))
    })
    expect(told).toBe('Node "asks" threw on 7: two')
    expect(await failing({ retry }, (service) => service.fail(new Error('no use')))).toBe(
      'Node "asks" threw on 7: no use',
    )
  })

  test('close aborts what is under way, also while the input waits', async () => {
    const service = new FakeService<number>()
    const driver = await open(service, { capacity: 1 })
    await driver.push([1, 2])
    const waiting = driver.push([3])
    await driver.operator.close?.()
    await expect(waiting).rejects.toThrow('node "asks" is closed')
    expect(service.open.map(({ signal }) => signal.aborted)).toEqual([true])
    expect(driver.clock.pending).toBe(0)
  })
})

describe('restored', () => {
  const saved = (parallelism: number, ...items: unknown[]) => ({ parallelism, items })
  const [one, two] = [1, 2].map((value) => ({ value, timestamp: value }))

  test('what was under way is asked again, and its watermark comes behind it', async () => {
    const service = new FakeService<number>()
    const driver = await open(service, { driver: { restored: [saved(1, one, { watermark: 1 }, two)] } })
    expect(service.asked).toEqual([1, 2])
    service.answer()
    service.answer()
    await settled()
    await driver.drain()
    expect(driver.out.values()).toEqual(answersOf(1, 2))
    expect(driver.out.watermarks).toEqual([1])
  })

  test.each([
    ['by fewer subtasks', [saved(2, one, { watermark: 1 }), saved(2, two)], 1],
    ['by more', [saved(1, one, { watermark: 1 }, two)], 2],
  ])('%s: records are, watermarks are told anew', async (_how, restored, parallelism) => {
    const service = new FakeService<number>()
    const driver = await open(service, { driver: { restored, parallelism } })
    service.answer()
    service.answer()
    await settled()
    await driver.drain()
    expect(driver.out.values()).toEqual(answersOf(1, 2))
    expect(driver.out.watermarks).toEqual([])
  })
})

test.each([
  [{ capacity: 0 }, /Option capacity from node "asked": it is 0/],
  [{ timeoutMs: Number.NaN }, /Option timeoutMs from node "asked"/],
  [{ retry: { attempts: 0 } }, /Option retry.attempts from node "asked"/],
  [{ retry: { delayMs: -1 } }, /Option retry.delayMs from node "asked"/],
  [{ retry: { maxDelayMs: 0 } }, /Option retry.maxDelayMs from node "asked"/],
])('options %j are refused where they are written', (options, message) => {
  const asking = job('asking', (flow) => {
    flow
      .from('numbers', fromArray([1]))
      .unorderedAsync('asked', async (n) => n, options)
      .to('out', collect<number>([]))
  })
  expect(() => asking.build({ settings: {}, dataDir: '', mode: 'stream' })).toThrow(message)
})

describe('a function with a life', () => {
  class Client extends AsyncFunction<number, string> {
    readonly #log: string[]
    constructor(log: string[]) {
      super()
      this.#log = log
    }
    override async open({ subtask }: RuntimeContext): Promise<void> {
      await settled()
      this.#log.push(`connected ${subtask}`)
    }
    override async invoke(n: number): Promise<string> {
      return `${this.#log.at(-1)?.slice(0, 9)}, ${n}`
    }
    override close(): void {
      this.#log.push('closed')
    }
  }

  test('is opened before it is asked, and closed', async () => {
    const log: string[] = []
    const out: string[] = []
    const asking = job('asking', (flow) => {
      flow
        .from('numbers', fromArray([1, 2]))
        .orderedAsync('asked', () => new Client(log))
        .to('out', collect(out))
    })
    expect((await runJobHere(asking)).failure).toBeUndefined()
    expect(out).toEqual(['connected, 1', 'connected, 2'])
    expect(log).toEqual(['connected 0', 'closed'])
  })

  test('what is none is refused where it is written', () => {
    const asking = (fn: () => AsyncFunction<number, string>) =>
      job('asking', (flow) => {
        flow
          .from('numbers', fromArray([1]))
          .orderedAsync('asked', fn)
          .to('out', collect<string>([]))
      }).build({ settings: {}, dataDir: '', mode: 'stream' })
    expect(() => asking(() => ({}) as Client)).toThrow(
      /Node "asked" got something without invoke\(\): expected an AsyncFunction/,
    )
    expect(() => asking(() => undefined as unknown as Client)).toThrow(
      /Node "asked" got a factory that returned undefined/,
    )
  })
})

describe('in jobs', () => {
  test('stopped with calls under way, gone on with at another parallelism: each is answered once', async () => {
    await inTemporaryFolder(async (dataDir) => {
      const out: number[] = []
      const questions = Array.from({ length: 40 }, (_, n) => n)
      let asked = 0
      const asking = (answer: (n: number) => Promise<number>, ends: boolean) =>
        job('asking', (flow) => {
          const read = (position: number) =>
            position < 40
              ? { records: questions.slice(position, position + 10), position: position + 10 }
              : ends
                ? ('end' as const)
                : ('idle' as const)
          flow
            .from('questions', defineSource({ start: 0, pollMs: 5, read }), { parallelism: 1 })
            .rebalance()
            .unorderedAsync('asked', answer, { capacity: 100 })
            .to('out', collect(out))
        })
      const slow = (n: number): Promise<number> => {
        asked += 1
        return n % 3 === 0 ? Promise.resolve(n) : new Promise(() => {})
      }
      const first = run(asking(slow, false), { dataDir, parallelism: 2, inProcess: true })
      await firstValueFrom(first.metrics$.pipe(filter(() => asked === 40)))
      await first.stop()
      expect(out.every((n) => n % 3 === 0)).toBe(true)
      const { failure } = await runJobHere(
        asking(async (n) => n, true),
        { dataDir, parallelism: 3 },
      )
      expect(failure).toBeUndefined()
      expect(out.sort((a, b) => a - b)).toEqual(questions)
    })
  })

  const numbers = Array.from({ length: 30 }, (_, n) => n)
  const slowly = (n: number): Promise<number> => new Promise((resolve) => setTimeout(resolve, (n * 7) % 5, n * 10))

  test.each(['orderedAsync', 'unorderedAsync'] as const)(
    '%s through throws, at several parallelisms',
    async (method) => {
      await testJob<number>(
        (out) =>
          job('asking', (flow) => {
            flow.from('numbers', fromArray(numbers))[method]('asked', slowly, { capacity: 4 }).to('out', collect(out))
          }),
        {
          expected: numbers.map((n) => n * 10),
          faults: [
            { node: 'asked', record: 8 },
            { node: 'out', record: 5 },
          ],
          parallelism: [1, 3],
        },
      )
    },
  )

  test('ordered keeps the order in spite of a crash', async () => {
    const out: number[] = []
    const asking = job('asking', (flow) => {
      flow.from('numbers', fromArray(numbers)).orderedAsync('asked', slowly, { capacity: 4 }).to('out', collect(out))
    })
    const { attempts } = await runJobHere(asking, { recordsPerCheckpoint: 3, fault: { node: 'asked', record: 20 } })
    expect(attempts).toBe(2)
    expect(out).toEqual(numbers.map((n) => n * 10))
  })
})
