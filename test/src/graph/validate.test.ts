// What the fluent API cannot write, a graph made otherwise can.

import { expect, test } from 'vitest'
import type { GraphNode, LogicalGraph, OperatorNode } from '../../../src/graph/logical-graph.ts'
import { validateGraph } from '../../../src/graph/validate.ts'

const never = (): never => {
  throw new Error('validation creates nothing')
}

function operator(name: string, from: readonly string[], more: Partial<OperatorNode> = {}): OperatorNode {
  const inputs = from.map((node) => ({ from: node, output: '', partitioner: 'forward', input: 0 }) as const)
  const base = { name, type: 'map', parallelism: undefined, inputs, create: never, keyed: false, states: [] }
  return { kind: 'operator', ...base, ...more }
}

function graphOf(...operators: OperatorNode[]): LogicalGraph {
  const ends: GraphNode[] = [
    {
      kind: 'source',
      name: 'in',
      type: 'array',
      parallelism: undefined,
      inputs: [],
      create: never,
      boundedness: 'bounded',
      replayable: true,
    },
    ...operators,
    {
      kind: 'sink',
      name: 'out',
      type: 'print',
      parallelism: undefined,
      inputs: [{ from: operators.at(-1)?.name ?? 'in', output: '', partitioner: 'forward', input: 0 }],
      create: never,
      guarantee: 'upsert',
    },
  ]
  return { job: 'g', nodes: ends }
}

const states = [{ name: 's', kind: 'value', options: {} }] as const

test('a cycle is shown in the order records would run', () => {
  const graph = graphOf(operator('a', ['in', 'c']), operator('b', ['a']), operator('c', ['b']))
  expect(() => validateGraph(graph, {})).toThrow('Job "g" has a cycle: a -> b -> c -> a. A job is an acyclic graph.')
  expect(() => validateGraph(graphOf(operator('a', ['a'])), {})).toThrow('a -> a')
})

test('diamonds are no cycles', () => {
  const graph = graphOf(operator('a', ['in']), operator('b', ['a']), operator('c', ['a']), operator('d', ['b', 'c']))
  expect(() => validateGraph(graph, {})).not.toThrow()
})

test('an input that is not there', () => {
  expect(() => validateGraph(graphOf(operator('a', ['in', 'gone'])), {})).toThrow(
    'Node "a" reads from "gone", which is not in job "g".',
  )
})

test('keyed nodes read by hash only', () => {
  expect(() => validateGraph(graphOf(operator('a', ['in'], { keyed: true })), {})).toThrow('its input has no key')
  expect(() => validateGraph(graphOf(operator('a', ['in'], { states })), {})).toThrow('its input has no key')
  const inputs = [{ from: 'in', output: '', partitioner: 'hash', input: 0 }] as const
  expect(() => validateGraph(graphOf(operator('a', [], { keyed: true, states, inputs })), {})).not.toThrow()
})

test('two states of one name', () => {
  const inputs = [{ from: 'in', output: '', partitioner: 'hash', input: 0 }] as const
  const twice = operator('a', [], { keyed: true, states: [...states, ...states], inputs })
  expect(() => validateGraph(graphOf(twice), {})).toThrow('Node "a" declares two states named "s".')
})

test('a keyed node may have a broadcast input beside a keyed one, not instead of it', () => {
  const edge = (partitioner: 'hash' | 'broadcast', input: number) => ({ from: 'in', output: '', partitioner, input })
  const keyed = (...inputs: ReturnType<typeof edge>[]) => graphOf(operator('a', [], { keyed: true, states, inputs }))
  expect(() => validateGraph(keyed(edge('hash', 0), edge('broadcast', 1)), {})).not.toThrow()
  for (const inputs of [[edge('broadcast', 1)], [edge('broadcast', 0), edge('hash', 1)]]) {
    expect(() => validateGraph(keyed(...inputs), {})).toThrow('Node "a" declares keyed state or timers but its input')
  }
})
