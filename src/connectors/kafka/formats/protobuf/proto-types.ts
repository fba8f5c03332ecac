// ProtoTypes: the message types of descriptor files, found by name.
//
// Owns: types by full name, each made once, when it is first asked for.
// Does not own: what messages hold.
//
// I1. Nothing is made of a type that is neither asked for nor held by one that is: groups elsewhere do not matter.

import type { EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor } from './descriptor-set.ts'
import { initialOf } from './initial-value.ts'
import { type Presence, type ProtoEnum, type ProtoField, type ProtoMessage, TYPE, wireOf } from './proto-type.ts'

/** What fields are called: as in JSON (`unitPrice`), or as declared (`unit_price`). */
export type FieldNames = 'camel' | 'declared'

interface Declared {
  readonly descriptor: MessageDescriptor
  readonly file: FileDescriptor
  readonly indexes: readonly number[]
}

/** See the head of this file. */
export class ProtoTypes {
  readonly #declared = new Map<string, Declared>()
  readonly #enums = new Map<string, EnumDescriptor>()
  readonly #made = new Map<string, ProtoMessage>()
  readonly #madeEnums = new Map<string, ProtoEnum>()
  readonly #names: FieldNames

  constructor(files: readonly FileDescriptor[], names: FieldNames) {
    this.#names = names
    for (const file of files) this.#collect(file, file, [], file.package === '' ? '' : `${file.package}.`)
  }

  /** Full names of all messages, those of maps' entries apart. */
  get names(): readonly string[] {
    return [...this.#declared].filter(([, { descriptor }]) => !isMapEntry(descriptor)).map(([name]) => name)
  }

  /** undefined if there is none of that name. Throws if it holds what is not supported. */
  find(name: string): ProtoMessage | undefined {
    return this.#declared.has(name) ? this.#message(name) : undefined
  }

  #collect(
    scope: { readonly messages: readonly MessageDescriptor[]; readonly enums: readonly EnumDescriptor[] },
    file: FileDescriptor,
    indexes: readonly number[],
    prefix: string,
  ): void {
    for (const one of scope.enums) this.#enums.set(`${prefix}${one.name}`, one)
    let index = 0
    for (const descriptor of scope.messages) {
      const name = `${prefix}${descriptor.name}`
      const place = [...indexes, index]
      // Nobody declared those of maps' entries, and so a schema registry does not count them.
      if (!isMapEntry(descriptor)) index += 1
      this.#declared.set(name, { descriptor, file, indexes: place })
      this.#collect(descriptor, file, place, `${name}.`)
    }
  }

  #message(name: string): ProtoMessage {
    const made = this.#made.get(name)
    if (made !== undefined) return made
    const { descriptor, file, indexes } = this.#declared.get(name) as Declared
    if (file.syntax === 'editions')
      throw new Error(`${name} is declared in ${file.name}, which is of an edition: proto2 and proto3 are supported`)
    const byNumber = new Map<number, ProtoField>()
    const byName = new Map<string, ProtoField>()
    const fields: ProtoField[] = []
    const message: ProtoMessage = { name, indexes, fields, byNumber, byName }
    this.#made.set(name, message)
    for (const one of descriptor.fields) {
      const field = this.#field(one, name)
      fields.push(field)
      byNumber.set(field.number, field)
      byName.set(field.name, field)
    }
    return message
  }

  #field(field: FieldDescriptor, of: string): ProtoField {
    const { descriptor, file } = this.#declared.get(of) as Declared
    const path = `${of}.${field.name}`
    if (field.type === TYPE.group) throw new Error(`${path} is a group, which is not supported`)
    const typeName = field.typeName.replace(/^\./, '')
    const message = field.type === TYPE.message ? this.#held(typeName, path) : undefined
    const ofEnum = field.type === TYPE.enum ? this.#enum(typeName, path) : undefined
    // Key and value of a map's entry have the defaults of their types, in proto2 too.
    const presence = isMapEntry(descriptor) ? 'always' : this.#presence(field, file, typeName)
    const scalar = wireOf(field.type) !== wireOf(TYPE.string)
    return {
      name: this.#nameOf(field),
      path,
      number: field.number,
      type: field.type,
      wire: wireOf(field.type),
      presence,
      packed: presence === 'list' && scalar && (field.options?.packed ?? file.syntax === 'proto3'),
      initial: initialOf(field, presence, ofEnum),
      rivals: descriptor.fields.filter((one) => one !== field && isRival(one, field)).map((one) => this.#nameOf(one)),
      message,
      enum: ofEnum,
    }
  }

  #presence(field: FieldDescriptor, file: FileDescriptor, typeName: string): Presence {
    const held = this.#declared.get(typeName)?.descriptor
    if (field.label === LABEL.repeated) return held !== undefined && isMapEntry(held) ? 'map' : 'list'
    if (field.label === LABEL.required) return 'required'
    const implicit = file.syntax === 'proto3' && field.oneofIndex === null && field.type !== TYPE.message
    return implicit ? 'always' : 'optional'
  }

  #nameOf({ name, jsonName }: FieldDescriptor): string {
    return this.#names === 'camel' ? (jsonName ?? camel(name)) : name
  }

  #held(name: string, path: string): ProtoMessage {
    if (this.#declared.has(name)) return this.#message(name)
    throw missing(name, path)
  }

  #enum(name: string, path: string): ProtoEnum {
    const made = this.#madeEnums.get(name)
    if (made !== undefined) return made
    const declared = this.#enums.get(name)
    if (declared === undefined) throw missing(name, path)
    const names = new Map<number, string>()
    for (const value of declared.values) if (!names.has(value.number)) names.set(value.number, value.name)
    const numbers = new Map(declared.values.map((value) => [value.name, value.number]))
    const one: ProtoEnum = { name, names, numbers }
    this.#madeEnums.set(name, one)
    return one
  }
}

const LABEL = { required: 2, repeated: 3 } as const

function isMapEntry({ options }: MessageDescriptor): boolean {
  return options?.mapEntry ?? false
}

/** Of one oneof; a proto3 `optional` is alone in its own. */
function isRival(a: FieldDescriptor, b: FieldDescriptor): boolean {
  return a.oneofIndex !== null && a.oneofIndex === b.oneofIndex
}

function missing(name: string, path: string): Error {
  return new Error(`${path} is of ${name}, which the file does not have: make it with protoc --include_imports`)
}

function camel(name: string): string {
  return name.replace(/_+([A-Za-z0-9])?/g, (_all, next: string | undefined) => next?.toUpperCase() ?? '')
}
