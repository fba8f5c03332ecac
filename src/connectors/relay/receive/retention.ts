// Retention: what of the received batches is given up, and how much waits to be read.
//
// Owns: how far complete checkpoints have read each stream.
// Does not own: the streams; which incarnations were read out (assignment).
//
// I1. Only what a complete checkpoint has read is given up, and of that keepBytes stay for going back: about the same time's worth of
//     each stream. Incarnations that were read out go first.

import type { ReceiveStore } from './receive-store.ts'
import type { Sender } from './sender.ts'
import type { StreamLog } from './stream-log.ts'

/** Of a sender, incarnations that were read out and are kept. */
const READ_OUT_MAX = 8

export interface RetentionOptions {
  readonly store: ReceiveStore
  readonly keepBytes: number
  /** Generations of a sender below were read out by a complete checkpoint. */
  readonly readOutBefore: (sender: string) => number
}

export class Retention {
  readonly #options: RetentionOptions
  readonly #positions = new Map<string, number>()

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** A complete checkpoint has read a stream up to `sequence`. */
  complete(id: string, sequence: number): void {
    this.#positions.set(id, Math.max(sequence, this.#positions.get(id) ?? 0))
  }

  /** Bytes that no complete checkpoint has read. */
  unreadBytes(): number {
    let bytes = 0
    for (const stream of this.#options.store.streams()) bytes += stream.bytesFrom(this.#positionOf(stream))
    return bytes
  }

  /** Gives up what is beyond what is kept. Throws IO. */
  async giveUp(): Promise<void> {
    for (const sender of this.#options.store.senders) await this.#removeReadOut(sender)
    await this.#shrink((readBytes) => this.#options.keepBytes / readBytes)
    // Segments are given up whole: of many small streams too much may stay.
    await this.#shrink((readBytes) => (readBytes > 2 * this.#options.keepBytes ? 0 : 1))
  }

  async #removeReadOut(sender: Sender): Promise<void> {
    const before = this.#options.readOutBefore(sender.name)
    const readOut = sender.generations.filter((generation) => generation < before)
    for (const [i, generation] of readOut.entries()) {
      if (readOut.length - i <= READ_OUT_MAX && this.#readBytes() <= this.#options.keepBytes) return
      const streams = [...(sender.streamsOf(generation)?.values() ?? [])]
      await sender.remove(generation)
      for (const { id } of streams) this.#positions.delete(id)
    }
  }

  /** Keeps, of what was read of each stream, the given part. */
  async #shrink(partOf: (readBytes: number) => number): Promise<void> {
    const readBytes = this.#readBytes()
    const part = partOf(readBytes)
    if (part >= 1) return
    for (const stream of this.#options.store.streams()) {
      const position = this.#positionOf(stream)
      const unread = stream.bytesFrom(position)
      const keep = unread + (stream.bytes - unread) * part
      await stream.truncateBefore(part === 0 ? position : sequenceOf(stream, keep, position))
    }
  }

  #readBytes(): number {
    let bytes = 0
    for (const stream of this.#options.store.streams())
      bytes += stream.bytes - stream.bytesFrom(this.#positionOf(stream))
    return bytes
  }

  #positionOf(stream: StreamLog): number {
    const known = this.#positions.get(stream.id)
    if (known !== undefined) return known
    const { sender, generation } = stream.place
    return generation < this.#options.readOutBefore(sender) ? stream.next : stream.first
  }
}

/** The first batch from which on at most so many bytes lie, at most `position`. */
function sequenceOf(stream: StreamLog, bytes: number, position: number): number {
  let low = stream.first
  let high = position
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (stream.bytesFrom(middle) <= bytes) high = middle
    else low = middle + 1
  }
  return low
}
