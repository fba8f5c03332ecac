// The states a database holds, as its meta row says. Rows name a state by its tag, so that the order in which a job
// declares its states never matters; a state whose shape changed gets a new tag, so that every row tells how it was written.

import { MillraceError } from '../../src/errors.ts'
import type { StateHandle } from '../checkpoint/snapshot.ts'

type HandleState = StateHandle['states'][number]

export interface StateShape extends HandleState {
  readonly tag: number
}

/** 2: timers in the order of time, small maps in main rows. */
const FORMAT = 2

export class StateTable {
  readonly #shapes: StateShape[]

  constructor(shapes: readonly StateShape[] = []) {
    this.#shapes = [...shapes]
  }

  get shapes(): readonly StateShape[] {
    return this.#shapes
  }

  named(name: string): readonly StateShape[] {
    return this.#shapes.filter((shape) => shape.name === name)
  }

  /** The tag of exactly this shape, new or known. */
  tagOf(shape: HandleState): number {
    const known = this.#shapes.find((other) => sameShape(other, shape))
    if (known !== undefined) return known.tag
    const tag = this.#shapes.length
    const { name, kind, codec, version, ttl } = shape
    this.#shapes.push({ tag, name, kind, codec, version, ttl })
    return tag
  }

  /** One row per state, in its newest shape: what a checkpoint says it holds. */
  newest(): StateHandle['states'] {
    const byName = new Map<string, HandleState>()
    for (const { name, kind, codec, version, ttl } of this.#shapes) {
      if ((byName.get(name)?.version ?? -1) <= version) byName.set(name, { name, kind, codec, version, ttl })
    }
    return [...byName.values()]
  }

  encode(keyGroups: number): Buffer {
    return Buffer.from(JSON.stringify({ format: FORMAT, keyGroups, states: this.#shapes }))
  }
}

/** Reads a meta row. Throws CHECKPOINT_VERSION, RESTORE_KEY_GROUPS. */
export function parseStateTable(row: Buffer, node: string, keyGroups: number): StateTable {
  const meta = JSON.parse(row.toString()) as { format: number; keyGroups: number; states: StateShape[] }
  if (meta.format !== FORMAT) {
    throw new MillraceError('CHECKPOINT_VERSION', {
      checkpoint: `state of ${node}`,
      found: meta.format,
      expected: FORMAT,
    })
  }
  if (meta.keyGroups !== keyGroups) {
    throw new MillraceError('RESTORE_KEY_GROUPS', { node, was: meta.keyGroups, now: keyGroups })
  }
  return new StateTable(meta.states)
}

/** `value state, msgpack, version 2, with ttl`: for error messages. */
export function describeShape(shape: HandleState): string {
  return `${shape.kind} state, ${shape.codec}, version ${shape.version}${shape.ttl ? ', with ttl' : ''}`
}

export function sameShape(a: HandleState, b: HandleState): boolean {
  return a.name === b.name && a.kind === b.kind && a.codec === b.codec && a.version === b.version && a.ttl === b.ttl
}
