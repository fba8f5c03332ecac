// A job as a value: nodes and edges. Built by src/api, checked by validate, planned and run by the runtime.

import type { Operator } from '../contract/operator.ts'
import type { DeliveryGuarantee, RichSinkFunction } from '../contract/sink-function.ts'
import type { SourceFunction } from '../contract/source-function.ts'
import type { StateDescriptor } from '../contract/state.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'

/**
 * How records find a subtask of the reading node: `forward` the same subtask (equal parallelism, else rebalance), `hash` by the
 * key group of batch.keys, `rebalance` round robin by batch, `broadcast` to all.
 */
export type Partitioner = 'forward' | 'hash' | 'rebalance' | 'broadcast'

/** An edge into a node. */
export interface Edge {
  /** The node read from. */
  readonly from: string
  /** Which of its outputs: MAIN_OUTPUT or a side output's name. */
  readonly output: string
  readonly partitioner: Partitioner
  /** Which input of the reading node this feeds: 0, or 1 for the second of a two-input node. Several edges may feed one input. */
  readonly input: number
}

interface NodeBase {
  readonly name: string
  /** What the picture calls it: map, filter, sqliteChanges, … */
  readonly type: string
  /** Undefined: the job's default. */
  readonly parallelism: number | undefined
  readonly inputs: readonly Edge[]
}

export interface SourceNode extends NodeBase {
  readonly kind: 'source'
  /** A new object each time, or the one the user gave. */
  readonly create: () => SourceFunction<unknown>
  readonly boundedness: 'bounded' | 'unbounded'
  /** False: it cannot read again what it read, which an exactly-once job refuses. */
  readonly replayable: boolean
  /** Undefined: it gives no watermarks. */
  readonly watermarks?: WatermarkStrategy<unknown> | undefined
}

export interface OperatorNode extends NodeBase {
  readonly kind: 'operator'
  readonly create: () => Operator
  /** Has keyed state or timers: its inputs carry keys. */
  readonly keyed: boolean
  readonly states: readonly StateDescriptor[]
  /** A restore gives each subtask what all former ones left. Absent: each of those to the one that inherits it. */
  readonly unionState?: boolean
}

export interface SinkNode extends NodeBase {
  readonly kind: 'sink'
  readonly create: () => RichSinkFunction<unknown>
  readonly guarantee: DeliveryGuarantee
}

export type GraphNode = SourceNode | OperatorNode | SinkNode

export interface LogicalGraph {
  readonly job: string
  /** In the order declared: every node after the nodes it reads from. */
  readonly nodes: readonly GraphNode[]
}
