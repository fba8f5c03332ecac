/** Turns a value into bytes and back: what a state's `codec` option takes. Structurally the contract's Codec. */
export interface ValueCodec<T> {
  readonly name: string
  readonly version: number
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}
