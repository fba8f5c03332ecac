import type { Codec, StateKind } from '../../src/contract/state.ts'
import { EntryCodec } from './entry-codec.ts'
import type { ItemReader, RegisteredState } from './registered-state.ts'
import { Ttl } from './stamped.ts'
import type { StateShape } from './state-table.ts'

/** Bytes as they are. */
export const RAW_CODEC: Codec<unknown> = {
  name: 'raw',
  version: 1,
  encode: (value) => value as Uint8Array,
  decode: (bytes) => bytes,
}

/** Nothing dies on its way. */
const FOR_EVER = new Ttl({ ttlMs: Number.POSITIVE_INFINITY }, () => 0)

/** How values of this shape are read as bytes, into the slot of that place. */
export function rawReader({ tag, name, kind, ttl }: StateShape, index: number): ItemReader {
  const state: RegisteredState = {
    name,
    kind: kind as StateKind,
    index,
    tag,
    codec: RAW_CODEC,
    ttl: ttl ? FOR_EVER : undefined,
    formerTags: [],
  }
  return { state, codec: RAW_CODEC, stamped: ttl, migrate: undefined }
}

/**
 * A codec of rows that leaves values as the bytes their own codecs made of them, so that state can be moved without the code of the
 * job. `slotOf`: the slot of a tag.
 */
export function rawEntryCodec(
  shapes: readonly StateShape[],
  options: { readonly node: string; readonly keyGroups: number; readonly slotOf: (shape: StateShape) => number },
): EntryCodec {
  const codec = new EntryCodec(options.node, options.keyGroups)
  for (const shape of shapes) {
    const reader = rawReader(shape, options.slotOf(shape))
    codec.add(reader.state, new Map([[shape.tag, reader]]))
  }
  return codec
}
