import { newPackr } from '../../../codec/packr.ts'

/** Turns the records of a batch into bytes and back. Both ends of a relay must have one of the same name. */
export interface RecordCodec<T> {
  /** Told to the receiver, which refuses a sender with another one. */
  readonly name: string
  /** Throws on a record that it cannot write. The bytes may be a view that the next call overwrites. */
  encode(records: readonly T[]): Uint8Array
  /** As many records as were written. What it gives must not keep `bytes`. Throws on what is no batch. */
  decode(bytes: Uint8Array): T[]
  /** For records with views of larger memory, such as what was fetched at once: the record without. Called for those that wait. */
  keep?(record: T): T
}

// copyBuffers: a record that is kept must not keep its whole batch in memory.
const packr = newPackr({ refuseFunction, copyBuffers: true })

/** The default: one msgpack array, in which objects of one shape share one description. Keeps what records between threads keep. */
// biome-ignore lint/suspicious/noExplicitAny: one object is the codec of every type
export const msgpackRecords: RecordCodec<any> = {
  name: 'msgpack',
  encode: (records) => packr.pack(records),
  decode(bytes) {
    // As a Buffer, so that the Buffers within come out as such.
    const records: unknown = packr.unpack(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    if (!Array.isArray(records)) throw new Error('the bytes of a batch are no array of records')
    return records
  },
}

/** Throws for what would silently become undefined. */
function refuseFunction(): never {
  throw new TypeError('it holds a function')
}
