import { Packr } from 'msgpackr'
import type { ValueCodec } from './value-codec.ts'

// Objects go as records, so that a Map stays a Map and an object an object; bigints of any size stay bigints.
const packr = new Packr({
  useRecords: true,
  mapsAsObjects: false,
  moreTypes: true,
  useBigIntExtension: true,
  writeFunction: () => {
    throw new TypeError('a function cannot be kept')
  },
})

/**
 * The default codec. Keeps Map, Set, Date, bigint, typed arrays, null and (nested) undefined; a class instance comes back as a
 * plain object. Functions and symbols are refused.
 */
// biome-ignore lint/suspicious/noExplicitAny: one object is the codec of every type
export const msgpackCodec: ValueCodec<any> = {
  name: 'msgpack',
  version: 1,
  encode: (value) => packr.pack(value),
  decode: (bytes) => packr.unpack(bytes),
}
