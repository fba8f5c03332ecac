// The planner: from a graph's description to what runs where. Pure: equal input, equal plan, in any process.

import { MillraceError } from '../../src/errors.ts'
import { present } from '../../src/util/assert.ts'
import { DEFAULT_KEY_GROUPS, MAX_KEY_GROUPS } from '../../src/util/key-group.ts'
import { formChains } from './chains.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { GraphDescription, NodeDescription, PhysicalPlan, PlannedEdge, PlannedTask } from './physical-plan.ts'

export interface PlanOptions {
  /** Of nodes that name none. */
  readonly parallelism: number
  /** At most this many workers are used; never more than the largest parallelism. */
  readonly workers: number
  readonly keyGroups?: number
}

/** Plans a job. Throws GRAPH_BAD_PARALLELISM. */
export function planJob(graph: GraphDescription, options: PlanOptions): PhysicalPlan {
  const keyGroups = options.keyGroups ?? DEFAULT_KEY_GROUPS
  checkCount(keyGroups, 'the key groups', MAX_KEY_GROUPS)
  checkCount(options.parallelism, 'the job', MAX_KEY_GROUPS)
  const parallelism = new Map(graph.nodes.map((node) => [node.name, parallelismOf(node, options, keyGroups)]))
  const workers = Math.max(1, Math.min(options.workers, Math.max(...parallelism.values())))
  const chains = formChains(graph, parallelism)
  const tasks = chains.map((nodes, id) => taskOf(id, nodes, parallelism, workers))
  const edges = edgesBetween(graph, tasks, parallelism)
  return { job: graph.job, fingerprint: fingerprintOf(graph), keyGroups, workers, tasks, edges }
}

/** The largest parallelism any node will have: more workers than this would idle. */
export function largestParallelism(graph: GraphDescription, jobParallelism: number): number {
  return Math.max(1, ...graph.nodes.map((node) => node.parallelism ?? jobParallelism))
}

function parallelismOf(node: NodeDescription, options: PlanOptions, keyGroups: number): number {
  const value = node.parallelism ?? options.parallelism
  checkCount(value, `node "${node.name}"`, node.keyed ? keyGroups : MAX_KEY_GROUPS)
  return value
}

function checkCount(value: number, what: string, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new MillraceError('GRAPH_BAD_PARALLELISM', { value, what, max })
  }
}

function taskOf(
  id: number,
  nodes: readonly string[],
  parallelismByNode: ReadonlyMap<string, number>,
  workers: number,
): PlannedTask {
  const parallelism = present(parallelismByNode.get(present(nodes[0], 'head of a chain')), 'parallelism of a head')
  return {
    id,
    name: nodes.join(' -> '),
    nodes,
    parallelism,
    workers: Array.from({ length: parallelism }, (_, subtask) => subtask % workers),
  }
}

/** Every edge that crosses between tasks. A forward edge between unequal parallelisms becomes rebalance. */
function edgesBetween(
  graph: GraphDescription,
  tasks: readonly PlannedTask[],
  parallelism: ReadonlyMap<string, number>,
): PlannedEdge[] {
  const taskOfNode = new Map(tasks.flatMap((task) => task.nodes.map((node) => [node, task] as const)))
  const edges: PlannedEdge[] = []
  for (const node of graph.nodes) {
    const to = present(taskOfNode.get(node.name), 'task of a node')
    if (to.nodes[0] !== node.name) continue
    for (const edge of node.inputs) {
      const from = present(taskOfNode.get(edge.from), `task of node ${edge.from}`)
      const unequal = parallelism.get(edge.from) !== parallelism.get(node.name)
      edges.push({
        id: edges.length,
        fromTask: from.id,
        fromNode: edge.from,
        output: edge.output,
        toTask: to.id,
        toNode: node.name,
        input: edge.input,
        partitioner: edge.partitioner === 'forward' && unequal ? 'rebalance' : edge.partitioner,
      })
    }
  }
  return edges
}
