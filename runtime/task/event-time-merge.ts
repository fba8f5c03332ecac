// EventTimeMerge: the event time that several members agree on (the channels into a task, the splits of a source): the least of the
// watermarks of those that have a say.
//
// Owns: each member's watermark, and whether it is idle or has ended; what was said last of all of them.
// Does not own: the elements (input-gate), the records (source-time).
//
// I1. What comes out only grows. An idle member has no say; one that has ended counts as the end of event time.
// I2. When every member that has not ended is idle, event time is what the furthest of them had reached, and the status is idle.
// I3. Each change of status comes out once.

import { MAX_WATERMARK, type StreamStatus, type Watermark } from '../../src/record/element.ts'

type Member = { watermark: number; idle: boolean }

/** Fed with what members say; answers what the reader of all of them is to hear. */
export class EventTimeMerge<K> {
  /** Those that have not ended. */
  readonly #members = new Map<K, Member>()
  #watermark = Number.NEGATIVE_INFINITY
  #idle = false

  constructor(members: Iterable<K> = []) {
    for (const member of members) this.#members.set(member, { watermark: Number.NEGATIVE_INFINITY, idle: false })
  }

  /** One more member: event time waits where it is until the newcomer has reached it. */
  add(member: K, watermark: number, idle = false): (Watermark | StreamStatus)[] {
    this.#members.set(member, { watermark, idle })
    return this.#told()
  }

  raise(member: K, timestamp: number): Watermark | undefined {
    const one = this.#members.get(member) as Member
    if (timestamp <= one.watermark) return undefined
    const held = one.watermark <= this.#watermark || this.#idle
    one.watermark = timestamp
    return held ? this.#risen() : undefined
  }

  status(member: K, idle: boolean): (Watermark | StreamStatus)[] {
    const one = this.#members.get(member) as Member
    one.idle = idle
    return this.#told()
  }

  /** After the last one's end, the end of event time. */
  end(member: K): (Watermark | StreamStatus)[] {
    this.#members.delete(member)
    return this.#told()
  }

  #told(): (Watermark | StreamStatus)[] {
    const told: (Watermark | StreamStatus)[] = []
    const risen = this.#risen()
    if (risen !== undefined) told.push(risen)
    const idle = this.#members.size > 0 && this.#allIdle()
    if (idle !== this.#idle) {
      this.#idle = idle
      told.push({ kind: 'status', idle })
    }
    return told
  }

  #risen(): Watermark | undefined {
    const reached = this.#reached()
    if (reached <= this.#watermark) return undefined
    this.#watermark = reached
    return { kind: 'watermark', timestamp: reached }
  }

  #reached(): number {
    let least = MAX_WATERMARK
    let furthestIdle = Number.NEGATIVE_INFINITY
    let active = false
    for (const { idle, watermark } of this.#members.values()) {
      if (!idle) active = true
      if (!idle && watermark < least) least = watermark
      if (idle && watermark > furthestIdle) furthestIdle = watermark
    }
    return active || this.#members.size === 0 ? least : furthestIdle
  }

  #allIdle(): boolean {
    for (const { idle } of this.#members.values()) if (!idle) return false
    return true
  }
}
