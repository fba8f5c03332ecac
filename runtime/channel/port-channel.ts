// Port channels: a channel between two threads, over a MessagePort.
//
// On the wire, all in order. Writer to reader: a frame (Uint8Array, transferred) for a batch, the element itself for control.
// Reader to writer: credit: how many bytes and elements were taken since the last one.
//
// Owns: frames under way and unread. Does not own: batching of small batches (edge-writer).
//
// I1. Elements come out in the order they went in.
// I2. Unread bytes and elements never exceed the bounds and one frame more (control elements to every channel of an edge
//     excepted): credit is given back only when an element is taken.
// I3. Credit returns in lumps of a quarter of the bound, or when the reader has read all there is, so that a writer never
//     waits for credit which an idle reader holds.

import type { MessagePort } from 'node:worker_threads'
import type { Element } from '../../src/record/element.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import type { ChannelReader, ChannelWriter, Pending, PortBounds } from './channel.ts'
import { FrameCodec } from './frame.ts'
import { Ring } from './ring.ts'

interface Credit {
  readonly bytes: number
  readonly frames: number
}

/** Beyond the bound on frames: what control elements may add while the writer waits. */
const CONTROL_SLACK = 64

/** The writing end, in the thread of the sending subtask. */
export class PortWriter implements ChannelWriter {
  readonly #port: MessagePort
  readonly #bounds: PortBounds
  readonly #node: string
  readonly #codec = new FrameCodec()
  #bytesUnread = 0
  #framesUnread = 0
  #bytesOut = 0
  #waiting: Deferred | undefined
  #closed = false

  /** `node` is named when a record cannot cross. */
  constructor(port: MessagePort, options: { readonly bounds: PortBounds; readonly node: string }) {
    this.#port = port
    this.#bounds = options.bounds
    this.#node = options.node
    port.on('message', (credit: Credit) => this.#credit(credit))
  }

  get bytesOut(): number {
    return this.#bytesOut
  }

  write(element: Element): Pending {
    if (this.#closed) return undefined
    if (element.kind === 'batch') this.#post(this.#codec.encode(element, this.#node))
    else this.#port.postMessage(element)
    this.#framesUnread += 1
    if (this.#hasRoom()) return undefined
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  close(): void {
    this.#closed = true
    this.#port.close()
    this.#letGo()
  }

  #post(frame: Uint8Array): void {
    this.#bytesUnread += frame.byteLength
    this.#bytesOut += frame.byteLength
    this.#port.postMessage(frame, [frame.buffer as ArrayBuffer])
  }

  #credit(credit: Credit): void {
    this.#bytesUnread -= credit.bytes
    this.#framesUnread -= credit.frames
    if (this.#hasRoom()) this.#letGo()
  }

  #hasRoom(): boolean {
    return this.#bytesUnread < this.#bounds.bytes && this.#framesUnread < this.#bounds.frames
  }

  #letGo(): void {
    this.#waiting?.resolve()
    this.#waiting = undefined
  }
}

/** The reading end, in the thread of the receiving subtask. Frames are decoded when they are looked at. */
export class PortReader implements ChannelReader {
  readonly #port: MessagePort
  readonly #bounds: PortBounds
  readonly #codec = new FrameCodec()
  readonly #queue: Ring<Uint8Array | Element>
  #decoded: Element | undefined
  #bytesRead = 0
  #framesRead = 0
  #onReadable: () => void = () => {}
  #closed = false

  constructor(port: MessagePort, bounds: PortBounds) {
    this.#port = port
    this.#bounds = bounds
    this.#queue = new Ring(bounds.frames + CONTROL_SLACK)
    port.on('message', (item: Uint8Array | Element) => this.#receive(item))
  }

  get empty(): boolean {
    return this.#queue.size === 0
  }

  peek(): Element | undefined {
    const item = this.#queue.peek()
    if (!(item instanceof Uint8Array)) return item
    this.#decoded ??= this.#codec.decode(item)
    return this.#decoded
  }

  take(): Element | undefined {
    const element = this.peek()
    const item = this.#queue.shift()
    this.#decoded = undefined
    if (item === undefined) return undefined
    if (item instanceof Uint8Array) this.#bytesRead += item.byteLength
    this.#framesRead += 1
    this.#giveCredit()
    return element
  }

  onReadable(callback: () => void): void {
    this.#onReadable = callback
    if (!this.empty) callback()
  }

  close(): void {
    this.#closed = true
    this.#queue.clear()
    this.#port.close()
  }

  #receive(item: Uint8Array | Element): void {
    if (this.#closed) return
    this.#queue.push(item)
    if (this.#queue.size === 1) this.#onReadable()
  }

  #giveCredit(): void {
    if (this.#closed) return
    const due = this.#bytesRead * 4 >= this.#bounds.bytes || this.#framesRead * 4 >= this.#bounds.frames || this.empty
    if (!due) return
    this.#port.postMessage({ bytes: this.#bytesRead, frames: this.#framesRead } satisfies Credit)
    this.#bytesRead = 0
    this.#framesRead = 0
  }
}
