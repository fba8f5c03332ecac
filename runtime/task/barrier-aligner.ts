// BarrierAligner: waits until one checkpoint's barrier has come on every channel.
//
// Owns: which channels are held back, and for which checkpoint.
// Does not own: reading (input-gate), taking the snapshot (task-snapshots), judging the checkpoint (checkpoint/decide).
//
// I1. A channel that has delivered barrier n yields nothing more until n is aligned, aborted or overtaken by a newer one.
// I2. Checkpoint ids only grow: a barrier that is not newer than the last aligned, aborted or overtaken one is dropped.
// I3. Barrier n is aligned exactly once, and only when it has come on every channel.
// I4. At least once instead of exactly once: nothing is held back, the rest is the same.

import type { Barrier } from '../../src/record/element.ts'

export type Alignment = 'first' | 'waiting' | 'aligned' | 'dropped'

/** Which channels wait for which barrier. */
export class BarrierAligner {
  readonly #arrived: boolean[]
  readonly #holdsBack: boolean
  #arrivedCount = 0
  #aligning = -1
  #floor = -1

  constructor(channels: number, delivery: 'exactly-once' | 'at-least-once') {
    this.#arrived = new Array<boolean>(channels).fill(false)
    this.#holdsBack = delivery === 'exactly-once'
  }

  /** The checkpoint being aligned, if any. */
  get aligning(): number | undefined {
    return this.#arrivedCount > 0 ? this.#aligning : undefined
  }

  isHeldBack(channel: number): boolean {
    return this.#holdsBack && this.#arrived[channel] === true
  }

  /** A barrier came on a channel. After 'aligned' every channel is free again. */
  barrier(channel: number, { id }: Barrier): Alignment {
    if (id <= this.#floor || (this.aligning !== undefined && id < this.#aligning)) return 'dropped'
    if (this.aligning !== undefined && id > this.#aligning) this.#release(this.#aligning)
    if (this.#arrived[channel] === true) return 'dropped'
    const first = this.#arrivedCount === 0
    this.#aligning = id
    this.#arrived[channel] = true
    this.#arrivedCount += 1
    if (this.#arrivedCount < this.#arrived.length) return first ? 'first' : 'waiting'
    this.#release(id)
    return 'aligned'
  }

  /** The checkpoint was aborted: its barriers, present and to come, mean nothing. */
  abort(id: number): void {
    if (this.aligning !== undefined && this.#aligning <= id) this.#release(id)
    this.#floor = Math.max(this.#floor, id)
  }

  #release(floor: number): void {
    this.#floor = Math.max(this.#floor, floor)
    this.#arrived.fill(false)
    this.#arrivedCount = 0
  }
}
