// process, keyed process, two inputs, reduce, aggregate: contexts, collectors, state, timers, life.

import { describe, expect, test } from 'vitest'
import { testNode } from '../../../runtime/testing/index.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import {
  type Collector,
  CoProcessFunction,
  type KeyedProcessContext,
  KeyedProcessFunction,
  type OnTimerContext,
  type ProcessContext,
  ProcessFunction,
  sideOutput,
} from '../../../src/contract/process-function.ts'
import type { RuntimeContext } from '../../../src/contract/runtime-context.ts'
import { fromArray, job } from '../../../src/index.ts'
import { AggregateOperator } from '../../../src/operators/aggregate.ts'
import { CoProcessOperator } from '../../../src/operators/co-process.ts'
import { KeyedProcessOperator } from '../../../src/operators/keyed-process.ts'
import { LambdaProcessFunction, ProcessOperator } from '../../../src/operators/process.ts'
import { reduction } from '../../../src/operators/reduce.ts'
import { instanceOf } from '../../../src/operators/user-function.ts'
import type { Key } from '../../../src/util/key-group.ts'
import { HeapKeyedContext, OperatorDriver, runBothWays } from '../../support/operator-driver.ts'

const late = sideOutput<string>('late')

class Echo extends ProcessFunction<number, string> {
  readonly calls: string[] = []

  override open(context: RuntimeContext): void {
    this.calls.push(`open ${context.node}`)
  }

  override process(value: number, context: ProcessContext, out: Collector<string>): void {
    out.emit(`${value}@${context.timestamp}`)
    if (value < 0) out.side(late, `late ${value}`)
    if (value > 100) out.emitAt('big', 5)
  }

  override endOfInput(out: Collector<string>): void {
    out.emit('end')
  }

  override close(): void {
    this.calls.push('close')
  }
}

class Sum extends KeyedProcessFunction<string, number, string> {
  readonly #total = this.valueState<number>('total')

