// Wiring: the graph while a job's build function runs.
//
// Owns: the nodes added so far, in the order added; which stream object stands for which output of which node.
// Does not own: whether the graph is right (graph/validate), the functions in it.
//
// I1. A node reads only from streams that exist, so from nodes added before it: a cycle cannot be written.

import { MAIN_OUTPUT } from '../contract/operator.ts'
import { MillraceError } from '../errors.ts'
import type { Edge, GraphNode, OperatorNode, Partitioner } from '../graph/logical-graph.ts'

/** What a stream object stands for. */
export interface Origin {
  readonly node: string
  readonly output: string
  readonly partitioner: Partitioner
}

/** An operator node as the API writes it down; what is left out has its usual value. */
export type OperatorSpec = Pick<OperatorNode, 'name' | 'type' | 'create' | 'inputs'> &
  Partial<Pick<OperatorNode, 'keyed' | 'states' | 'unionState'>>

// Kept beside the objects, so that the public interfaces show nothing of the wiring.
const origins = new WeakMap<object, Origin>()

/** Remembers what a new stream object stands for. */
export function bindOrigin(stream: object, origin: Origin): void {
  origins.set(stream, origin)
}

/** An edge from a stream into node `reader`. Throws GRAPH_BAD_FUNCTION for an object that is no stream. */
export function edgeFrom(stream: object, reader: string, input = 0): Edge {
  const origin = origins.get(stream)
  if (origin !== undefined) return { from: origin.node, output: origin.output, partitioner: origin.partitioner, input }
  throw new MillraceError('GRAPH_BAD_FUNCTION', {
    node: reader,
    what: 'an input that is no stream',
    expected: 'a stream of this job, as flow.from() or another stream returns it',
  })
}

/** Collects the nodes of one job. */
export class Wiring {
  readonly #nodes: GraphNode[] = []

  get nodes(): readonly GraphNode[] {
    return this.#nodes
  }

  add(node: GraphNode): void {
    this.#nodes.push(node)
  }

  /** Adds an operator and returns its main output. */
  addOperator(spec: OperatorSpec, options: { readonly parallelism?: number } | undefined): Origin {
    this.add({ kind: 'operator', keyed: false, states: [], parallelism: options?.parallelism, ...spec })
    return { node: spec.name, output: MAIN_OUTPUT, partitioner: 'forward' }
  }
}
