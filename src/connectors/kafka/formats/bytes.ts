import type { ValueFormat } from './format.ts'
import { type ValueOptions, valueFormat } from './value-format.ts'

/** Each value as its bytes: a view of what was fetched, so copy what you keep. */
export function bytes(options: ValueOptions = {}): ValueFormat<Uint8Array> {
  return valueFormat<Uint8Array>(
    {
      what: 'bytes',
      decode: (value) => value,
      encode: (value) => {
        if (!(value instanceof Uint8Array)) throw new Error(`bytes() writes a Uint8Array, not ${typeof value}`)
        return value
      },
    },
    options,
  )
}