  override process(value: number, { key }: KeyedProcessContext<string>, out: Collector<string>): void {
    const total = (this.#total.get() ?? 0) + value
    this.#total.set(total)
    out.emit(`${key}=${total}`)
  }
}

describe('process', () => {
  test('emits with the timestamp of the record, sides apart, and at the end', async () => {
    const fn = new Echo()
    const driver = await new OperatorDriver(new ProcessOperator('echo', fn), { node: 'echo' }).open()
    await driver.push([1, -2, 200], { timestamps: [10, 20, 30] })
    await driver.push([3])
    await driver.end()
    expect(driver.out.byOutput.get('')?.map(({ value, timestamp }) => [value, timestamp])).toEqual([
      ['1@10', 10],
      ['-2@20', 20],
      ['200@30', 30],
      ['big', 5],
      ['3@undefined', undefined],
      ['end', undefined],
    ])
    expect(driver.out.byOutput.get('late')).toEqual([{ value: 'late -2', timestamp: 20, key: undefined }])
    expect(fn.calls).toEqual(['open echo', 'close'])
  })

  test('takes a lambda', async () => {
    const fn = new LambdaProcessFunction<number, number>((value, _context, out) => {
      out.emit(value)
      out.emit(-value)
    })
    const driver = await new OperatorDriver(new ProcessOperator('twice', fn)).open()
    await driver.push([1, 2])
    expect(driver.out.values()).toEqual([1, -1, 2, -2])
  })

  class Numbered extends ProcessFunction<string, string> {
    #next = 0

    override snapshotState(): unknown {
      return this.#next === 0 ? undefined : this.#next
    }

    override restoreState(states: readonly unknown[]): void {
      this.#next = Math.max(...(states as number[]))
    }

    override process(value: string, _context: ProcessContext, out: Collector<string>): void {
      out.emit(`${this.#next++} ${value}`)
    }
  }
  const numbered = job('numbered', (flow) => {
    flow
      .from('letters', fromArray<string>([]))
      .process('number', () => new Numbered())
      .to('out', collect<string>([]))
  })

  test('state that is no key’s is restored before open', async () => {
    await testNode(numbered, 'number', { input: ['a', 'b', 'c'], expected: ['0 a', '1 b', '2 c'] })
  })

  test('every subtask is given what all former ones had; one that had none left nothing', async () => {
    const driver = await new OperatorDriver(new ProcessOperator('number', new Numbered()), { restored: [3, 7] }).open()
    await driver.push(['a'])
    expect(driver.out.values()).toEqual(['7 a'])
    expect(new ProcessOperator('number', new Numbered()).snapshot()).toBeUndefined()
  })

  test('refuses an emit after the call', async () => {
    let kept: Collector<number> | undefined
    const fn = new LambdaProcessFunction<number, number>((_value, _context, out) => {
      kept = out
    })
    const driver = await new OperatorDriver(new ProcessOperator('keeper', fn)).open()
    await driver.push([1])
    expect(() => kept?.emit(1)).toThrow('Node "keeper" threw on an emit after the call')
    expect(() => kept?.side(late, 'x')).toThrow('valid during the call')
  })

  test('refuses one object in two subtasks', async () => {
    const fn = new Echo()
    await new OperatorDriver(new ProcessOperator('echo', fn)).open()
    await expect(new OperatorDriver(new ProcessOperator('echo', fn)).open()).rejects.toThrow(
      'Node "echo" got one function object for several subtasks: create it inside the build function or pass a factory, () => new Echo().',
    )
  })

  test('names the end of input as the place of an exception there', async () => {
    class Bad extends ProcessFunction<number, number> {
      override process(): void {}
      override endOfInput(): void {
        throw new Error('at the end')
      }
    }
    const driver = await new OperatorDriver(new ProcessOperator('bad', new Bad())).open()
    await expect(driver.end()).rejects.toThrow('Node "bad" threw on the end of its input: at the end')
  })
})

describe('keyed process', () => {
  test('keeps state by key, singly and in bulk alike', async () => {
    const out = await runBothWays(() => new KeyedProcessOperator('sum', new Sum()), [1, 10, 2, 20], {
      keys: ['a', 'b', 'a', 'b'],
      keyed: () => new HeapKeyedContext(),
    })
    expect(out.map(({ value }) => value)).toEqual(['a=1', 'b=10', 'a=3', 'b=30'])
  })

  test('binds every kind of state, also in private fields, before open()', async () => {
    class All extends KeyedProcessFunction<string, number, unknown> {
      readonly #list = this.listState<number>('list')
      readonly #map = this.mapState<string, number>('map')
      readonly #max = this.reducingState<number>('max', Math.max)
      readonly #sum = this.aggregatingState<number, number, number>('sum', {
        create: () => 0,
        add: (value, total) => value + total,
        result: (total) => total,
        merge: (a, b) => a + b,
      })

      override process(value: number, _context: KeyedProcessContext<string>, out: Collector<unknown>): void {
        this.#list.add(value)
        this.#map.set(`k${value}`, value)
        this.#max.add(value)
        this.#sum.add(value)
        out.emit([this.#list.get(), [...this.#map.entries()], this.#map.size, this.#max.get(), this.#sum.get()])
        if (value === 2) {
          this.#map.delete('k2')
          out.emit([this.#map.has('k1'), this.#map.has('k2'), this.#map.get('k1')])
          this.#list.clear()
          this.#list.set([9])
          out.emit(this.#list.get())
        }
      }
    }
    const keyed = new HeapKeyedContext()
    const driver = await new OperatorDriver(new KeyedProcessOperator('all', new All()), { keyed }).open()
    expect(keyed.registered.map(({ name, kind }) => [name, kind])).toEqual([
      ['list', 'list'],
      ['map', 'map'],
      ['max', 'reducing'],
      ['sum', 'aggregating'],
    ])
    await driver.push([1, 2], { keys: ['x', 'x'] })
    expect(driver.out.values()).toEqual([
      [[1], [['k1', 1]], 1, 1, 1],
      [
        [1, 2],
        [
          ['k1', 1],
          ['k2', 2],
        ],
        2,
        2,
        3,
      ],
      [true, false, 1],
      [9],
    ])
  })

  test('state in the constructor is refused with the class, state declared later with the node', async () => {
    class Early extends KeyedProcessFunction<string, number, number> {
      readonly total = this.valueState<number>('total')
      constructor() {
        super()
        this.total.set(1)
      }
      override process(): void {}
    }
    expect(() => new Early()).toThrow(
      'State "total" of node "new Early()" was used before open(): declare it as a field.',
    )
    class Lazy extends KeyedProcessFunction<string, number, number> {
      override process(): void {
        this.valueState<number>('lazy')
      }
    }
    const driver = await new OperatorDriver(new KeyedProcessOperator('lazybones', new Lazy()), {
      keyed: new HeapKeyedContext(),
    }).open()
    await expect(driver.push([1], { keys: ['a'] })).rejects.toMatchObject({
      code: 'STATE_UNDECLARED',
      details: { state: 'lazy', node: 'lazybones' },
    })
  })

  test('timers get their key, domain and time; only event-time ones give a timestamp', async () => {
    class Timers extends KeyedProcessFunction<string, number, string> {
      override process(value: number, context: KeyedProcessContext<string>): void {
        context.timers.registerEventTimeTimer(value)
      }
      override onTimer(at: number, context: OnTimerContext<string>, out: Collector<string>): void {
        if (at === 13) throw new Error('unlucky')
        out.emit(`${context.key} ${context.domain} ${at} ${context.timestamp}`)
      }
    }
    const keyed = new HeapKeyedContext()
    const driver = await new OperatorDriver(new KeyedProcessOperator('t', new Timers()), { keyed }).open()
    await driver.push([5], { keys: ['a'], timestamps: [1] })
    expect(keyed.timers.event).toEqual([5])
    driver.operator.onTimer?.(5, 'event', 'a', driver.out)
    driver.operator.onTimer?.(6, 'processing', 'b', driver.out)
    expect(driver.out.byOutput.get('')?.map(({ value, timestamp }) => [value, timestamp])).toEqual([
      ['a event 5 5', 5],
      ['b processing 6 undefined', undefined],
    ])
    expect(() => driver.operator.onTimer?.(13, 'event', 'c', driver.out)).toThrow(
      'Node "t" threw on the event-time timer 13 of key c: unlucky',
    )
  })
})

describe('two inputs', () => {
  class Join extends CoProcessFunction<string, string, number, string> {
    readonly #name = this.valueState<string>('name')
    override process1(name: string): void {
      this.#name.set(name)
    }
    override process2(n: number, { key, timestamp }: KeyedProcessContext<string>, out: Collector<string>): void {
      out.emit(`${key} ${this.#name.get()} ${n} ${timestamp}`)
    }
    override onTimer(at: number, { key }: OnTimerContext<string>, out: Collector<string>): void {
      out.emit(`timer ${key} ${at}`)
    }
    override endOfInput(out: Collector<string>): void {
      out.emit('end')
    }
  }

  test('share the state of a key', async () => {
    const operator = new CoProcessOperator('join', new Join())
    const driver = await new OperatorDriver(operator, { keyed: new HeapKeyedContext() }).open()
    await driver.push(['Ann', 'Bob'], { keys: ['a', 'b'], input: 0 })
    await driver.push([1, 2], { keys: ['b', 'a'], input: 1, timestamps: [7, 8] })
    operator.onTimer(9, 'event', 'a', driver.out)
    await driver.end()
    expect(driver.out.values()).toEqual(['b Bob 1 7', 'a Ann 2 8', 'timer a 9', 'end'])
  })

  test('without keys refuse the key and timers, saying what to do', async () => {
    class Unkeyed extends CoProcessFunction<never, number, number, Key> {
      override process1(_value: number, context: KeyedProcessContext<never>, out: Collector<Key>): void {
        out.emit(context.timestamp ?? -1)
      }
      override process2(_value: number, context: KeyedProcessContext<never>): void {
        context.timers.registerProcessingTimeTimer(1)
      }
    }
    const driver = await new OperatorDriver(new CoProcessOperator('two', new Unkeyed())).open()
    await driver.push([1], { input: 0 })
    expect(driver.out.values()).toEqual([-1])
    await expect(driver.push([1], { input: 1 })).rejects.toThrow('call .keyBy(name, selector) before it')
  })
})

describe('aggregations', () => {
  const total = { name: 'total', kind: 'value', options: {} } as const

  test('reduce emits the total after each record, falsy totals included', async () => {
    const make = () =>
      new AggregateOperator(
        'sum',
        total,
        reduction<number>((a, b) => a + b),
      )
    const out = await runBothWays(make, [0, 5, -5, 3], {
      keys: ['a', 'a', 'a', 'b'],
      timestamps: [1, 2, 3, 4],
      keyed: () => new HeapKeyedContext(),
    })
    expect(out.map(({ value, timestamp }) => [value, timestamp])).toEqual([
      [0, 1],
      [5, 2],
      [0, 3],
      [3, 4],
    ])
  })

  test('a reduction merges, with nothing on either side', () => {
    const { merge, create } = reduction<number>((a, b) => a + b)
    expect([merge(create(), 1), merge(1, create()), merge(1, 2)]).toEqual([1, 1, 3])
  })

  test('aggregate emits the result, and shows the record where it throws', async () => {
    const mean = {
      create: () => ({ sum: 0, n: 0 }),
      add: (value: number, acc: { sum: number; n: number }) => {
        if (value < 0) throw new Error('negative')
        return { sum: acc.sum + value, n: acc.n + 1 }
      },
      result: ({ sum, n }: { sum: number; n: number }) => sum / n,
      merge: (a: { sum: number; n: number }, b: { sum: number; n: number }) => ({ sum: a.sum + b.sum, n: a.n + b.n }),
    }
    const driver = await new OperatorDriver(new AggregateOperator('mean', total, mean), {
      keyed: new HeapKeyedContext(),
    }).open()
    await driver.push([2, 4], { keys: ['a', 'a'] })
    expect(driver.out.values()).toEqual([2, 3])
    await expect(driver.push([1, -1], { keys: ['a', 'b'] })).rejects.toThrow('Node "mean" threw on -1: negative')
  })
})

test('what is no object and no factory of one is refused with what was expected', () => {
  expect(instanceOf('n', () => new Sum())).toBeInstanceOf(Sum)
  expect(() => instanceOf('n', Sum as unknown as () => Sum)).toThrow(
    'Node "n" got the class Sum: expected an object or a factory () => new Sum().',
  )
  expect(() => instanceOf('n', (() => 5) as unknown as () => Sum)).toThrow('Node "n" got a factory that returned 5')
  expect(() => instanceOf('n', undefined as unknown as Sum)).toThrow('Node "n" got undefined')
})
