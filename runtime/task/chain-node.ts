import type { Batch } from '../../src/record/batch.ts'
import type { Pending } from '../channel/channel.ts'
import type { NodeSnapshot } from '../checkpoint/snapshot.ts'
import type { NodeMeter } from './node-meter.ts'

/** One node's part of a checkpoint, from the freeze on. */
export interface SnapshotPart {
  /** Encodes for at most about budgetMs; true when everything is encoded. */
  encodeSlice(budgetMs: number): boolean
  /** Once everything is encoded: makes it durable in the checkpoint's folder. Undefined if the node keeps nothing. */
  finish(folder: string): Promise<NodeSnapshot | undefined>
  /** The checkpoint will not be. */
  abandon(): void
}

/** A node of a chain as the task drives it. One call at a time; a returned promise is awaited before the next call. */
export interface ChainNode {
  readonly name: string
  readonly meter: NodeMeter
  /** Bytes of state in the heap. */
  readonly stateBytes: number
  open(): Promise<void>
  push(batch: Batch, input: number): Pending
  watermark(timestamp: number): Pending
  status(idle: boolean): Pending
  endOfInput(): Pending
  /** Results that came later, if any came. */
  drain(): Pending
  /** The earliest processing-time timer. */
  nextTimer(): number | undefined
  fireTimers(now: number): Pending
  /** Emits what belongs to this epoch. */
  finishEpoch(checkpoint: number): Pending
  /** Right after finishEpoch: synchronous and short. */
  freeze(checkpoint: number): SnapshotPart
  complete(checkpoint: number): Pending
  /** Always called once, whatever happened; may be called while another call is hanging. */
  close(): Promise<void>
}

/** A part of a node that keeps nothing, or only what is known at the freeze. */
export function readyPart(snapshot: NodeSnapshot | undefined): SnapshotPart {
  return { encodeSlice: () => true, finish: () => Promise.resolve(snapshot), abandon: () => {} }
}

/** An empty snapshot to be filled in. */
export function nodeSnapshot(node: string, subtask: number): NodeSnapshot {
  return {
    node,
    subtask,
    keyed: undefined,
    operator: undefined,
    splits: undefined,
    enumerator: undefined,
    commit: undefined,
  }
}
