// Channels: what carries elements from one subtask to another, in order, with a bound.

import type { Element } from '../../src/record/element.ts'

/** Undefined: done, go on. A promise: what was asked is under way and nothing more may be asked until it resolves. */
export type Pending = Promise<void> | undefined

/** The writing end. One writer per channel. */
export interface ChannelWriter {
  /**
   * Takes the element. A promise tells that the channel is full: write nothing more before it resolves (a control element to
   * every channel of an edge excepted, for alignment must not wait for one slow reader). Throws RECORD_CODEC.
   */
  write(element: Element): Pending
  /** Bytes that left this thread. */
  readonly bytesOut: number
  /** Nothing more is delivered; who waits for room is let go. */
  close(): void
}

/** The reading end. One reader per channel. */
export interface ChannelReader {
  readonly empty: boolean
  /** The next element, left where it is. */
  peek(): Element | undefined
  take(): Element | undefined
  /** Called back (from anywhere) when an element came to an empty channel. */
  onReadable(callback: () => void): void
  close(): void
}

/** How much a channel within one thread holds before its writer must wait. */
export interface LocalBounds {
  readonly records: number
  readonly elements: number
}

export const DEFAULT_LOCAL_BOUNDS: LocalBounds = { records: 16_384, elements: 64 }

/** How much may be under way or unread between two threads before the writer must wait. */
export interface PortBounds {
  readonly bytes: number
  readonly frames: number
}

export const DEFAULT_PORT_BOUNDS: PortBounds = { bytes: 2 << 20, frames: 64 }

/** Waits for both. */
export function both(a: Pending, b: Pending): Pending {
  if (a === undefined) return b
  if (b === undefined) return a
  return Promise.all([a, b]).then(() => undefined)
}
