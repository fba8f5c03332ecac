// relay.proto read by protobufjs, which says what is right; arbitrary messages; frames of any header.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import type { Message } from '../../../../../src/connectors/relay/wire/messages.ts'
import { crc32c } from '../../../../../src/util/crc32c.ts'

const PROTO = new URL('../../../../../src/connectors/relay/wire/relay.proto', import.meta.url)
const { root } = protobuf.parse(readFileSync(PROTO, 'utf8'))
export const FRAME = root.lookupType('millrace.relay.Frame')

/** A frame of a header and a body, as they are; lengths and CRC are right. */
export function frameOf(header: Uint8Array, body: Uint8Array = new Uint8Array(0)): Buffer {
  const frame = Buffer.concat([Buffer.alloc(12), header, body])
  frame.writeUInt32LE(header.length + body.length, 0)
  frame.writeUInt32LE(header.length, 4)
  frame.writeUInt32LE(crc32c(Buffer.concat([frame.subarray(0, 8), frame.subarray(12)])), 8)
  return frame
}

/** The header that protobufjs makes of a message. */
export function oracleHeader(message: Message): Uint8Array {
  const { kind, ...fields } = message
  return FRAME.encode(FRAME.fromObject({ [kind]: fields })).finish()
}

/** The message that protobufjs reads in a header. */
export function oracleMessage(header: Uint8Array): Record<string, unknown> {
  const whole = FRAME.toObject(FRAME.decode(header), { longs: Number, defaults: true, arrays: true, oneofs: true })
  const kind = String(whole.message)
  return { kind, ...(whole[kind] as object) }
}

/** A message without classes, to compare. */
export function plain(message: object): unknown {
  const bytes = (_name: string, value: unknown) => (value instanceof Uint8Array ? [...value] : value)
  // Buffers are made JSON by their own method, before that.
  const text = JSON.stringify(message, bytes).replaceAll(/\{"type":"Buffer","data":(\[[^\]]*\])\}/g, '$1')
  return JSON.parse(text)
}

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffff_ffff }))
const uint64 = fc.oneof(fc.nat(300), fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER))
const text = (bytesMax: number) =>
  fc
    .oneof(fc.string({ unit: 'binary', maxLength: bytesMax }), fc.constant('x'.repeat(bytesMax)))
    .filter((value) => Buffer.byteLength(value) <= bytesMax)
const ARBITRARY: Readonly<Record<string, (options: Record<string, number>) => fc.Arbitrary<unknown>>> = {
  uint32: () => uint32,
  uint64: () => uint64,
  string: (options) => text(options['(max_bytes)'] ?? 0),
  bytes: (options) => fc.uint8Array({ maxLength: options['(max_bytes)'] ?? 0 }),
}

/** Messages of every kind, with fields of every value that the limits in relay.proto let through. */
export const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  ...FRAME.fieldsArray.map((member) => {
    const fields = root.lookupType(`millrace.relay.${member.type}`).fieldsArray.map((field) => {
      const options = (field.options ?? {}) as Record<string, number>
      const one = ARBITRARY[field.type]?.(options) ?? fc.constant(undefined)
      return [field.name, field.repeated ? fc.array(one, { maxLength: options['(max_items)'] ?? 0 }) : one] as const
    })
    return fc.record({ kind: fc.constant(member.name), ...Object.fromEntries(fields) }) as fc.Arbitrary<unknown>
  }),
) as fc.Arbitrary<Message>
