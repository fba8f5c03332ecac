// InputGate: merges the channels into one task: fairly, with aligned barriers and the minimum of the watermarks.
//
// Owns: whose turn it is; which channels have ended.
// Does not own: when barriers are aligned (barrier-aligner); the event time they agree on (event-time-merge); the elements not
// yet read (channels).
//
// I1. A channel that is held back is not read, so that its bound presses on its writer.
// I2. END_OF_INPUT comes out once, when every channel has ended; barriers go on.

import type { Batch } from '../../src/record/batch.ts'
import { type Barrier, type Element, END_OF_INPUT } from '../../src/record/element.ts'
import { assert, present } from '../../src/util/assert.ts'
import type { Clock } from '../../src/util/clock.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { ChannelReader } from '../channel/channel.ts'
import { BarrierAligner } from './barrier-aligner.ts'
import { EventTimeMerge } from './event-time-merge.ts'

export interface GateChannel {
  readonly reader: ChannelReader
  /** Which input of the head node it feeds. */
  readonly input: number
}

export interface InputGateOptions {
  readonly channels: readonly GateChannel[]
  readonly delivery: 'exactly-once' | 'at-least-once'
  readonly clock: Clock
  /** Called when there may be something to read. */
  readonly onReadable: () => void
}

/** The one place from which a task without a source reads. */
export class InputGate {
  readonly #channels: readonly GateChannel[]
  readonly #aligner: BarrierAligner
  readonly #clock: Clock
  readonly #time: EventTimeMerge<number>
  readonly #ended: boolean[]
  #endedCount = 0
  /** What one element gave beside the first that came out of it. */
  #due: Element[] = []
  #letGo = false
  #turn = 0
  #lastInput = 0
  #alignStart = 0
  #alignMs = 0

  constructor({ channels, delivery, clock, onReadable }: InputGateOptions) {
    this.#channels = channels
    this.#aligner = new BarrierAligner(channels.length, delivery)
    this.#clock = clock
    this.#time = new EventTimeMerge(channels.keys())
    this.#ended = channels.map(() => false)
    for (const { reader } of channels) reader.onReadable(onReadable)
  }

  /** The input of the batch that next() returned last. */
  get lastInput(): number {
    return this.#lastInput
  }

  /** From the first to the last barrier of the checkpoint aligned last, ms. */
  get alignMs(): number {
    return this.#alignMs
  }

  /** The next element for the task, or undefined if nothing may be read now. */
  next(): Element | undefined {
    if (this.#due.length > 0) return this.#due.shift()
    for (let tried = 0; tried < this.#channels.length; tried += 1) {
      const channel = this.#turn
      this.#turn = channel + 1 === this.#channels.length ? 0 : channel + 1
      const element = this.#readChannel(channel)
      if (element !== undefined) return element
      // A newer barrier let channels go that this round has passed by: they may have something after all.
      if (this.#letGo) tried = -1
      this.#letGo = false
    }
    return undefined
  }

  /** The batch that next() would give if nothing changed, for fetching ahead. */
  peek(): Batch | undefined {
    for (let i = 0; i < this.#channels.length; i += 1) {
      const channel = (this.#turn + i) % this.#channels.length
      if (this.#aligner.isHeldBack(channel)) continue
      const element = this.#channels[channel]?.reader.peek()
      if (element !== undefined) return element.kind === 'batch' ? element : undefined
    }
    return undefined
  }

  abort(checkpoint: number): void {
    this.#aligner.abort(checkpoint)
  }

  close(): void {
    for (const { reader } of this.#channels) reader.close()
  }

  /** The first element of a channel that is the task's affair. */
  #readChannel(channel: number): Element | undefined {
    const { reader, input } = present(this.#channels[channel], 'channel')
    while (!this.#aligner.isHeldBack(channel)) {
      const element = reader.take()
      if (element === undefined) return undefined
      const out = this.#accept(channel, element)
      if (out === undefined) continue
      this.#lastInput = input
      return out
    }
    return undefined
  }

  #accept(channel: number, element: Element): Element | undefined {
    if (element.kind === 'barrier') return this.#barrier(channel, element)
    assert(this.#ended[channel] !== true, 'no data follows the end of input on a channel')
    if (element.kind === 'batch') return element.values.length > 0 ? element : undefined
    if (element.kind === 'watermark') return this.#time.raise(channel, element.timestamp)
    if (element.kind === 'status') return this.#first(this.#time.status(channel, element.idle))
    this.#ended[channel] = true
    this.#endedCount += 1
    const told = this.#time.end(channel)
    return this.#first(this.#endedCount < this.#channels.length ? told : [...told, END_OF_INPUT])
  }

  #first(elements: readonly Element[]): Element | undefined {
    const [first, ...rest] = elements
    this.#due.push(...rest)
    return first
  }

  #barrier(channel: number, barrier: Barrier): Barrier | undefined {
    const overtaken = this.#aligner.aligning
    const alignment = this.#aligner.barrier(channel, barrier)
    if (alignment === 'dropped') return undefined
    if (overtaken !== undefined && overtaken !== barrier.id) this.#letGo = true
    if (alignment === 'first' || (alignment === 'aligned' && (overtaken ?? -1) !== barrier.id)) {
      this.#alignStart = this.#clock.monotonic()
    }
    if (alignment === 'first') failpoint('task.align.first')
    if (alignment !== 'aligned') return undefined
    this.#alignMs = this.#clock.monotonic() - this.#alignStart
    failpoint('task.align.done')
    return barrier
  }
}
