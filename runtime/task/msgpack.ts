// Small values of a checkpoint (positions, operator state, committables) as msgpack, in buffers of their own.

import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'

/** A copy, since msgpackr hands out views of one large buffer that it goes on using. */
export function encode(value: unknown): Uint8Array {
  return new Uint8Array(msgpackCodec.encode(value))
}

export function decode(bytes: Uint8Array): unknown {
  return msgpackCodec.decode(bytes)
}
