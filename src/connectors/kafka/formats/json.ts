import { parseExactJson } from '../../../codec/exact-json.ts'
import { exactJsonText, isBigintRefusal, jsonText } from '../../../codec/json-text.ts'
import type { ValueFormat } from './format.ts'
import { utf8Text } from './utf8.ts'
import { type ValueOptions, valueFormat } from './value-format.ts'

/** Options of json. */
export interface JsonOptions extends ValueOptions {
  /**
   * Numbers that a double does not hold are read as bigints and Decimals, and these written as numbers with all their digits. Slower.
   * Default false: they are rounded, as JSON.parse does.
   */
  readonly exact?: boolean
}

/** Each value as JSON in UTF-8. Writes bigints as integers with all their digits, and refuses what JSON has no text for. */
export function json<T = unknown>({ exact = false, ...options }: JsonOptions = {}): ValueFormat<T> {
  const parse: (text: string) => unknown = exact ? parseExactJson : JSON.parse
  const textOf = exact ? exactJsonText : anyJsonText
  return valueFormat<T>(
    {
      what: 'JSON',
      decode: (bytes) => parsed(utf8Text(bytes, 'the value'), parse) as T,
      encode: (value) => {
        const text = textOf(value)
        if (text === undefined) throw new Error(`JSON has no text for ${typeof value}`)
        return text
      },
    },
    options,
  )
}

function parsed(text: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`, { cause: error })
  }
}

function anyJsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value) as string | undefined
  } catch (error) {
    if (isBigintRefusal(error)) return jsonText(value)
    throw error
  }
}
