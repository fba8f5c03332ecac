import { decimalText, isDecimal } from './decimal.ts'

/** One text for all values that are the same (see same-value.ts), different texts for different ones: what rows are found by. */
export function canonicalText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `s${value.length}:${value}`
    case 'number':
      return `n${value + 0};`
    case 'bigint':
      return `i${value};`
    case 'boolean':
      return value ? 't' : 'f'
    case 'object':
      return value === null ? '0' : ofObject(value)
    default:
      return 'u'
  }
}

function ofObject(value: object): string {
  if (Array.isArray(value)) return `[${ofAll(value)}]`
  if (isDecimal(value)) return `d${decimalText(value)};`
  if (value instanceof Date) return `D${value.getTime()};`
  if (value instanceof RegExp) return `r${canonicalText(String(value))}`
  if (ArrayBuffer.isView(value)) return ofBytes(value)
  if (value instanceof Map) return `M${ofAll([...value])}]`
  if (value instanceof Set) return `S${ofAll([...value])}]`
  return ofFields(value as Readonly<Record<string, unknown>>)
}

function ofAll(values: readonly unknown[]): string {
  let text = ''
  for (let i = 0; i < values.length; i += 1) text += canonicalText(values[i])
  return text
}

function ofBytes(view: ArrayBufferView): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength)
  return `b${view.constructor.name}:${bytes.toString('base64')};`
}

/** By name: fields written in another order make the same value. */
function ofFields(fields: Readonly<Record<string, unknown>>): string {
  let text = '{'
  for (const name of Object.keys(fields).sort()) text += `${name.length}:${name}${canonicalText(fields[name])}`
  return `${text}}`
}
