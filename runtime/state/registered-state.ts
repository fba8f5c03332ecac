// A declared state bound to its place: the slot in every entry, the tag in every row, and how older rows are read.

import { jsonCodec } from '../../src/codec/json-codec.ts'
import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import type { Codec, StateDescriptor, StateKind } from '../../src/contract/state.ts'
import { MillraceError } from '../../src/errors.ts'
import type { StateHandle } from '../checkpoint/snapshot.ts'
import { Ttl } from './stamped.ts'
import type { StateShape, StateTable } from './state-table.ts'
import { describeShape, sameShape } from './state-table.ts'

export interface RegisteredState {
  readonly name: string
  readonly kind: StateKind
  /** Of the slot. */
  readonly index: number
  readonly tag: number
  readonly codec: Codec<unknown>
  readonly ttl: Ttl | undefined
  /** Tags of rows that older versions wrote. */
  readonly formerTags: readonly number[]
}

/** How an item with a certain tag is read into which state. */
export interface ItemReader {
  readonly state: RegisteredState
  readonly codec: Codec<unknown>
  /** Items carry a time stamp. */
  readonly stamped: boolean
  /** From the written version to the present one; undefined if it is the present one. */
  readonly migrate: ((old: unknown) => unknown) | undefined
}

const CODECS: readonly Codec<unknown>[] = [msgpackCodec, jsonCodec]

/** What a descriptor says, as checkpoints note it. */
function shapeOf(descriptor: StateDescriptor): StateHandle['states'][number] {
  const { codec = msgpackCodec, version, ttl } = descriptor.options
  return {
    name: descriptor.name,
    kind: descriptor.kind,
    codec: codec.name,
    version: version ?? codec.version,
    ttl: ttl !== undefined,
  }
}

/** Binds a descriptor. Throws STATE_INCOMPATIBLE if the table holds it in a shape that cannot be read or migrated. */
export function bindState(
  descriptor: StateDescriptor,
  index: number,
  table: StateTable,
  options: { readonly node: string; readonly now: () => number },
): { readonly state: RegisteredState; readonly readers: ReadonlyMap<number, ItemReader> } {
  const shape = shapeOf(descriptor)
  const former = table.named(descriptor.name).filter((old) => !sameShape(old, shape))
  for (const old of former) requireMigration(old, shape, descriptor, options.node)
  const { codec = msgpackCodec, ttl } = descriptor.options
  const state: RegisteredState = {
    name: descriptor.name,
    kind: descriptor.kind,
    index,
    tag: table.tagOf(shape),
    codec,
    ttl: ttl === undefined ? undefined : new Ttl(ttl, options.now),
    formerTags: former.map((old) => old.tag),
  }
  const readers = new Map<number, ItemReader>()
  readers.set(state.tag, { state, codec, stamped: shape.ttl, migrate: undefined })
  for (const old of former) readers.set(old.tag, formerReader(old, state, descriptor))
  return { state, readers }
}

function formerReader(old: StateShape, state: RegisteredState, descriptor: StateDescriptor): ItemReader {
  const migrate = descriptor.options.migrate as (value: unknown, fromVersion: number) => unknown
  return {
    state,
    codec: codecNamed(old.codec, state.codec) as Codec<unknown>,
    stamped: old.ttl,
    migrate: (value) => migrate(value, old.version),
  }
}

function requireMigration(
  old: StateShape,
  now: StateHandle['states'][number],
  descriptor: StateDescriptor,
  node: string,
): void {
  const migratable =
    now.version > old.version &&
    descriptor.options.migrate !== undefined &&
    form(old.kind) === form(now.kind) &&
    codecNamed(old.codec, descriptor.options.codec ?? msgpackCodec) !== undefined
  if (migratable) return
  throw new MillraceError('STATE_INCOMPATIBLE', {
    state: descriptor.name,
    node,
    was: describeShape(old),
    now: describeShape(now),
  })
}

/** A codec by the name rows were written under: the declared one, or one of ours. */
function codecNamed(name: string, declared: Codec<unknown>): Codec<unknown> | undefined {
  return declared.name === name ? declared : CODECS.find((codec) => codec.name === name)
}

/** Kinds that keep their values alike can be migrated into each other. */
function form(kind: string): string {
  return kind === 'reducing' || kind === 'aggregating' ? 'value' : kind
}
