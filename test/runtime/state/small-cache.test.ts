// A cache much smaller than the state, reads ahead, snapshots and write-backs in flight, as a busy task has them.
// Hunts for: an entry that is evicted and read again while an older write of it is still on its way.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { KeyedBackend, KeyedSnapshot } from '../../../runtime/state/keyed-backend.ts'
import type { MapState } from '../../../src/contract/state.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { type Rng, seededRng } from '../../../src/util/rng.ts'
import { makeBackend, scratchFolder } from './support.ts'

const scratch = scratchFolder()
const ROUNDS = 400

interface Lot {
  readonly keys: readonly string[]
  readonly parts: readonly string[]
}

function drawLot(rng: Rng): Lot {
  const size = 1 + rng.int(30)
  const draw = (prefix: string, below: number) => Array.from({ length: size }, () => `${prefix}${rng.int(below)}`)
  return { keys: draw('m', 106), parts: draw('p', 5) }
}

/** Counts in a map state and beside it; answers the first difference. */
function count(backend: KeyedBackend, counts: MapState<string, number>, model: Map<string, number>, lot: Lot): string {
  for (const [i, key] of lot.keys.entries()) {
    const part = lot.parts[i] as string
    backend.setCurrentKey(key)
    const [kept, known] = [counts.get(part) ?? 0, model.get(`${key}/${part}`) ?? 0]
    if (kept !== known) return `${key}/${part} is ${kept}, not ${known}`
    counts.set(part, kept + 1)
    model.set(`${key}/${part}`, known + 1)
  }
  return ''
}

class Snapshots {
  readonly #backend: KeyedBackend
  readonly #folder: string
  #open: KeyedSnapshot | undefined
  #finishing: Promise<unknown> | undefined
  #taken = 0

  constructor(backend: KeyedBackend, folder: string) {
    this.#backend = backend
    this.#folder = folder
    mkdirSync(folder)
  }

  /** Begins, goes on with, gives up or finishes a snapshot, as drawn. */
  step(rng: Rng): void {
    if (this.#open === undefined) {
      if (rng.int(15) === 0) this.#open = this.#backend.freeze()
    } else if (this.#finishing === undefined) this.#advance(this.#open, rng)
  }

  async end(): Promise<void> {
    if (this.#finishing !== undefined) await this.#finishing
    else this.#open?.abandon()
  }

  #advance(snapshot: KeyedSnapshot, rng: Rng): void {
    if (rng.int(10) === 0) {
      snapshot.abandon()
      this.#open = undefined
    } else if (snapshot.encodeSlice(rng.int(3) === 0 ? 0.01 : 1)) {
      this.#taken += 1
      this.#finishing = snapshot.finish(this.#folder, `c${this.#taken}`).then(() => {
        this.#open = undefined
        this.#finishing = undefined
      })
    }
  }
}

test.each(Array.from({ length: 10 }, (_, i) => i + 1))('nothing is forgotten under eviction, seed %i', async (seed) => {
  const rng = seededRng(seed)
  const backend = makeBackend(scratch, { cacheBytes: 60_000, keyGroups: 128, range: { start: 0, end: 128 } })
  await backend.open([])
  const counts = backend.register({ name: 'counts', kind: 'map', options: {} }) as MapState<string, number>
  const snapshots = new Snapshots(backend, join(scratch, `checkpoints-${seed}`))
  const model = new Map<string, number>()
  let next = drawLot(rng)
  for (let round = 0; round < ROUNDS; round += 1) {
    const lot = next
    next = drawLot(rng)
    if (rng.int(2) === 0) backend.prefetchAhead(batchOf(next.keys, undefined, next.keys))
    await backend.prefetch(lot.keys)
    expect(count(backend, counts, model, lot), `round ${round}`).toBe('')
    snapshots.step(rng)
    if (rng.int(3) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await snapshots.end()
  await backend.close()
})
