// Messages of the declarations beside, and the format that reads them.

import { join } from 'node:path'
import fc from 'fast-check'
import type { ValueFormat } from '../../../../../../src/connectors/kafka/formats/format.ts'
import {
  type ProtobufFileOptions,
  protobufFile,
} from '../../../../../../src/connectors/kafka/formats/protobuf/protobuf-file.ts'

export type Fields = Record<string, unknown>

export const fileOf = (name: string): string => join(import.meta.dirname, name)

/** An open format of `everything.proto`. */
export async function everything(
  message = 'shop.Order',
  options: Partial<ProtobufFileOptions> = {},
): Promise<ValueFormat<Fields>> {
  const format = protobufFile({ file: fileOf('everything.pb'), message, ...options })
  await format.open?.()
  return format
}

/** An Order of which nothing is set. */
export const NO_ORDER: Fields = {
  id: 0n,
  customerName: '',
  state: 'NEW',
  lines: [],
  counts: {},
  byId: {},
  byFlag: {},
  paidAt: null,
  never: null,
  inKind: null,
  discount: null,
  numbers: null,
  parent: null,
  proof: Buffer.alloc(0),
  old: null,
  price: 0,
}

/** Numbers of which nothing is set. */
export const NO_NUMBERS: Fields = {
  aDouble: 0,
  aFloat: 0,
  anInt32: 0,
  anInt64: 0n,
  aUint32: 0,
  aUint64: 0n,
  aSint32: 0,
  aSint64: 0n,
  aFixed32: 0,
  aFixed64: 0n,
  anSfixed32: 0,
  anSfixed64: 0n,
  aBool: false,
  packed: [],
  unpacked: [],
  doubles: [],
  states: [],
  texts: [],
  bools: [],
}

/** An Old of which only what must be set is. */
export const NO_OLD: Fields = {
  name: '',
  size: -5,
  note: 'none "yet"',
  raw: Buffer.from([0, 0xff, 0x61, 0x0a]),
  kind: 'B',
  big: -(2n ** 63n),
  rate: Number.NEGATIVE_INFINITY,
  on: true,
  plain: null,
  list: [],
  packed: [],
  names: {},
  left: null,
  right: null,
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const string = fc.string({ unit: 'binary' })
const bytes = fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one))
const state = fc.constantFrom<string | number>('NEW', 'PAID', 'LOST', 7, -2)

const numbers: fc.Arbitrary<Fields> = fc.record({
  aDouble: fc.double(),
  aFloat: fc.float(),
  anInt32: int32,
  anInt64: int64,
  aUint32: uint32,
  aUint64: uint64,
  aSint32: int32,
  aSint64: int64,
  aFixed32: uint32,
  aFixed64: uint64,
  anSfixed32: int32,
  anSfixed64: int64,
  aBool: fc.boolean(),
  packed: fc.array(int32),
  unpacked: fc.array(int64),
  doubles: fc.array(fc.double()),
  states: fc.array(state),
  texts: fc.array(string),
  bools: fc.array(fc.boolean()),
})

const line = fc.record({ item: string, count: int32 })

const old: fc.Arbitrary<Fields> = fc.record({
  name: string,
  size: int32,
  note: string,
  raw: bytes,
  kind: fc.constantFrom('A', 'B'),
  big: int64,
  rate: fc.double(),
  on: fc.boolean(),
  plain: fc.option(int32),
  list: fc.array(int32),
  packed: fc.array(uint32),
  names: fc.dictionary(int32.map(String), string),
  left: fc.option(int32),
  right: fc.constant(null),
})

const paid = fc.oneof(
  fc.constant({ paidAt: null, never: null, inKind: null }),
  int64.map((paidAt) => ({ paidAt, never: null, inKind: null })),
  fc.boolean().map((never) => ({ paidAt: null, never, inKind: null })),
  line.map((inKind) => ({ paidAt: null, never: null, inKind })),
)

/** Orders with all that can be set, as they are read. */
export const orders: fc.Arbitrary<Fields> = fc.letrec<{ order: Fields }>((tie) => ({
  order: fc
    .tuple(
      fc.record({
        id: int64,
        customerName: string,
        state,
        lines: fc.array(line),
        counts: fc.dictionary(fc.oneof(string, fc.constant('__proto__')), uint64),
        byId: fc.dictionary(int64.map(String), line),
        byFlag: fc.dictionary(fc.constantFrom('true', 'false'), state),
        discount: fc.option(int32),
        numbers: fc.option(numbers),
        parent: fc.option(tie('order'), { depthSize: 'small', maxDepth: 4 }),
        proof: bytes,
        old: fc.option(old),
        price: fc.double(),
      }),
      paid,
    )
    .map(([one, of]) => ({ ...one, ...of })),
})).order
