import type { ValueFormat } from './format.ts'
import { utf8Text, wellFormed } from './utf8.ts'
import { type ValueOptions, valueFormat } from './value-format.ts'

/** Each value as text in UTF-8. Bytes that are none are undecodable. */
export function text(options: ValueOptions = {}): ValueFormat<string> {
  return valueFormat(
    {
      what: 'text',
      decode: (bytes) => utf8Text(bytes, 'the value'),
      encode: (value) => {
        if (typeof value !== 'string') throw new Error(`text() writes strings, not ${typeof value}`)
        return wellFormed(value, 'the text')
      },
    },
    options,
  )
}
