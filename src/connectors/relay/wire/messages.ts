// Made by `npm run house:update` from relay.proto: change that.

/** Sender: who it is; the first frame of a connection. */
export interface Hello {
  readonly kind: 'hello'
  /** Of the wire: 1. */
  readonly version: number
  readonly site: string
  /** `site/job/node`. */
  readonly sender: string
  /** 16 random bytes: which life of the sender. */
  readonly incarnation: Uint8Array
  /** Raised each time that the sender opens its queue. */
  readonly session: number
  /** What batches may be compressed with, such as `snappy`. */
  readonly compressions: readonly string[]
  /** Bytes of a frame that the sender takes. */
  readonly frameBytesMax: number
  /** Of Millrace, for people. */
  readonly release: string
  /** What receivers have given it in Welcome, the last of each: only who has a receiver's last one goes on with an incarnation. */
  readonly tokens: readonly string[]
}

/** Receiver: the sender may open streams. */
export interface Welcome {
  readonly kind: 'welcome'
  readonly version: number
  readonly site: string
  readonly compressions: readonly string[]
  /** Bytes of a frame that the receiver takes. */
  readonly frameBytesMax: number
  /** Bytes of a batch, uncompressed, that the receiver takes. */
  readonly plainBytesMax: number
  /** How often both ends send Ping; an end that hears nothing three times in a row closes the line. */
  readonly heartbeatMs: number
  /** Of Millrace, for people. */
  readonly release: string
  /** The incarnation that the receiver had of this sender before this one; empty if there was none. */
  readonly former: Uint8Array
  /** Another one for each session. To be kept, durably, before a stream is opened. */
  readonly token: string
}

/** Receiver: the sender may not; the connection is closed. */
export interface Refuse {
  readonly kind: 'refuse'
  /** One of wire/refusals.ts. */
  readonly code: string
  readonly reason: string
}

/** Sender: it has this stream. */
export interface OpenStream {
  readonly kind: 'openStream'
  /** The number of the stream on this connection, from 1. */
  readonly stream: number
  readonly name: string
  /** What the records are written with. */
  readonly codec: string
  /** The oldest batch that the sender still has. */
  readonly first: number
  /** The batch to be published next. */
  readonly next: number
  /** Batches below were acknowledged to this sender by this receiver. */
  readonly acked: number
  /** Batches below are the same as in the incarnation that Welcome calls the former one; 0 if nothing is known of it. */
  readonly common: number
}

/** Receiver: the stream goes on from batch `next`. */
export interface StreamOpened {
  readonly kind: 'streamOpened'
  readonly stream: number
  readonly next: number
  /** Bytes of bodies that may be sent on this stream, counted from this message on. */
  readonly credit: number
}

/** Receiver: it does not take this stream. */
export interface StreamRefused {
  readonly kind: 'streamRefused'
  readonly stream: number
  /** One of wire/refusals.ts. */
  readonly code: string
  readonly reason: string
}

/** Sender: a batch; its records are the body. */
export interface Batch {
  readonly kind: 'batch'
  readonly stream: number
  readonly sequence: number
  /** The number of its first record, from 0 in each stream. */
  readonly firstRecord: number
  readonly count: number
  /** When it was made, in milliseconds since the epoch. */
  readonly atMs: number
  /** What the body is compressed with; empty: with nothing. */
  readonly compression: string
  /** Bytes of the body uncompressed. */
  readonly plainBytes: number
}

/** Receiver: all batches of the stream below `next` are on its disk. */
export interface Ack {
  readonly kind: 'ack'
  readonly stream: number
  readonly next: number
  /** Bytes of bodies that may be sent on this stream, counted from StreamOpened on. */
  readonly credit: number
}

/** Either: still here; answered by Pong. */
export interface Ping {
  readonly kind: 'ping'
  readonly nonce: number
}

/** Either: the answer, with the nonce of the Ping. */
export interface Pong {
  readonly kind: 'pong'
  readonly nonce: number
}

/** Either: the connection is closed, and why. */
export interface Goodbye {
  readonly kind: 'goodbye'
  /** One of wire/refusals.ts, or empty. */
  readonly code: string
  readonly reason: string
}

/** The header of a frame. */
export type Message =
  | Hello
  | Welcome
  | Refuse
  | OpenStream
  | StreamOpened
  | StreamRefused
  | Batch
  | Ack
  | Ping
  | Pong
  | Goodbye
