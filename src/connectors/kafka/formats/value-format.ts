// ValueFormat from a way to make bytes of values and back.

import type { KafkaRecord } from '../records/kafka-record.ts'
import type { ValueFormat, WrittenRecord } from './format.ts'

/** Options that every format of a value alone has. */
export interface ValueOptions {
  /** A record without a value: refuse it as undecodable, or leave it out. Default `fail`. records() keeps them. */
  readonly tombstones?: 'fail' | 'skip'
}

/** Bytes of values, both ways. */
export interface ValueCoding<T> {
  /** What the bytes are, for messages: `a JSON text`. */
  readonly what: string
  open?(): Promise<void>
  decode(bytes: Buffer): T
  encode(value: T): string | Uint8Array
  messageIndexes?(): readonly number[]
}

/** The format of values so coded; keys and headers are left out, and none are written. */
export function valueFormat<T>(coding: ValueCoding<T>, { tombstones = 'fail' }: ValueOptions): ValueFormat<T> {
  const { what, open, messageIndexes } = coding
  return {
    decode: coding.decode,
    encode: coding.encode,
    read({ value }: KafkaRecord, out: T[]): void {
      if (value !== null) out.push(coding.decode(value))
      else if (tombstones === 'fail') throw new Error(tombstoneText(what))
    },
    write: (value: T): WrittenRecord => ({ value: coding.encode(value) }),
    ...(open === undefined ? {} : { open }),
    ...(messageIndexes === undefined ? {} : { messageIndexes }),
  }
}

function tombstoneText(what: string): string {
  return `no value (a tombstone): expected ${what}; tombstones: 'skip' leaves such records out, records() keeps them`
}
