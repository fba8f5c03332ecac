import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channelExists, type GraphDescription, type NodeDescription } from '../../../runtime/plan/physical-plan.ts'
import { largestParallelism, planJob } from '../../../runtime/plan/planner.ts'
import type { Partitioner } from '../../../src/graph/logical-graph.ts'
import { keyGroupRange, subtaskOfKeyGroup } from '../../../src/util/key-group.ts'

type In = readonly [from: string, partitioner?: Partitioner, input?: number]

function node(name: string, inputs: readonly In[] = [], more: Partial<NodeDescription> = {}): NodeDescription {
  return {
    name,
    kind: inputs.length === 0 ? 'source' : 'operator',
    type: 'test',
    parallelism: undefined,
    keyed: false,
    states: [],
    inputs: inputs.map(([from, partitioner = 'forward', input = 0]) => ({ from, output: '', partitioner, input })),
    boundedness: undefined,
    guarantee: undefined,
    sinkKind: undefined,
    rewindable: undefined,
    ...more,
  }
}

const graph = (...nodes: NodeDescription[]): GraphDescription => ({ job: 'test', nodes })
const chainsOf = (description: GraphDescription, parallelism: number): string[] =>
  planJob(description, { parallelism, workers: 4 }).tasks.map((task) => task.name)

describe('planJob', () => {
  it('fuses nodes along forward edges of equal parallelism', () => {
    expect(chainsOf(graph(node('a'), node('b', [['a']]), node('c', [['b']])), 3)).toEqual(['a -> b -> c'])
  })

  it.each(['hash', 'rebalance', 'broadcast'] as const)(
    'cuts the chain at a %s edge between several subtasks',
    (partitioner) => {
      expect(chainsOf(graph(node('a'), node('b', [['a', partitioner]])), 2)).toEqual(['a', 'b'])
    },
  )

  it.each(['hash', 'rebalance', 'broadcast'] as const)(
    'chains over a %s edge between single subtasks',
    (partitioner) => {
      expect(chainsOf(graph(node('a'), node('b', [['a', partitioner]])), 1)).toEqual(['a -> b'])
    },
  )

  it('chains a tree: several readers of one node, none of a node with two inputs', () => {
    const tree = graph(node('a'), node('b', [['a']]), node('c', [['a']]), node('d', [['b'], ['c']]), node('e', [['d']]))
    const plan = planJob(tree, { parallelism: 2, workers: 2 })
    expect(plan.tasks.map((task) => task.nodes)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ])
    expect(plan.edges.map((edge) => [edge.fromNode, edge.toNode, edge.partitioner])).toEqual([
      ['b', 'd', 'forward'],
      ['c', 'd', 'forward'],
    ])
  })

  it('makes a forward edge between unequal parallelisms a rebalance', () => {
    const plan = planJob(graph(node('a', [], { parallelism: 1 }), node('b', [['a']])), { parallelism: 3, workers: 2 })
    expect(plan.edges.map((edge) => edge.partitioner)).toEqual(['rebalance'])
  })

  it('puts subtask i on worker i mod workers, and never more workers than subtasks', () => {
    const description = graph(node('a'), node('b', [['a', 'hash']]))
    expect(planJob(description, { parallelism: 5, workers: 2 }).tasks[0]?.workers).toEqual([0, 1, 0, 1, 0])
    expect(planJob(description, { parallelism: 2, workers: 9 }).workers).toBe(2)
    expect(largestParallelism(graph(node('a', [], { parallelism: 7 })), 2)).toBe(7)
  })

  it('refuses more subtasks of keyed state than key groups, and counts that are none', () => {
    const keyed = graph(node('a'), node('b', [['a', 'hash']], { keyed: true, parallelism: 9 }))
    expect(() => planJob(keyed, { parallelism: 1, workers: 1, keyGroups: 8 })).toThrow(/9 of node "b".*1 to 8/)
    expect(() => planJob(graph(node('a')), { parallelism: 1.5, workers: 1 })).toThrow(/1\.5/)
    expect(() => planJob(graph(node('a')), { parallelism: 1, workers: 1, keyGroups: 40_000 })).toThrow(/32768/)
  })

  it('any graph: every node in one task, chains are trees of equal parallelism, all other edges are planned', () => {
    fc.assert(
      fc.property(
        anyGraph(),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (description, parallelism, workers) => {
          const plan = planJob(description, { parallelism, workers })
          expect(plan.tasks.flatMap((task) => task.nodes).sort()).toEqual(description.nodes.map((n) => n.name).sort())
          const byName = new Map(description.nodes.map((n) => [n.name, n]))
          for (const task of plan.tasks) {
            for (const [at, name] of task.nodes.entries()) {
              const inputs = byName.get(name)?.inputs ?? []
              expect(byName.get(name)?.parallelism ?? parallelism).toBe(task.parallelism)
              if (at === 0) continue
              expect(inputs).toHaveLength(1)
              expect(task.nodes.slice(0, at)).toContain(inputs[0]?.from)
              expect(inputs[0]?.partitioner === 'forward' || task.parallelism === 1).toBe(true)
            }
            expect(task.workers.every((worker) => worker < plan.workers)).toBe(true)
          }
          const heads = new Set(plan.tasks.map((task) => task.nodes[0]))
          const crossing = description.nodes
            .filter((n) => heads.has(n.name))
            .flatMap((n) => n.inputs.map((e) => [e.from, n.name]))
          expect(plan.edges.map((edge) => [edge.fromNode, edge.toNode])).toEqual(crossing)
          for (const edge of plan.edges) {
            const [from, to] = [plan.tasks[edge.fromTask], plan.tasks[edge.toTask]]
            if (edge.partitioner === 'forward') expect(from?.parallelism).toBe(to?.parallelism)
            expect(channelExists(edge, 0, 0)).toBe(true)
          }
        },
      ),
    )
  })

  it('key group ranges: every group owned once, by the subtask that records of the group go to', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (keyGroups, seed) => {
        const parallelism = 1 + (seed % keyGroups)
        const owners: number[] = []
        for (let subtask = 0; subtask < parallelism; subtask++) {
          const { start, end } = keyGroupRange(subtask, parallelism, keyGroups)
          for (let group = start; group < end; group++) owners.push(subtask)
        }
        expect(owners).toEqual(
          Array.from({ length: keyGroups }, (_, g) => subtaskOfKeyGroup(g, keyGroups, parallelism)),
        )
      }),
    )
  })
})

/** Graphs of up to 12 nodes, each reading up to two of the nodes before it. */
function anyGraph(): fc.Arbitrary<GraphDescription> {
  const partitioner = fc.constantFrom<Partitioner>('forward', 'hash', 'rebalance', 'broadcast')
  const spec = fc.record({
    inputs: fc.array(fc.tuple(fc.nat(), partitioner), { maxLength: 2 }),
    parallelism: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    keyed: fc.boolean(),
  })
  return fc.array(spec, { minLength: 1, maxLength: 12 }).map((specs) =>
    graph(
      ...specs.map(({ inputs, parallelism, keyed }, i) => {
        const ins = i === 0 ? [] : inputs.map(([from, how], at): In => [`n${from % i}`, how, at])
        return node(`n${i}`, ins, { parallelism, keyed: keyed && ins.length > 0 })
      }),
    ),
  )
}
