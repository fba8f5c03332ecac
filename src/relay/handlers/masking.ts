// What stands in place of values that are not to be seen.

import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { MillraceError, reasonOf } from '../../errors.ts'
import type { ColumnSchema } from '../../record/change.ts'
import { decimalText, isDecimal } from '../../util/decimal.ts'
import type { Mask, MaskSecret } from './spec.ts'

/** A mask ready for use. */
export interface CompiledMask {
  /** Never asked about null, which stays null. */
  convert(value: unknown): unknown
  /** Different values stay different: good for a key. */
  readonly keepsApart: boolean
  /** The column as it is declared behind the mask. */
  declare(column: ColumnSchema, connector: string): ColumnSchema
}

const SECRET_BYTES_MIN = 16

/** Reads secrets. `path`: where the mask is told, for messages. Throws CONNECTOR_OPTION. */
export function compileMask(mask: Mask, path: string): CompiledMask {
  if (mask === 'null')
    return { convert: () => null, keepsApart: false, declare: (column) => ({ ...column, nullable: true }) }
  if ('constant' in mask) return { convert: () => mask.constant, keepsApart: false, declare: (column) => column }
  if ('hash' in mask) {
    const secret = readSecret(mask.hash, `${path}.hash`)
    const convert = (value: unknown): string => createHmac('sha256', secret).update(textOf(value)).digest('hex')
    return { convert, keepsApart: true, declare: (column, connector) => asText(column, connector, 64) }
  }
  const { keepLast } = mask
  const declare = (column: ColumnSchema, connector: string): ColumnSchema =>
    isText(column) ? column : asText(column, connector, 255)
  return { convert: (value) => keptLast(textOf(value), keepLast), keepsApart: false, declare }
}

/** What a value says, alike whatever type carries it: a key's value and the row's have one text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (isDecimal(value)) return decimalText(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? '' : value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
  if (typeof value !== 'object') return String(value)
  return JSON.stringify(value, (_name, item: unknown) => (typeof item === 'bigint' ? item.toString() : item))
}

/** By characters, not by units of a string: half a character is none. */
function keptLast(text: string, count: number): string {
  const characters = Array.from(text)
  const hidden = Math.max(0, characters.length - count)
  return '*'.repeat(hidden) + characters.slice(hidden).join('')
}

function isText({ type }: ColumnSchema): boolean {
  return /^(?:(?:tiny|medium|long)?text|(?:national )?(?:var)?char(?:acter)?\b|n(?:var)?char\b)/i.test(type)
}

function asText(column: ColumnSchema, connector: string, length: number): ColumnSchema {
  const { name, nullable, renamedFrom, formerNames } = column
  return {
    name,
    type: connector === 'sqlite' ? 'TEXT' : `varchar(${length})`,
    nullable,
    generated: false,
    ...(renamedFrom !== undefined && { renamedFrom }),
    ...(formerNames !== undefined && { formerNames }),
  }
}

function readSecret(secret: MaskSecret, path: string): Buffer {
  const fail = (reason: string): never => {
    throw new MillraceError('CONNECTOR_OPTION', { path, connector: 'handlers', reason })
  }
  const text = 'env' in secret ? process.env[secret.env] : fileText(secret.file, fail)
  if (text === undefined) return fail(`environment variable ${(secret as { env: string }).env} is not set`)
  const bytes = Buffer.from(text.trim())
  return bytes.length < SECRET_BYTES_MIN ? fail(`the secret is shorter than ${SECRET_BYTES_MIN} bytes`) : bytes
}

function fileText(file: string, fail: (reason: string) => never): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    return fail(`file ${file} cannot be read: ${reasonOf(error)}`)
  }
}
