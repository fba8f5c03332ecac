// EventTimeMerge: the event time that several channels agree on: the least of the watermarks of those that have a say.
//
// Owns: each channel's watermark, and whether it is idle or has ended; what was said last of all of them.
// Does not own: the elements (input-gate).
//
// I1. What comes out only grows. An idle channel has no say; one that has ended counts as the end of event time.
// I2. When every channel that has not ended is idle, event time is what the furthest of them had reached, and the status is idle.
// I3. Each change of status comes out once.

import { MAX_WATERMARK, type StreamStatus, type Watermark } from '../../src/record/element.ts'

type Channel = { watermark: number; state: 'active' | 'idle' | 'ended' }

/** Fed with what channels say; answers what the reader of all of them is to hear. */
export class EventTimeMerge {
  readonly #channels: readonly Channel[]
  #watermark = Number.NEGATIVE_INFINITY
  #idle = false

  constructor(channels: number) {
    this.#channels = Array.from({ length: channels }, () => ({ watermark: Number.NEGATIVE_INFINITY, state: 'active' }))
  }

  raise(channel: number, timestamp: number): Watermark | undefined {
    const one = this.#channels[channel] as Channel
    if (timestamp <= one.watermark) return undefined
    const held = one.watermark <= this.#watermark || this.#idle
    one.watermark = timestamp
    return held ? this.#risen() : undefined
  }

  status(channel: number, idle: boolean): (Watermark | StreamStatus)[] {
    const one = this.#channels[channel] as Channel
    if (one.state !== 'ended') one.state = idle ? 'idle' : 'active'
    return this.#told()
  }

  end(channel: number): (Watermark | StreamStatus)[] {
    const one = this.#channels[channel] as Channel
    one.state = 'ended'
    one.watermark = MAX_WATERMARK
    return this.#told()
  }

  #told(): (Watermark | StreamStatus)[] {
    const told: (Watermark | StreamStatus)[] = []
    const risen = this.#risen()
    if (risen !== undefined) told.push(risen)
    const idle = !this.#any('active') && this.#any('idle')
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
    for (const { state, watermark } of this.#channels) if (state !== 'idle' && watermark < least) least = watermark
    if (this.#any('active') || !this.#any('idle')) return least
    let furthest = Number.NEGATIVE_INFINITY
    for (const { state, watermark } of this.#channels) if (state === 'idle') furthest = Math.max(furthest, watermark)
    return furthest
  }

  #any(state: Channel['state']): boolean {
    for (const channel of this.#channels) if (channel.state === state) return true
    return false
  }
}
