// Broadcast state: the same in every subtask, in checkpoints, restored at any parallelism, with and without keys.

import { filter, firstValueFrom, map } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { run } from '../../../runtime/index.ts'
import { at, runJobHere, second, testNode, watermark } from '../../../runtime/testing/index.ts'
import { inTemporaryFolder } from '../../../runtime/testing/temporary-folder.ts'
import { collect } from '../../../src/connectors/collect/index.ts'
import {
  BroadcastProcessFunction,
  type Collector,
  defineSource,
  fromArray,
  job,
  KeyedBroadcastProcessFunction,
  type KeyedProcessContext,
  type OnTimerContext,
} from '../../../src/index.ts'

interface Rule {
  readonly name: string
  readonly factor: number
}

class Factors extends BroadcastProcessFunction<number, Rule, string> {
  readonly #factors = this.broadcastState<string, number>('factors')

  override process(n: number, _context: unknown, out: Collector<string>): void {
    for (const [name, factor] of this.#factors.entries()) out.emit(`${name}: ${n * factor}`)
    if (this.#factors.size === 0) out.emit(`no rule for ${n}`)
  }

  override processBroadcast({ name, factor }: Rule): void {
    if (factor === 0) this.#factors.delete(name)
    else this.#factors.set(name, factor)
  }
}

const factors = (out: string[] = []) =>
  job('factors', (flow) => {
    const rules = flow.from('rules', fromArray<Rule>([]))
    flow
      .from('numbers', fromArray<number>([]))
      .connectBroadcast(rules)
      .process('factors', () => new Factors())
      .to('out', collect(out))
  })

test('what the broadcast stream says counts for what comes after, however the node is run', async () => {
  const input = [
    1,
    second({ name: 'double', factor: 2 }),
    2,
    second({ name: 'treble', factor: 3 }),
    3,
    second({ name: 'double', factor: 0 }),
    at(9, 4),
  ]
  const expected = ['no rule for 1', 'double: 4', 'double: 6', 'treble: 9', 'treble: 12']
  await testNode(factors(), 'factors', { input, expected })
})

class Limits extends KeyedBroadcastProcessFunction<string, string, number, string> {
  readonly #limits = this.broadcastState<string, number>('limits')
  readonly #count = this.valueState<number>('count')

  override process(_word: string, { key, timers, timestamp = 0 }: KeyedProcessContext<string>, out: Collector<string>) {
    const count = (this.#count.get() ?? 0) + 1
    this.#count.set(count)
    timers.registerEventTimeTimer(timestamp + 10)
    if (count > (this.#limits.get('all') ?? Number.POSITIVE_INFINITY)) out.emit(`${key}: ${count}`)
  }

  override processBroadcast(limit: number): void {
    this.#limits.clear()
    this.#limits.set('all', limit)
  }

  override onTimer(timestampMs: number, { key }: OnTimerContext<string>, out: Collector<string>): void {
    out.emit(`${key} at ${timestampMs}: limit ${this.#limits.has('all') ? this.#limits.get('all') : 'none'}`)
    this.#count.clear()
  }
}

test('with a key: its state and timers, and what was broadcast', async () => {
  const limits = job('limits', (flow) => {
    flow
      .from('words', fromArray<string>([]))
      .keyBy('word', (word) => word)
      .connectBroadcast(flow.from('limit', fromArray<number>([])))
      .process('limits', () => new Limits())
      .to('out', collect<string>([]))
  })
  const input = [at(1, 'a'), at(1, 'b'), second(at(1, 1)), at(2, 'a'), watermark(11), at(12, 'a'), second(at(12, 5))]
  const expected = ['a: 2', 'a at 11: limit 1', 'b at 11: limit 1', 'a at 12: limit 5', 'a at 22: limit 5']
  await testNode(limits, 'limits', { input, expected, anyOrder: true })
})

describe('refused', () => {
  test('a change outside processBroadcast, with node and record', async () => {
    class Wrong extends Factors {
      readonly #seen = this.broadcastState<string, number>('seen')
      override process(n: number): void {
        this.#seen.set('last', n)
      }
    }
    const wrong = job('wrong', (flow) => {
      flow
        .from('numbers', fromArray([7]))
        .connectBroadcast(flow.from('rules', fromArray<Rule>([])))
        .process('wrong', () => new Wrong())
        .to('out', collect<string>([]))
    })
    const { failure } = await runJobHere(wrong, { restart: { strategy: 'none' } })
    expect(failure?.message).toMatch(
      /Node "wrong" threw on 7: broadcast state "seen" may be changed in processBroadcast only/,
    )
  })

  test('two states of one name', () => {
    class Twice extends Factors {
      readonly again = this.broadcastState<string, number>('factors')
    }
    expect(() => new Twice()).toThrow('Node "new Twice()" declares two states named "factors"')
  })

  test('what processBroadcast throws is told with the record', async () => {
    class Throwing extends Factors {
      override processBroadcast(): void {
        throw new Error('no such rule')
      }
    }
    const throwing = job('throwing', (flow) => {
      flow
        .from('numbers', fromArray<number>([]))
        .connectBroadcast(flow.from('rules', fromArray<Rule>([{ name: 'x', factor: 1 }])))
        .process('throwing', () => new Throwing())
        .to('out', collect<string>([]))
    })
    const { failure } = await runJobHere(throwing, { restart: { strategy: 'none' } })
    expect(failure?.message).toContain('Node "throwing" threw on { name: \'x\', factor: 1 }: no such rule')
  })
})

/** Sources that wait for more, or end. */
function staged(numbers: readonly number[], out: string[], ends: boolean) {
  const source = <T>(records: readonly T[]) =>
    defineSource<T, number>({
      start: 0,
      pollMs: 5,
      read: (position) => {
        if (position >= records.length) return ends ? 'end' : 'idle'
        const next = Math.min(records.length, position + 100)
        return { records: records.slice(position, next), position: next }
      },
    })
  return job('staged', (flow) => {
    flow
      .from('numbers', source(numbers), { parallelism: 1 })
      .rebalance()
      .connectBroadcast(flow.from('rules', source([{ name: 'double', factor: 2 }]), { parallelism: 1 }))
      .process('factors', () => new Factors())
      .to('out', collect(out))
  })
}

test.each([
  [1, 3],
  [3, 2],
  [2, 2],
])('written at parallelism %i, read at %i: every subtask has it', async (before, after) => {
  await inTemporaryFolder(async (dataDir) => {
    const first = run(staged([], [], false), { dataDir, parallelism: before, inProcess: true })
    const subtasks = first.metrics$.pipe(map((nodes) => nodes.filter(({ node }) => node === 'factors')))
    await firstValueFrom(
      subtasks.pipe(filter((all) => all.length === before && all.every(({ recordsIn }) => recordsIn === 1))),
    )
    await first.stop()
    expect((await first.result).state).toBe('stopped')
    const out: string[] = []
    const numbers = Array.from({ length: 2_000 }, (_, n) => n)
    const then = await runJobHere(staged(numbers, out, true), { dataDir, parallelism: after })
    expect(then.failure).toBeUndefined()
    expect(out.sort()).toEqual(numbers.map((n) => `double: ${n * 2}`).sort())
  })
})
