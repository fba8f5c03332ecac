/**
 * JSON as JSON.stringify writes it, and bigints as integers with all their digits. undefined for what JSON has no text for. Many
 * readers of JSON, JSON.parse among them, round integers beyond 2^53.
 */
export function jsonText(value: unknown): string | undefined {
  return textOf(value, '')
}

/** True for what JSON.stringify throws because of a bigint; then jsonText() is asked. It is several times slower. */
export function isBigintRefusal(error: unknown): boolean {
  return error instanceof TypeError && /BigInt/.test(error.message)
}

function textOf(given: unknown, key: string): string | undefined {
  if (typeof given === 'bigint') return String(given)
  if (typeof given !== 'object' || given === null) return JSON.stringify(given)
  const value = hasToJson(given) ? given.toJSON(key) : given
  if (typeof value !== 'object' || value === null) return value === given ? undefined : textOf(value, key)
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return JSON.stringify(value)
  return Array.isArray(value) ? listText(value) : fieldsText(value as Readonly<Record<string, unknown>>)
}

function listText(list: readonly unknown[]): string {
  let text = '['
  for (let i = 0; i < list.length; i += 1) text += `${i === 0 ? '' : ','}${textOf(list[i], String(i)) ?? 'null'}`
  return `${text}]`
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  let text = ''
  for (const name of Object.keys(fields)) {
    const field = textOf(fields[name], name)
    if (field !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${field}`
  }
  return `{${text}}`
}

function hasToJson(value: object): value is { toJSON(key: string): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function'
}
