// protobufFile: messages by a descriptor file, which is read when a source or sink opens: no code is generated, then or before.

import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { MillraceError, reasonOf } from '../../../../errors.ts'
import { present } from '../../../../util/assert.ts'
import { parseOptions } from '../../../cdc/parse-options.ts'
import type { ValueFormat } from '../format.ts'
import { type ValueOptions, valueFormat } from '../value-format.ts'
import { type FileDescriptor, readDescriptorSet } from './descriptor-set.ts'
import { readMessage } from './message-reader.ts'
import { writeMessage } from './message-writer.ts'
import type { ProtoMessage } from './proto-type.ts'
import { type FieldNames, ProtoTypes } from './proto-types.ts'

/** Options of protobufFile. */
export interface ProtobufFileOptions extends ValueOptions {
  /** A FileDescriptorSet: `protoc --include_imports --descriptor_set_out=FILE …`. */
  readonly file: string
  /** The message's full name: `shop.Order`. */
  readonly message: string
  /** What fields are called: as in protobuf's JSON (`unitPrice`), or as declared (`unit_price`). Default `camel`. */
  readonly names?: FieldNames
}

const shape = z.strictObject({
  file: z.string().min(1),
  message: z.string().min(1),
  names: z.enum(['camel', 'declared']).default('camel'),
  tombstones: z.enum(['fail', 'skip']).default('fail'),
})

type Settings = z.output<typeof shape>

/**
 * Messages of proto2 and proto3 as plain objects with all declared fields: 64-bit integers are bigints, enums their names (numbers where
 * there is none), bytes Buffers, maps objects; absent `optional` fields, messages and members of a oneof are null, or the declared
 * default. Fields that are not declared are left out. Opening throws CONNECTOR_OPTION.
 */
export function protobufFile<T = Record<string, unknown>>(options: ProtobufFileOptions): ValueFormat<T> {
  const settings = parseOptions(shape, options, 'protobufFile')
  let opening: Promise<void> | undefined
  let opened: ProtoMessage | undefined
  const type = (): ProtoMessage => present(opened, 'message type of an open protobufFile')
  const load = async (): Promise<void> => {
    opened = await typeOf(settings)
  }
  return valueFormat<T>(
    {
      what: settings.message,
      // Once for all that share the format; again if it failed.
      open: () => {
        opening ??= load().catch((error: unknown) => {
          opening = undefined
          throw error
        })
        return opening
      },
      decode: (bytes) => readMessage(bytes, type()) as T,
      encode: (value) => writeMessage(value, type()),
      messageIndexes: () => type().indexes,
    },
    settings,
  )
}

async function typeOf({ file, message, names }: Settings): Promise<ProtoMessage> {
  const types = new ProtoTypes(await filesOf(file), names)
  const found = attempt('message', () => types.find(message.replace(/^\./, '')))
  if (found !== undefined) return found
  throw refused('message', `"${message}" is not in ${file}, which has ${types.names.join(', ') || 'no messages'}`)
}

async function filesOf(file: string): Promise<readonly FileDescriptor[]> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw refused('file', `cannot be read: ${reasonOf(error)}`, error)
  }
  const made = 'made by protoc --include_imports --descriptor_set_out'
  return attempt('file', () => readDescriptorSet(bytes), `${file}: expected a FileDescriptorSet, ${made}; `)
}

function attempt<T>(path: string, work: () => T, before = ''): T {
  try {
    return work()
  } catch (error) {
    throw refused(path, `${before}${reasonOf(error)}`, error)
  }
}

function refused(path: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: 'protobufFile', reason }, cause)
}
