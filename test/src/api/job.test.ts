// The language: what each call adds to the graph, and what a job refuses to be.

import { NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { Job } from '../../../src/graph/job.ts'
import type { OperatorNode } from '../../../src/graph/logical-graph.ts'
import {
  CoProcessFunction,
  type Flow,
  fromArray,
  fromObservable,
  type JobOptions,
  job,
  KeyedProcessFunction,
  ProcessFunction,
  type Stream,
  sideOutput,
  UpsertSinkFunction,
} from '../../../src/index.ts'

class NullSink extends UpsertSinkFunction<unknown> {
  override write(): void {}
  override flush(): void {}
}

class Stateful extends KeyedProcessFunction<number, number, number> {
  readonly #sum = this.valueState<number>('sum')
  override process(): void {
    this.#sum.clear()
  }
}

class Timers extends KeyedProcessFunction<number, number, number> {
  override process(): void {}
}

class Noop extends ProcessFunction<number, number> {
  override process(): void {}
}

class Both extends CoProcessFunction<number, number, string, string> {
  readonly seen = this.listState<string>('seen')
  override process1(): void {}
  override process2(): void {}
}

class BothUnkeyed extends CoProcessFunction<never, number, number, number> {
  override process1(): void {}
  override process2(): void {}
}

const INPUT = { settings: {}, dataDir: '.', mode: 'stream' } as const

function numbers(flow: Flow, name = 'numbers'): Stream<number> {
  return flow.from(name, fromArray([1, 2, 3]))
}

function built(build: (flow: Flow) => void, options?: JobOptions): ReturnType<Job['build']>['graph'] {
  return job('test', build, options).build(INPUT).graph
}

/** name -> what reads it and how, in one line per node. */
function drawn(build: (flow: Flow) => void): string[] {
  return built(build).nodes.map(
    ({ name, type, inputs }) =>
      `${name}:${type} <- ${inputs.map((edge) => `${edge.from}[${edge.output}]${edge.partitioner}/${edge.input}`).join(' ')}`,
  )
}

describe('each call adds one node', () => {
  test('a straight line', () => {
    expect(
      drawn((flow) =>
        numbers(flow)
          .map('m', (n) => n + 1)
          .filter('f', (n) => n > 1)
          .flatMap('fm', (n) => [n])
          .assignTimestamps('t', (n) => n)
          .process('p', new Noop())
          .process<number>('l', (n, _context, out) => out.emit(n))
          .rx('rx', (in$) => in$)
          .to('out', new NullSink()),
      ),
    ).toEqual([
      'numbers:iterable <- ',
      'm:map <- numbers[]forward/0',
      'f:filter <- m[]forward/0',
      'fm:flatMap <- f[]forward/0',
      't:assignTimestamps <- fm[]forward/0',
      'p:process <- t[]forward/0',
      'l:process <- p[]forward/0',
      'rx:rx <- l[]forward/0',
      'out:null <- rx[]forward/0',
    ])
  })

  test('behind keyBy nodes read by hash', () => {
    const draw = drawn((flow) => {
      const keyed = numbers(flow).keyBy('k', (n) => n % 2)
      keyed.process('p', new Stateful()).to('o1', new NullSink())
      keyed.reduce('r', (a, b) => a + b).to('o2', new NullSink())
      keyed
        .aggregate('a', { create: () => 0, add: (n, sum) => n + sum, result: String, merge: (a, b) => a + b })
        .to('o3', new NullSink())
      keyed.to('o4', new NullSink())
    })
    expect(draw.filter((line) => line.includes('k[]'))).toEqual([
      'p:process <- k[]hash/0',
      'r:reduce <- k[]hash/0',
      'a:aggregate <- k[]hash/0',
      'o4:null <- k[]hash/0',
    ])
  })

  test('several streams into one node', () => {
    expect(
      drawn((flow) => {
        const a = numbers(flow, 'a')
        const b = numbers(flow, 'b').map('text', String)
        a.union('u', b, a.rebalance()).to('o1', new NullSink())
        a.connect(numbers(flow, 'c').broadcast()).process('two', new BothUnkeyed()).to('o2', new NullSink())
        a.keyBy('ka', (n) => n)
          .connect(b.keyBy('kb', (text) => text.length))
          .process('join', new Both())
          .to('o3', new NullSink())
      }).filter((line) => /^(u|two|join):/.test(line)),
    ).toEqual([
      'u:union <- a[]forward/0 text[]forward/0 a[]rebalance/0',
      'two:coProcess <- a[]forward/0 c[]broadcast/1',
      'join:coProcess <- ka[]hash/0 kb[]hash/1',
    ])
  })

  test('side outputs', () => {
    expect(
      drawn((flow) => {
        const [even, odd] = numbers(flow).split('parity', (n) => n % 2 === 0)
        even.to('even', new NullSink())
        odd.to('odd', new NullSink())
        numbers(flow, 'more').process('p', new Noop()).side(sideOutput<string>('late')).to('late', new NullSink())
      }).filter((line) => line.includes(':null')),
    ).toEqual(['even:null <- parity[]forward/0', 'odd:null <- parity[rest]forward/0', 'late:null <- p[late]forward/0'])
  })
})

test('nodes say what they are: state, keys, parallelism, guarantee, boundedness', () => {
  const graph = built((flow) => {
    flow
      .from('s', fromArray([1]), { parallelism: 2 })
      .keyBy('k', (n) => n)
      .process('p', () => new Stateful(), { parallelism: 3 })
      .to('out', () => new NullSink())
  })
  const [source, keyBy, process, sink] = graph.nodes
  expect(source).toMatchObject({ kind: 'source', parallelism: 2, boundedness: 'bounded', replayable: true })
  expect(keyBy).toMatchObject({ kind: 'operator', keyed: false, parallelism: undefined })
  expect(process).toMatchObject({ keyed: true, parallelism: 3, states: [{ name: 'sum', kind: 'value' }] })
  expect(sink).toMatchObject({ kind: 'sink', guarantee: 'upsert' })
})

test('state options of reduce and aggregate reach the descriptor', () => {
  const ttl = { ttlMs: 1_000 }
  const graph = built((flow) =>
    numbers(flow)
      .keyBy('k', (n) => n)
      .reduce('r', (a, b) => a + b, { state: { ttl } })
      .to('out', new NullSink()),
  )
  expect((graph.nodes[2] as OperatorNode).states).toEqual([{ name: 'total', kind: 'value', options: { ttl } }])
})

test('a factory makes one object for each subtask, an object is handed on', () => {
  const sink = new NullSink()
  const graph = built((flow) => {
    numbers(flow, 'a').to('made', () => new NullSink())
    numbers(flow, 'b').to('given', sink)
  })
  const create = (name: string): unknown => graph.nodes.find((node) => node.name === name)?.create()
  expect(create('made')).not.toBe(create('made'))
  expect(create('given')).toBe(sink)
})

test('a job is a value: hooks and settings are read when it is built, anew each time', () => {
  let built = 0
  const hook = (): void => {}
  const value = job('counting', (flow, settings) => {
    built += 1
    flow.onStart(hook)
    flow.onFinished(hook)
    const min = settings.number('min', 0)
    numbers(flow)
      .filter('big', (n) => n > min)
      .to('out', new NullSink())
  })
  expect(built).toBe(0)
  expect(value.build(INPUT)).toMatchObject({ onStart: [hook], onFinished: [hook] })
  value.build({ ...INPUT, settings: { min: '2' } })
  expect(built).toBe(2)
  expect(() => value.build({ ...INPUT, settings: { max: '2' } })).toThrow(
    'Setting "max" is not read by job "counting". It reads: min.',
  )
})

describe('a job that cannot run says why', () => {
  const sink = (): NullSink => new NullSink()

  test.each<[string, (flow: Flow) => void, string]>([
    ['no source', () => {}, 'Job "test" has no source: begin with flow.from(name, source).'],
    ['no sink', (flow) => void numbers(flow), 'Job "test" has no sink: end at least one stream with .to(name, sink).'],
    [
      'two nodes of one name',
      (flow) =>
        numbers(flow)
          .map('numbers', (n) => n)
          .to('out', sink),
      'Job "test" names two nodes "numbers": give each node a name of its own',
    ],
    [
      'a name that is no file name',
      (flow) =>
        numbers(flow)
          .map('a/b', (n) => n)
          .to('out', sink),
      'Name "a/b" of a node (map) of job "test" cannot be a file name',
    ],
    [
      'a dead end',
      (flow) => {
        const source = numbers(flow)
        source.map('nowhere', (n) => n)
        source.to('out', sink)
      },
      'Nothing reads the output of node "nowhere": end it with .to(name, sink).',
    ],
    [
      'bad parallelism',
      (flow) =>
        numbers(flow)
          .map('m', (n) => n, { parallelism: 0 })
          .to('out', sink),
      'Parallelism 0 of node "m" is not a whole number from 1 to 128.',
    ],
    [
      'a bad side output',
      (flow) => numbers(flow).process('p', new Noop()).side(sideOutput('')).to('out', sink),
      'Name "" of a side output of node "p" cannot be a file name',
    ],
    [
      'state without a key',
      (flow) => {
        const text = numbers(flow, 'b').map('text', String)
        numbers(flow)
          .connect(text)
          .process('both', new Both() as never)
          .to('out', sink)
      },
      'Node "both" declares keyed state or timers but its input has no key: call .keyBy(name, selector) before it.',
    ],
    [
      'state on a stream without a key',
      (flow) =>
        numbers(flow)
          .process('sums', new Stateful() as never)
          .to('out', sink),
      'Node "sums" declares keyed state or timers but its input has no key: call .keyBy(name, selector) before it.',
    ],
    [
      'timers on a stream without a key',
      (flow) =>
        numbers(flow)
          .process('timers', (() => new Timers()) as never)
          .to('out', sink),
      'Node "timers" declares keyed state or timers but its input has no key',
    ],
    [
      'a push source without a log',
      (flow) =>
        flow
          .from(
            'push',
            fromObservable(() => NEVER),
          )
          .to('out', sink),
      'Source "push" pushes and cannot be replayed: give fromObservable a log ({ log: true }) or run the job at least once.',
    ],
    [
      'a stream that is none',
      (flow) =>
        numbers(flow)
          .union('u', {} as Stream<number>)
          .to('out', sink),
      'Node "u" got an input that is no stream: expected a stream of this job',
    ],
    [
      'a class where an object is wanted',
      (flow) =>
        numbers(flow)
          .process('p', Noop as never)
          .to('out', sink),
      'Node "p" got the class Noop: expected an object or a factory () => new Noop().',
    ],
  ])('%s', (_, build, message) => {
    expect(() => built(build)).toThrow(message)
  })

  test('a stream of another job', () => {
    let other: Stream<number> | undefined
    built((flow) => {
      other = numbers(flow, 'foreign')
      other.to('out', sink)
    })
    expect(() =>
      built((flow) =>
        numbers(flow)
          .union('u', other as Stream<number>)
          .to('out', sink),
      ),
    ).toThrow('Node "u" reads from "foreign", which is not in job "test".')
  })

  test('its own name, parallelism and key groups', () => {
    const nothing = (): void => {}
    expect(() => job('no spaces', nothing)).toThrow('Name "no spaces" of a job cannot be a file name')
    expect(() => job('j', nothing, { parallelism: 1.5 })).toThrow('Parallelism 1.5 of job "j"')
    expect(() => job('j', nothing, { parallelism: 9, keyGroups: 8 })).toThrow('from 1 to 8')
    expect(() => job('j', nothing, { keyGroups: 32_769 })).toThrow(
      'Option keyGroups from job "j": 32769 is not a whole number from 1 to 32768.',
    )
  })
})

test('a push source is taken with a log, or where at-least-once is asked', () => {
  const push = (log: boolean) => (flow: Flow) =>
    flow
      .from(
        'push',
        fromObservable(() => NEVER, { log }),
      )
      .to('out', new NullSink())
  expect(built(push(true)).nodes).toHaveLength(2)
  expect(built(push(false), { delivery: 'at-least-once' }).nodes).toHaveLength(2)
})
