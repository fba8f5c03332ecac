// Reads a FileDescriptorSet, as `protoc --descriptor_set_out` writes it: by the same reader that reads messages.

import { readMessage } from './message-reader.ts'
import { type Presence, type ProtoField, type ProtoMessage, TYPE, wireOf } from './proto-type.ts'

/** google.protobuf.FileDescriptorProto, as far as it is looked at. */
export interface FileDescriptor {
  readonly name: string
  readonly package: string
  readonly messages: readonly MessageDescriptor[]
  readonly enums: readonly EnumDescriptor[]
  /** '' is proto2. */
  readonly syntax: string
}

/** google.protobuf.DescriptorProto. */
export interface MessageDescriptor {
  readonly name: string
  readonly fields: readonly FieldDescriptor[]
  readonly messages: readonly MessageDescriptor[]
  readonly enums: readonly EnumDescriptor[]
  readonly options: { readonly mapEntry: boolean } | null
}

/** google.protobuf.FieldDescriptorProto. */
export interface FieldDescriptor {
  readonly name: string
  readonly number: number
  /** 1 optional, 2 required, 3 repeated. */
  readonly label: number
  readonly type: number
  /** Behind a dot, with the package. */
  readonly typeName: string
  readonly defaultValue: string | null
  readonly options: { readonly packed: boolean | null } | null
  readonly oneofIndex: number | null
  readonly jsonName: string | null
  readonly proto3Optional: boolean
}

/** google.protobuf.EnumDescriptorProto. */
export interface EnumDescriptor {
  readonly name: string
  readonly values: readonly { readonly name: string; readonly number: number }[]
}

/** The files of a set. Throws if the bytes are none. */
export function readDescriptorSet(bytes: Buffer): readonly FileDescriptor[] {
  return readMessage(bytes, SET)['files'] as readonly FileDescriptor[]
}

type Declared = readonly [name: string, number: number, type: number, presence: Presence, message?: ProtoMessage]

function messageOf(name: string, declared: readonly Declared[]): ProtoMessage {
  const fields = declared.map((one) => fieldOf(name, one))
  return withFields({ name, indexes: [], fields: [], byNumber: new Map(), byName: new Map() }, fields)
}

function fieldOf(of: string, [name, number, type, presence, message]: Declared): ProtoField {
  const initial = presence !== 'always' ? null : type === TYPE.string ? '' : type === TYPE.bool ? false : 0
  const common = { name, number, type, presence, initial, message, path: `${of}.${name}` }
  return { ...common, wire: wireOf(type), packed: false, rivals: [], enum: undefined }
}

/** The same message, its fields filled in. */
function withFields(message: ProtoMessage, fields: readonly ProtoField[]): ProtoMessage {
  return Object.assign(message, {
    fields,
    byNumber: new Map(fields.map((field) => [field.number, field])),
    byName: new Map(fields.map((field) => [field.name, field])),
  })
}

const { string, int32, bool, message } = TYPE

const ENUM_VALUE = messageOf('EnumValueDescriptorProto', [
  ['name', 1, string, 'always'],
  ['number', 2, int32, 'always'],
])
const ENUM = messageOf('EnumDescriptorProto', [
  ['name', 1, string, 'always'],
  ['values', 2, message, 'list', ENUM_VALUE],
])
const FIELD_OPTIONS = messageOf('FieldOptions', [['packed', 2, bool, 'optional']])
const FIELD = messageOf('FieldDescriptorProto', [
  ['name', 1, string, 'always'],
  ['number', 3, int32, 'always'],
  ['label', 4, int32, 'always'],
  ['type', 5, int32, 'always'],
  ['typeName', 6, string, 'always'],
  ['defaultValue', 7, string, 'optional'],
  ['options', 8, message, 'optional', FIELD_OPTIONS],
  ['oneofIndex', 9, int32, 'optional'],
  ['jsonName', 10, string, 'optional'],
  ['proto3Optional', 17, bool, 'always'],
])
const MESSAGE_OPTIONS = messageOf('MessageOptions', [['mapEntry', 7, bool, 'always']])
/** Holds itself: filled in below. */
const MESSAGE = messageOf('DescriptorProto', [])
withFields(
  MESSAGE,
  (
    [
      ['name', 1, string, 'always'],
      ['fields', 2, message, 'list', FIELD],
      ['messages', 3, message, 'list', MESSAGE],
      ['enums', 4, message, 'list', ENUM],
      ['options', 7, message, 'optional', MESSAGE_OPTIONS],
    ] satisfies readonly Declared[]
  ).map((one) => fieldOf(MESSAGE.name, one as Declared)),
)
const FILE = messageOf('FileDescriptorProto', [
  ['name', 1, string, 'always'],
  ['package', 2, string, 'always'],
  ['messages', 4, message, 'list', MESSAGE],
  ['enums', 5, message, 'list', ENUM],
  ['syntax', 12, string, 'always'],
])
const SET = messageOf('FileDescriptorSet', [['files', 1, message, 'list', FILE]])
