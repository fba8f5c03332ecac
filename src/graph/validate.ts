// What must hold for a graph before anything is planned. Messages say what to write instead.

import { MillraceError } from '../errors.ts'
import { DEFAULT_KEY_GROUPS, MAX_KEY_GROUPS } from '../util/key-group.ts'
import type { JobOptions } from './job.ts'
import type { GraphNode, LogicalGraph } from './logical-graph.ts'
import { assertName } from './names.ts'

/** Checks a job's own options. Throws CONFIG_INVALID, GRAPH_BAD_PARALLELISM. */
export function validateOptions(job: string, options: JobOptions): void {
  const keyGroups = options.keyGroups ?? DEFAULT_KEY_GROUPS
  if (!isWhole(keyGroups, MAX_KEY_GROUPS)) {
    const reason = `${keyGroups} is not a whole number from 1 to ${MAX_KEY_GROUPS}`
    throw new MillraceError('CONFIG_INVALID', { path: 'keyGroups', origin: `job "${job}"`, reason })
  }
  checkParallelism(options.parallelism, `job "${job}"`, keyGroups)
}

/** Checks the whole graph, in an order that tells the first mistake first. Throws GRAPH_*, SOURCE_NOT_REPLAYABLE, STATE_DUPLICATE. */
export function validateGraph(graph: LogicalGraph, options: JobOptions): void {
  const nodes = checkNames(graph)
  checkEnds(graph)
  for (const node of graph.nodes) {
    checkInputs(graph.job, node, nodes)
    checkParallelism(node.parallelism, `node "${node.name}"`, options.keyGroups ?? DEFAULT_KEY_GROUPS)
    if (node.kind === 'operator') checkStates(node)
    if (node.kind === 'source' && !node.replayable && options.delivery !== 'at-least-once') {
      throw new MillraceError('SOURCE_NOT_REPLAYABLE', { node: node.name })
    }
  }
  checkCycles(graph, nodes)
  checkDeadEnds(graph)
}

function checkNames(graph: LogicalGraph): ReadonlyMap<string, GraphNode> {
  const nodes = new Map<string, GraphNode>()
  for (const node of graph.nodes) {
    assertName(node.name, `a node (${node.type}) of job "${graph.job}"`)
    if (nodes.has(node.name)) throw new MillraceError('GRAPH_DUPLICATE_NODE', { job: graph.job, node: node.name })
    nodes.set(node.name, node)
  }
  return nodes
}

function checkEnds(graph: LogicalGraph): void {
  const kinds = new Set(graph.nodes.map((node) => node.kind))
  if (!kinds.has('source')) throw new MillraceError('GRAPH_NO_SOURCE', { job: graph.job })
  if (!kinds.has('sink')) throw new MillraceError('GRAPH_NO_SINK', { job: graph.job })
}

function checkInputs(job: string, node: GraphNode, nodes: ReadonlyMap<string, GraphNode>): void {
  for (const edge of node.inputs) {
    if (!nodes.has(edge.from)) throw new MillraceError('GRAPH_UNKNOWN_NODE', { node: node.name, input: edge.from, job })
  }
}

function checkParallelism(value: number | undefined, what: string, max: number): void {
  if (value !== undefined && !isWhole(value, max))
    throw new MillraceError('GRAPH_BAD_PARALLELISM', { value, what, max })
}

function checkStates(node: Extract<GraphNode, { kind: 'operator' }>): void {
  // What a keyed node gets by broadcast has no key: that is an input of its own, beside one that has.
  const hashed =
    node.inputs.every(
      ({ partitioner, input }) => partitioner === 'hash' || (partitioner === 'broadcast' && input > 0),
    ) && node.inputs.some(({ partitioner }) => partitioner === 'hash')
  if ((node.keyed || node.states.length > 0) && !(node.keyed && hashed)) {
    throw new MillraceError('GRAPH_STATE_WITHOUT_KEY', { node: node.name })
  }
  const names = new Set<string>()
  for (const { name } of node.states) {
    if (names.has(name)) throw new MillraceError('STATE_DUPLICATE', { node: node.name, state: name })
    names.add(name)
  }
}

/** Depth first; the path that meets itself is shown. The API cannot write a cycle, a graph made otherwise can. */
function checkCycles(graph: LogicalGraph, nodes: ReadonlyMap<string, GraphNode>): void {
  const done = new Set<string>()
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      const cycle = [name, ...path.slice(path.indexOf(name) + 1), name]
      throw new MillraceError('GRAPH_CYCLE', { job: graph.job, path: cycle.reverse().join(' -> ') })
    }
    if (done.has(name)) return
    for (const edge of nodes.get(name)?.inputs ?? []) visit(edge.from, [...path, name])
    done.add(name)
  }
  for (const node of graph.nodes) visit(node.name, [])
}

function checkDeadEnds(graph: LogicalGraph): void {
  const read = new Set(graph.nodes.flatMap((node) => node.inputs.map((edge) => edge.from)))
  for (const node of graph.nodes) {
    if (node.kind !== 'sink' && !read.has(node.name)) throw new MillraceError('GRAPH_DEAD_END', { node: node.name })
  }
}

function isWhole(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max
}
