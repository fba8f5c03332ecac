// What is to run where: plain data, made by the planner from the graph's description, sent to every worker.

import type { Partitioner } from '../../src/graph/logical-graph.ts'

/** A node without its functions: what crosses from a worker that loaded the job file to the main thread. */
export interface NodeDescription {
  readonly name: string
  readonly kind: 'source' | 'operator' | 'sink'
  readonly type: string
  readonly parallelism: number | undefined
  readonly keyed: boolean
  readonly states: readonly {
    readonly name: string
    readonly kind: string
    readonly codec: string
    readonly version: number
    readonly ttlMs: number | undefined
  }[]
  readonly inputs: readonly {
    readonly from: string
    readonly output: string
    readonly partitioner: Partitioner
    readonly input: number
  }[]
  /** A restore gives each subtask what all former ones left. */
  readonly unionState?: boolean
  readonly boundedness: 'bounded' | 'unbounded' | undefined
  readonly guarantee: string | undefined
  readonly sinkKind: 'upsert' | 'epoch' | 'append' | undefined
  readonly rewindable: boolean | undefined
  /** A sink that passes on later what it committed: a job whose input ended has finished when it has. */
  readonly passesOn?: boolean
}

export interface GraphDescription {
  readonly job: string
  readonly nodes: readonly NodeDescription[]
}

/** A channel bundle between two tasks: every from-subtask may have a channel to every to-subtask. */
export interface PlannedEdge {
  /** Unique in the plan. */
  readonly id: number
  readonly fromTask: number
  readonly fromNode: string
  readonly output: string
  readonly toTask: number
  /** Always the head of toTask. */
  readonly toNode: string
  readonly input: number
  readonly partitioner: Partitioner
}

/** A chain: nodes that run fused in each of `parallelism` subtasks. nodes[0] is the head; the rest read within the chain only. */
export interface PlannedTask {
  readonly id: number
  /** The nodes' names joined by ' -> ', for people. */
  readonly name: string
  readonly nodes: readonly string[]
  readonly parallelism: number
  /** Worker of each subtask. */
  readonly workers: readonly number[]
}

export interface PhysicalPlan {
  readonly job: string
  /** Of the graph: equal for equal graphs, in every worker. */
  readonly fingerprint: string
  readonly keyGroups: number
  readonly workers: number
  readonly tasks: readonly PlannedTask[]
  readonly edges: readonly PlannedEdge[]
}

/** Which channels an edge has between subtasks: `forward` i to i; everything else all to all. */
export function channelExists(edge: PlannedEdge, fromSubtask: number, toSubtask: number): boolean {
  return edge.partitioner !== 'forward' || fromSubtask === toSubtask
}
