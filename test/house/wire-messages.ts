// The messages of a relay's line from relay.proto: interfaces, and functions that write and read each message.

import protobuf from 'protobufjs'
import type { Files, Offence } from './source-tree.ts'

const FOLDER = 'src/connectors/relay/wire'
const PROTO_FILE = `${FOLDER}/relay.proto`
const MADE = '// Made by `npm run house:update` from relay.proto: change that.'
/** The reader notes which fields it saw in the bits of a number. */
const FIELD_MAX = 31
const TYPES: Readonly<Record<string, string>> = {
  uint32: 'number',
  uint64: 'number',
  string: 'string',
  bytes: 'Uint8Array',
}
const DEFAULTS: Readonly<Record<string, string>> = {
  uint32: '0',
  uint64: '0',
  string: "''",
  bytes: 'new Uint8Array(0)',
}

/** The files made of relay.proto say what it says. */
export function checkWireMessages(files: Files): Offence[] {
  const stale = [...wireMessages(files)].filter(([file, text]) => files.get(file) !== text)
  return stale.map(([file]) => {
    const what = `is not what ${PROTO_FILE} makes`
    return { file, line: 1, what, mend: 'run `npm run house:update` and commit the result' }
  })
}

/** Path -> text of the files made of relay.proto. */
export function wireMessages(files: Files): ReadonlyMap<string, string> {
  const { root } = protobuf.parse(files.get(PROTO_FILE) ?? '', { alternateCommentMode: true })
  const members = root.lookupType('Frame').oneofs.message?.fieldsArray ?? []
  const types = members.map((member) => root.lookupType(member.type))
  for (const type of types) for (const field of type.fieldsArray) refuseUnknown(field)
  const kindOf = (index: number) => members[index]?.name ?? ''
  const file = (name: string, parts: readonly string[]) =>
    [`${FOLDER}/${name}.ts`, `${[MADE, ...parts].join('\n\n')}\n`] as const
  return new Map([
    file('messages', [...types.map((type, index) => interfaceOf(type, kindOf(index))), unionOf(types)]),
    file('encode-message', [importsOf(types, 'WireWriter'), encodeMessage(members), ...types.map(writerOf)]),
    file('decode-message', [
      `${importsOf(types, 'WireReader')}`,
      decodeMessage(members),
      ...types.map((type, index) => readerOf(type, kindOf(index))),
    ]),
  ])
}

function refuseUnknown(field: protobuf.Field): void {
  const limited = field.type === 'string' || field.type === 'bytes'
  const known = field.type in TYPES && field.id <= FIELD_MAX && (!field.repeated || field.type === 'string')
  const bounded = (!limited || 'max_bytes' in limitsOf(field)) && (!field.repeated || 'max_items' in limitsOf(field))
  if (!known || !bounded)
    throw new Error(`${PROTO_FILE}: field ${field.fullName} is of a kind, or has no limit, that is not made here`)
}

function importsOf(types: readonly protobuf.Type[], other: 'WireReader' | 'WireWriter'): string {
  const names = ['Message', ...types.map((type) => type.name)].sort()
  const wire = `import type { ${other} } from './${other === 'WireReader' ? 'wire-reader' : 'wire-writer'}.ts'`
  const failure = other === 'WireReader' ? `import { WireFailure } from './wire-failure.ts'\n` : ''
  const messages = `import type {\n${names.map((name) => `  ${name},`).join('\n')}\n} from './messages.ts'`
  return `${messages}\n${failure}${wire}`
}

function interfaceOf(type: protobuf.Type, kind: string): string {
  const lines = type.fieldsArray.map((field) => {
    const item = TYPES[field.type]
    const comment = field.comment === null ? '' : `  /** ${field.comment} */\n`
    return `${comment}  readonly ${field.name}: ${field.repeated ? `readonly ${item}[]` : item}`
  })
  return `/** ${type.comment} */
export interface ${type.name} {
  readonly kind: '${kind}'
${lines.join('\n')}
}`
}

