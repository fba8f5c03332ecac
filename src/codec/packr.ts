// The one msgpack dialect of frames, state, checkpoints and logs: plain data, and Decimals.

import { addExtension, Packr } from 'msgpackr'
import { Decimal, isDecimal } from '../util/decimal.ts'

/** 'D' in an extension's header. msgpackr has one table of them for the whole process. */
const DECIMAL_TYPE = 0x44

/** Stands for the classes of all copies of decimal.js: msgpackr asks by instanceof. Plain records are never asked about. */
const AnyDecimal = Object.defineProperty(class {}, Symbol.hasInstance, { value: isDecimal })

addExtension({
  Class: AnyDecimal,
  type: DECIMAL_TYPE,
  pack: (value: Decimal) => Buffer.from(value.valueOf(), 'latin1'),
  unpack: (bytes: Uint8Array) =>
    new Decimal(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')),
})

interface PackrOptions {
  /** Throws for what would silently become undefined. */
  readonly refuseFunction: () => never
  /** Buffers that come out are copies, rather than views that keep all they were read from. */
  readonly copyBuffers?: boolean
}

/** Objects go as records, so that a Map stays a Map and an object an object; bigints of any size stay bigints. */
export function newPackr({ refuseFunction, copyBuffers = false }: PackrOptions): Packr {
  const options = { useRecords: true, mapsAsObjects: false, moreTypes: true, useBigIntExtension: true, copyBuffers }
  return Object.assign(new Packr(options), { writeFunction: refuseFunction })
}
