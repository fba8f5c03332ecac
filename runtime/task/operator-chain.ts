// OperatorChain: the fused nodes of one task, driven as one.
//
// Owns: the order in which nodes are called. Does not own: what each does (the nodes).
//
// I1. Nodes are called in chain order: a node after the one it reads, edges to other tasks after all nodes.
// I2. A control element reaches a node only when all that the nodes before it put out has been passed on. Watermarks and status go
//     from node to node, as records do.

import type { Batch } from '../../src/record/batch.ts'
import type { Barrier, EndOfInput, StreamStatus, Watermark } from '../../src/record/element.ts'
import { present } from '../../src/util/assert.ts'
import { both, type Pending } from '../channel/channel.ts'
import type { ChainNode, SnapshotPart } from './chain-node.ts'
import type { EdgeTarget } from './edge-target.ts'
import type { OperatorNode } from './operator-node.ts'
import { SinkNode } from './sink-node.ts'
import { SourceNode } from './source-node.ts'

/** All nodes and outgoing edges of a task. */
export class OperatorChain {
  readonly nodes: readonly ChainNode[]
  readonly edges: readonly EdgeTarget[]
  /** The head, if it is a source. */
  readonly source: SourceNode | undefined
  readonly #head: ChainNode
  readonly #prefetcher: OperatorNode | undefined
  readonly #sinks: readonly SinkNode[]

  /** `prefetcher`: the head, if it is keyed. */
  constructor(options: {
    readonly nodes: readonly ChainNode[]
    readonly edges: readonly EdgeTarget[]
    readonly prefetcher: OperatorNode | undefined
  }) {
    this.nodes = options.nodes
    this.edges = options.edges
    this.#head = present(options.nodes[0], 'the head of a chain')
    this.source = this.#head instanceof SourceNode ? this.#head : undefined
    this.#prefetcher = options.prefetcher
    this.#sinks = options.nodes.filter((node) => node instanceof SinkNode)
  }

  /** Tail first: nothing is put out before its readers are open. */
  async open(): Promise<void> {
    for (const node of this.nodes.toReversed()) await node.open()
  }

  push(batch: Batch, input: number): Pending {
    return this.#head.push(batch, input)
  }

  prefetchAhead(batch: Batch): void {
    this.#prefetcher?.prefetchAhead(batch)
  }

  get prefetches(): boolean {
    return this.#prefetcher !== undefined
  }

  drain(): Pending {
    return this.#each((node) => node.drain())
  }

  fireTimers(now: number): Pending {
    return this.#each((node) => {
      const next = node.nextTimer()
      return next !== undefined && next <= now ? node.fireTimers(now) : undefined
    })
  }

  /** The earliest processing-time timer of any node. */
  nextTimer(): number | undefined {
    let earliest: number | undefined
    for (const node of this.nodes) {
      const next = node.nextTimer()
      if (next !== undefined && (earliest === undefined || next < earliest)) earliest = next
    }
    return earliest
  }

  /** To the head: each node passes it on to what reads it. */
  watermark({ timestamp }: Watermark): Pending {
    return this.#head.watermark(timestamp)
  }

  /** To the head: each node passes it on to what reads it. */
  status({ idle }: StreamStatus): Pending {
    return this.#head.status(idle)
  }

  async endOfInput(end: EndOfInput): Promise<void> {
    await this.#each((node) => node.endOfInput())
    await this.#send(end)
  }

  /** Every node finishes its epoch and is frozen, in order; the parts are of the state before the barrier. */
  async freeze(checkpoint: number): Promise<SnapshotPart[]> {
    const parts: SnapshotPart[] = []
    for (const node of this.nodes) {
      await node.finishEpoch(checkpoint)
      parts.push(node.freeze(checkpoint))
    }
    return parts
  }

  /** To every edge; a promise tells that some reader is slow, not that the barrier waits. */
  sendBarrier(barrier: Barrier): Pending {
    return this.#send(barrier)
  }

  /** Passes on what waits on edges to fill a batch. */
  flushEdges(): Pending {
    let pending: Pending
    for (const edge of this.edges) pending = both(pending, edge.flush())
    return pending
  }

  async complete(checkpoint: number): Promise<void> {
    await this.#each((node) => node.complete(checkpoint))
  }

  /** Resolves when every sink has done the commits begun so far. */
  async committed(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.committed()))
  }

  /** Resolves when every sink has passed on what it committed. */
  async drained(): Promise<void> {
    await Promise.all(this.#sinks.map((sink) => sink.drained()))
  }

  /** Calls one after the other, without a promise as long as none returns one. */
  #each(call: (node: ChainNode) => Pending): Pending {
    for (let i = 0; i < this.nodes.length; i += 1) {
      const pending = call(present(this.nodes[i], 'node'))
      if (pending !== undefined) return this.#eachFrom(i + 1, call, pending)
    }
    return undefined
  }

  async #eachFrom(first: number, call: (node: ChainNode) => Pending, pending: Promise<void>): Promise<void> {
    await pending
    for (const node of this.nodes.slice(first)) await call(node)
  }

  #send(element: Barrier | EndOfInput): Pending {
    let pending: Pending
    for (const edge of this.edges) pending = both(pending, edge.control(element))
    return pending
  }
}
