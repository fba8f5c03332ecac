// Chains: which nodes run fused in one task. A chain is a tree: a head, and nodes each of which reads one node of the chain.

import { present } from '../../src/util/assert.ts'
import type { GraphDescription, NodeDescription } from './physical-plan.ts'

/** The chains of a graph, each a list of node names with its head first and every node after the one it reads. */
export function formChains(graph: GraphDescription, parallelism: ReadonlyMap<string, number>): string[][] {
  const chains: string[][] = []
  const chainOfNode = new Map<string, string[]>()
  for (const node of graph.nodes) {
    const upstream = chainableInput(node, parallelism)
    const chain = upstream === undefined ? [] : present(chainOfNode.get(upstream), `chain of node ${upstream}`)
    if (chain.length === 0) chains.push(chain)
    chain.push(node.name)
    chainOfNode.set(node.name, chain)
  }
  return chains
}

/**
 * The node that this one can be fused to: its only input, of equal parallelism, over an edge that keeps every record in its
 * subtask. Between single subtasks every partitioner does that.
 */
function chainableInput(node: NodeDescription, parallelism: ReadonlyMap<string, number>): string | undefined {
  const edge = node.inputs[0]
  if (edge === undefined || node.inputs.length !== 1) return undefined
  const here = parallelism.get(node.name)
  if (parallelism.get(edge.from) !== here) return undefined
  return edge.partitioner === 'forward' || here === 1 ? edge.from : undefined
}
