// What portable rows of one key say, for people.

import { jsonCodec } from '../../src/codec/json-codec.ts'
import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import { present } from '../../src/util/assert.ts'
import type { HeldState } from '../checkpoint/state-section.ts'
import { ByteReader } from './byte-reader.ts'
import { prefixBytes, readPart } from './portable-row.ts'
import { rawReader } from './raw-codec.ts'
import type { Row } from './rocks-store.ts'
import type { TimerDomain } from './row-key.ts'
import { Stamped } from './stamped.ts'
import { readSizedValue, readValue } from './value-bytes.ts'

/** One value of a state: what a list or map has several of. */
export interface KeptValue {
  /** In a map. */
  readonly key?: string | number
  /** Decoded if the codec is one of ours, else its bytes. */
  readonly value: unknown
  /** Of a state with a time to live: when its life began, ms since the epoch. */
  readonly atMs?: number
}

/** One state of a key. */
export interface KeptState {
  readonly name: string
  readonly kind: string
  readonly codec: string
  readonly version: number
  readonly values: readonly KeptValue[]
}

/** All that is kept of one key. */
export interface KeptKey {
  readonly states: readonly KeptState[]
  readonly timers: readonly { readonly domain: TimerDomain; readonly time: number }[]
}

const CODECS = [msgpackCodec, jsonCodec]

/** Rows of one key, in order; `held`: the states by tag. */
export function describeKey(rows: readonly Row[], held: readonly HeldState[]): KeptKey {
  const states = new Map<number, KeptValue[]>()
  const timers: { domain: TimerDomain; time: number }[] = []
  for (const [row, value] of rows) {
    const part = readPart(row, prefixBytes(row))
    if (part.kind === 'timer') {
      timers.push({ domain: part.domain, time: part.time })
      continue
    }
    const values = readValues(value, present(held[part.tag], `state ${part.tag} of a savepoint`))
    const known = states.get(part.tag) ?? []
    states.set(part.tag, known)
    for (const each of values) known.push(part.kind === 'entry' ? { key: part.userKey, ...each } : each)
  }
  const described = [...states].map(([tag, values]) => {
    const { name, kind, codec, version } = present(held[tag], `state ${tag} of a savepoint`)
    return { name, kind, codec, version, values }
  })
  return { states: described, timers }
}

function readValues(bytes: Buffer, state: HeldState): KeptValue[] {
  const reader = new ByteReader(bytes)
  const item = rawReader({ ...state, tag: 0 }, 0)
  const raw: unknown[] = []
  if (state.kind !== 'list') raw.push(readValue(item, reader))
  else while (reader.more) raw.push(readSizedValue(item, reader))
  return raw.map((each) =>
    each instanceof Stamped
      ? { value: decoded(each.value as Buffer, state), atMs: each.atMs }
      : { value: decoded(each as Buffer, state) },
  )
}

function decoded(bytes: Buffer, { codec }: HeldState): unknown {
  return CODECS.find(({ name }) => name === codec)?.decode(bytes) ?? bytes
}
