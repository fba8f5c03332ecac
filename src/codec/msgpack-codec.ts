import { newPackr } from './packr.ts'
import type { ValueCodec } from './value-codec.ts'

const packr = newPackr({
  refuseFunction: () => {
    throw new TypeError('a function cannot be kept')
  },
})

/**
 * The default codec. Keeps Map, Set, Date, bigint, Decimal, typed arrays, null and (nested) undefined; a class instance comes back as a
 * plain object. Functions and symbols are refused.
 */
// biome-ignore lint/suspicious/noExplicitAny: one object is the codec of every type
export const msgpackCodec: ValueCodec<any> = {
  name: 'msgpack',
  version: 1,
  encode: (value) => packr.pack(value),
  decode: (bytes) => packr.unpack(bytes),
}
