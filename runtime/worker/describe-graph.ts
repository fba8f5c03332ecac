import type { StateDescriptor } from '../../src/contract/state.ts'
import type { GraphNode, LogicalGraph } from '../../src/graph/logical-graph.ts'
import type { GraphDescription, NodeDescription } from '../plan/physical-plan.ts'

/** The graph without its functions. A sink is made once to learn its kind; it is not opened. */
export function describeGraph(graph: LogicalGraph): GraphDescription {
  return { job: graph.job, nodes: graph.nodes.map(describeNode) }
}

function describeNode(node: GraphNode): NodeDescription {
  const sink = node.kind === 'sink' ? node.create() : undefined
  return {
    name: node.name,
    kind: node.kind,
    type: node.type,
    parallelism: node.parallelism,
    keyed: node.kind === 'operator' && node.keyed,
    states: node.kind === 'operator' ? node.states.map(describeState) : [],
    ...(node.kind === 'operator' && node.unionState === true ? { unionState: true } : {}),
    inputs: node.inputs.map(({ from, output, partitioner, input }) => ({ from, output, partitioner, input })),
    boundedness: node.kind === 'source' ? node.boundedness : undefined,
    guarantee: node.kind === 'sink' ? node.guarantee : undefined,
    sinkKind: sink?.kind,
    rewindable: sink?.rewindable,
    ...(sink?.drained === undefined ? {} : { passesOn: true }),
  }
}

function describeState({ name, kind, options }: StateDescriptor): NodeDescription['states'][number] {
  return {
    name,
    kind,
    codec: options.codec?.name ?? 'msgpack',
    version: options.version ?? 1,
    ttlMs: options.ttl?.ttlMs,
  }
}
