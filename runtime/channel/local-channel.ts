// LocalChannel: a channel whose two ends are in one thread. Elements are handed over as they are.
//
// Owns: the elements between the two ends; the writer that waits.
// Does not own: the decision to read (input-gate) or to wait (whoever writes).
//
// I1. Elements come out in the order they went in.
// I2. With a writer that waits when told to, it holds at most the bounds and one element more, control elements excepted.
// I3. A writer that waits is let go when half of the room is free, or on close.

import type { Element } from '../../src/record/element.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import type { ChannelReader, ChannelWriter, LocalBounds, Pending } from './channel.ts'
import { Ring } from './ring.ts'

/** Beyond the bound on elements: what control elements may add while the writer waits. */
const CONTROL_SLACK = 64

/** Both ends in one object. */
export class LocalChannel implements ChannelReader, ChannelWriter {
  readonly bytesOut = 0
  readonly #bounds: LocalBounds
  readonly #queue: Ring<Element>
  #records = 0
  #waiting: Deferred | undefined
  #onReadable: () => void = () => {}
  #closed = false

  constructor(bounds: LocalBounds) {
    this.#bounds = bounds
    this.#queue = new Ring(bounds.elements + CONTROL_SLACK)
  }

  get empty(): boolean {
    return this.#queue.size === 0
  }

  /** Records in the channel. */
  get records(): number {
    return this.#records
  }

  write(element: Element): Pending {
    if (this.#closed) return undefined
    this.#queue.push(element)
    if (element.kind === 'batch') this.#records += element.values.length
    if (this.#queue.size === 1) this.#onReadable()
    if (this.#records < this.#bounds.records && this.#queue.size < this.#bounds.elements) return undefined
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  peek(): Element | undefined {
    return this.#queue.peek()
  }

  take(): Element | undefined {
    const element = this.#queue.shift()
    if (element === undefined) return undefined
    if (element.kind === 'batch') this.#records -= element.values.length
    if (this.#waiting !== undefined && this.#halfEmpty()) this.#letGo()
    return element
  }

  onReadable(callback: () => void): void {
    this.#onReadable = callback
    if (!this.empty) callback()
  }

  close(): void {
    this.#closed = true
    this.#queue.clear()
    this.#records = 0
    this.#letGo()
  }

  #halfEmpty(): boolean {
    return this.#records * 2 <= this.#bounds.records && this.#queue.size * 2 <= this.#bounds.elements
  }

  #letGo(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}