function unionOf(types: readonly protobuf.Type[]): string {
  return `/** The header of a frame. */
export type Message =
${types.map((type) => `  | ${type.name}`).join('\n')}`
}

function encodeMessage(members: readonly protobuf.Field[]): string {
  const cases = members.map(
    ({ name, type, id }) => `    case '${name}':
      write${type}(writer, message)
      return writer.wrap(${id})`,
  )
  return `/** Writes a message as the member of Frame that it is. Throws WireFailure. */
export function encodeMessage(writer: WireWriter, message: Message): void {
  switch (message.kind) {
${cases.join('\n')}
  }
}`
}

function decodeMessage(members: readonly protobuf.Field[]): string {
  const cases = members.map(
    ({ name, type, id }) => `      case ${id}:
        message = only(message, read${type}(reader.message('${name}')))
        break`,
  )
  return `/** Reads a Frame. Throws WireFailure. */
export function decodeMessage(reader: WireReader): Message {
  let message: Message | undefined
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
${cases.join('\n')}
      default:
        reader.skip()
    }
  }
  if (message === undefined) throw new WireFailure('PROTOCOL', 'a frame without a message')
  return message
}

function only(before: Message | undefined, message: Message): Message {
  if (before !== undefined) throw new WireFailure('PROTOCOL', 'a frame with two messages')
  return message
}`
}

function writerOf(type: protobuf.Type): string {
  const lines = type.fieldsArray.map((field) => {
    const method = field.repeated ? `${field.type}s` : field.type
    const head = `${field.id}, message.${field.name}, '${nameOf(type, field)}'`
    return `  writer.${method}(${[head, ...Object.values(limitsOf(field))].join(', ')})`
  })
  return `function write${type.name}(writer: WireWriter, message: ${type.name}): void {
${lines.join('\n')}
}`
}

function readerOf(type: protobuf.Type, kind: string): string {
  const fields = type.fieldsArray
  const variables = fields.map((field) => {
    if (field.repeated) return `  const ${field.name}: ${TYPES[field.type]}[] = []`
    return `  let ${field.name}${field.type === 'bytes' ? ': Uint8Array' : ''} = ${DEFAULTS[field.type]}`
  })
  const cases = fields.map((field) => {
    const name = [`'${nameOf(type, field)}'`, ...Object.values(limitsOf(field))].join(', ')
    const read = field.repeated
      ? `reader.${field.type}s(${field.name}, ${name})`
      : `${field.name} = reader.${field.type}(${name})`
    return `      case ${field.id}:
        ${read}
        break`
  })
  return `function read${type.name}(reader: WireReader): ${type.name} {
${variables.join('\n')}
  for (let field = reader.field(); field !== 0; field = reader.field()) {
    switch (field) {
${cases.join('\n')}
      default:
        reader.skip()
    }
  }
  return ${objectOf([`kind: '${kind}'`, ...fields.map(({ name }) => name)])}
}`
}

/** As the formatter has it. */
function objectOf(members: readonly string[]): string {
  const line = `{ ${members.join(', ')} }`
  return line.length <= RETURNED_MAX ? line : `{\n${members.map((member) => `    ${member},\n`).join('')}  }`
}

/** Of a line of 120 characters, behind `return` and its place. */
const RETURNED_MAX = 111

/** The limits of a field in the order that reader and writer take them. */
function limitsOf(field: protobuf.Field): Readonly<Record<string, number>> {
  const options = (field.options ?? {}) as Readonly<Record<string, number>>
  const entries = ['max_bytes', 'max_items'].flatMap((name) => {
    const value = options[`(${name})`]
    return value === undefined ? [] : [[name, value] as const]
  })
  return Object.fromEntries(entries)
}

function nameOf(type: protobuf.Type, field: protobuf.Field): string {
  return `${type.name}.${field.name}`
}
