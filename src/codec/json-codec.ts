import type { ValueCodec } from './value-codec.ts'

/** JSON in UTF-8: readable with any tool, for plain data. A value that JSON has no text for (undefined, a function) is refused. */
// biome-ignore lint/suspicious/noExplicitAny: one object is the codec of every type
export const jsonCodec: ValueCodec<any> = {
  name: 'json',
  version: 1,
  encode(value) {
    const text = JSON.stringify(value) as string | undefined
    if (text === undefined) throw new TypeError(`JSON has no text for ${typeof value}`)
    return Buffer.from(text)
  },
  decode: (bytes) => JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()),
}
