// protobuf: messages by classes that were generated from their declaration.

import type { ValueFormat } from '../format.ts'
import { type ValueOptions, valueFormat } from '../value-format.ts'

/** A generated class: protobufjs's static modules have it, and whatever else decodes to plain objects, such as ts-proto. */
export interface ProtobufType {
  decode(bytes: Uint8Array): object
  encode(message: object): { finish(): Uint8Array }
  /** protobufjs: what is wrong with a message, or null. */
  verify?(message: Record<string, unknown>): string | null
  /** protobufjs: a plain object of a message, whose defaults are in its prototype and so would be lost between threads. */
  toObject?(message: object, options: object): Record<string, unknown>
}

/** Classes do not say where their message is declared: confluent() can be told. */
const FIRST: readonly number[] = [0]

const PLAIN = { longs: BigInt, defaults: true, arrays: true, objects: true }

/**
 * Messages by a generated class: `protobuf<Order>(shop.Order)`. Of protobufjs's (`pbjs -t static-module`) as plain objects: 64-bit integers are
 * bigints, enums numbers, unset fields their defaults, absent members of a oneof missing.
 */
export function protobuf<T = Record<string, unknown>>(type: ProtobufType, options: ValueOptions = {}): ValueFormat<T> {
  let isExact = false
  return valueFormat<T>(
    {
      what: 'a protobuf message',
      decode: (bytes) => {
        const { message, plain } = decode(bytes, type)
        if (!isExact) isExact = hasExactLongs(message, plain)
        return plain as T
      },
      encode: (value) => encode(value, type),
      messageIndexes: () => FIRST,
    },
    options,
  )
}

type Fields = Readonly<Record<string, unknown>>

function decode(bytes: Buffer, type: ProtobufType): { readonly message: object; readonly plain: object } {
  let message: object
  try {
    message = type.decode(bytes)
  } catch (error) {
    throw new Error(`not such a protobuf message: ${(error as Error).message}`, { cause: error })
  }
  if (type.toObject !== undefined) return { message, plain: type.toObject(message, PLAIN) }
  if (Object.getPrototypeOf(message) === Object.prototype) return { message, plain: message }
  throw new Error('the class has no toObject(), and its messages are no plain objects: generate it with converters')
}

/**
 * True once an integer of 64 bits was seen, which tells for all. Without `long` protobufjs reads them as numbers, rounded, and makes bigints of those.
 * Throws if it does.
 */
function hasExactLongs(message: object, plain: object): boolean {
  for (const [name, value] of Object.entries(plain)) {
    const read = (message as Fields)[name]
    if (typeof value === 'bigint' && typeof read === 'number')
      throw new Error(`protobufjs has not found the package "long": ${name}, an integer of 64 bits, would be rounded`)
    if (typeof value === 'bigint') return true
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue
    if (typeof read === 'object' && read !== null && hasExactLongs(read, value)) return true
  }
  return false
}

function encode(value: unknown, type: ProtobufType): Uint8Array {
  if (typeof value !== 'object' || value === null) throw new Error(`a protobuf message is an object, not ${value}`)
  const message = (type.toObject === undefined ? value : withLongs(value)) as Record<string, unknown>
  const wrong = type.verify?.(message)
  if (typeof wrong === 'string') throw new Error(`not such a protobuf message: ${wrong}`)
  return type.encode(message).finish()
}

/** The same with bigints as protobufjs takes them, which would write 0 of a bigint; itself if it has none. */
function withLongs(value: unknown): unknown {
  if (typeof value === 'bigint') return longOf(value)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.some(holdsBigint) ? value.map(withLongs) : value
  if (!holdsBigint(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withLongs(one)]))
}

function holdsBigint(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  for (const one of Object.values(value)) if (holdsBigint(one)) return true
  return false
}

function longOf(value: bigint): { low: number; high: number; unsigned: boolean } {
  const unsigned = value >= 2n ** 63n
  if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new Error(`${value} does not fit into 64 bits`)
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)), unsigned }
}
