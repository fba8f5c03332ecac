// Frames: a batch as bytes. [values, timestamps, keys] in one msgpack array; objects of one shape share one description
// within the frame, so a frame can be read without any other.
//
// What comes out is equal to what went in, with these exceptions (runtime/README.md tells users; the tests prove them): -0 is 0;
// an instance of a class is what its toJSON() gives, or else a plain object of its own enumerable fields; two references to one object are two objects; holes in
// arrays are undefined; a property named __proto__ is named __proto_; symbols as names, further properties of arrays and half
// surrogate pairs are lost. Functions and symbols as values, and what refers to itself, are refused.

import { newPackr } from '../../src/codec/packr.ts'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import { type Batch, batchOf } from '../../src/record/batch.ts'
import type { Key } from '../../src/util/key-group.ts'

/** Throws for what would silently become undefined. */
function refuseFunction(): never {
  throw new TypeError('it holds a function')
}

/** Batches to bytes and back. */
export class FrameCodec {
  // copyBuffers: a record that is kept must not keep its whole frame in memory.
  readonly #packr = newPackr({ refuseFunction, copyBuffers: true })

  /** A frame in a buffer of its own, fit to be transferred. Throws RECORD_CODEC naming `node`. */
  encode(batch: Batch, node: string): Uint8Array {
    try {
      // A copy, since msgpackr hands out views of one large buffer that it goes on using.
      return new Uint8Array(this.#packr.pack([batch.values, batch.timestamps, batch.keys]))
    } catch (error) {
      throw new MillraceError('RECORD_CODEC', { node, reason: crossingReason(error) }, error)
    }
  }

  decode(frame: Uint8Array): Batch {
    // As a Buffer, so that the Buffers within come out as such.
    const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
    const [values, timestamps, keys] = this.#packr.unpack(bytes) as [
      readonly unknown[],
      readonly number[] | undefined,
      readonly Key[] | undefined,
    ]
    return batchOf(values, timestamps, keys)
  }
}

function crossingReason(error: unknown): string {
  if (error instanceof RangeError) return 'it refers to itself, or is nested too deeply'
  return reasonOf(error)
}
