// Messages as a descriptor file declares them, ready to be read and written.

/** Numbers of FieldDescriptorProto.Type. */
export const TYPE = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  fixed64: 6,
  fixed32: 7,
  bool: 8,
  string: 9,
  group: 10,
  message: 11,
  bytes: 12,
  uint32: 13,
  enum: 14,
  sfixed32: 15,
  sfixed64: 16,
  sint32: 17,
  sint64: 18,
} as const

/** Those whose values are bigints. */
export const LONGS: ReadonlySet<number> = new Set([TYPE.int64, TYPE.uint64, TYPE.sint64, TYPE.fixed64, TYPE.sfixed64])

/** How a value lies in the bytes. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, group: 3, groupEnd: 4, fixed32: 5 } as const

const WIRE_OF: Readonly<Record<number, number>> = {
  [TYPE.double]: WIRE.fixed64,
  [TYPE.fixed64]: WIRE.fixed64,
  [TYPE.sfixed64]: WIRE.fixed64,
  [TYPE.float]: WIRE.fixed32,
  [TYPE.fixed32]: WIRE.fixed32,
  [TYPE.sfixed32]: WIRE.fixed32,
  [TYPE.string]: WIRE.bytes,
  [TYPE.bytes]: WIRE.bytes,
  [TYPE.message]: WIRE.bytes,
}

/** The wire type of one value of a type. */
export function wireOf(type: number): number {
  return WIRE_OF[type] ?? WIRE.varint
}

/** Names and numbers of an enum, both ways; of several names for a number, the first. */
export interface ProtoEnum {
  readonly name: string
  readonly numbers: ReadonlyMap<string, number>
  readonly names: ReadonlyMap<number, string>
}

/**
 * How a field is present: `always` with a value, the default unless set; `optional`, null unless set; `required`; a list; or a map, whose
 * `message` has fields 1 and 2.
 */
export type Presence = 'always' | 'optional' | 'required' | 'list' | 'map'

/** One field of a message. */
export interface ProtoField {
  /** In the values read and written. */
  readonly name: string
  /** For messages: `shop.Order.status`. */
  readonly path: string
  readonly number: number
  readonly type: number
  readonly wire: number
  readonly presence: Presence
  /** Lists are written in one piece. */
  readonly packed: boolean
  /** What it is unless set: null where it may be absent, undefined where it must be set. Lists and maps begin empty. */
  readonly initial: unknown
  /** Others of which at most one is set. */
  readonly rivals: readonly string[]
  readonly message: ProtoMessage | undefined
  readonly enum: ProtoEnum | undefined
}

/** A message type. `fields` is filled once all types are known, for types may hold themselves. */
export interface ProtoMessage {
  readonly name: string
  readonly fields: readonly ProtoField[]
  readonly byNumber: ReadonlyMap<number, ProtoField>
  readonly byName: ReadonlyMap<string, ProtoField>
  /** Where it is declared in its file: in the file, in that message, and so on. */
  readonly indexes: readonly number[]
}

/** How deep messages may hold messages, as other readers have it: deeper is an attack. */
export const DEPTH_MAX = 100
