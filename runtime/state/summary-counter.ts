// SummaryCounter: what portable rows amount to, counted while they are made.
//
// Owns: the counts. Does not own: rows.

import { present } from '../../src/util/assert.ts'
import type { StateSummary, TimerSummary } from '../checkpoint/state-section.ts'
import { readPart } from './portable-row.ts'
import type { Row } from './rocks-store.ts'
import type { TimerDomain } from './row-key.ts'
import { type StateShape, sameShape } from './state-table.ts'

export class SummaryCounter {
  /** The tag of a portable row is a place in this list. */
  readonly shapes: readonly StateShape[]
  readonly #states: { entries: number; bytes: number }[]
  readonly #timers = { event: { count: 0, earliest: Infinity }, processing: { count: 0, earliest: Infinity } }
  #keys = 0

  constructor(shapes: readonly StateShape[]) {
    this.shapes = shapes
    this.#states = shapes.map(() => ({ entries: 0, bytes: 0 }))
  }

  placeOf(shape: StateShape): number {
    return this.shapes.findIndex((other) => sameShape(other, shape))
  }

  /** All rows of the states of a key. */
  state(rows: readonly Row[], prefix: number): void {
    if (rows.length > 0) this.#keys += 1
    for (const [key, value] of rows) {
      const part = readPart(key, prefix)
      const state = present(part.kind === 'timer' ? undefined : this.#states[part.tag], 'the state of a row')
      state.entries += 1
      state.bytes += value.length
    }
  }

  timer(domain: TimerDomain, time: number): void {
    const timers = this.#timers[domain]
    timers.count += 1
    timers.earliest = Math.min(timers.earliest, time)
  }

  result(): StateSummary {
    const states = this.shapes.map(({ name, kind, codec, version, ttl }, i) => {
      const { entries, bytes } = present(this.#states[i], 'a state')
      return { name, kind, codec, version, ttl, entries, bytes }
    })
    const { event, processing } = this.#timers
    return { states, keys: this.#keys, timers: { event: summaryOf(event), processing: summaryOf(processing) } }
  }
}

function summaryOf({ count, earliest }: { readonly count: number; readonly earliest: number }): TimerSummary {
  return { count, earliest: Number.isFinite(earliest) ? earliest : undefined }
}
