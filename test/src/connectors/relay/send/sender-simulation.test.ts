// A sender against model receivers over lines that are cut at random, through crashes at every failpoint, restores and receivers that
// lose what they had not acknowledged: everything that complete checkpoints hold arrives, in the order of its stream, once.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { armFailpoints, FAILPOINTS } from '../../../../../src/util/failpoint.ts'
import { type Rng, seededRng } from '../../../../../src/util/rng.ts'
import { ModelReceiver } from './model-receiver.ts'
import { type Checkpoint, fastClock, SenderRig } from './sender-rig.ts'

const SEEDS = process.env.MILLRACE_FULL === '1' ? 250 : 40
const STREAMS = 3
const STEPS = Object.keys(FAILPOINTS).filter((name) =>
  /^relay\.(identity|cut|prepare|publish|acked|truncate)\./.test(name),
)

/** Long enough that segments are rolled and given up. */
interface Padded {
  readonly i: number
  readonly pad: string
}
const recordOf = (i: number): Padded => ({ i, pad: 'x'.repeat(100 + (i % 50)) })
/** Enough records of a stream in a row to fill batches. */
const streamOf = ({ i }: Padded): string => `s${Math.floor(i / 7) % STREAMS}`

class World {
  readonly rng: Rng
  readonly receivers: ModelReceiver[]
  readonly #folder: string
  readonly #down = new Set<ModelReceiver>()
  #rig!: SenderRig<Padded, number>
  /** The next record that the source gives. */
  #next = 0
  /** Complete checkpoints that may be gone back to, and the one that is gone back to until a later one is complete. */
  #history: Checkpoint<number>[] = []
  #known: Checkpoint<number> | undefined
  #from: Checkpoint<number> | undefined

  readonly #goesBack: boolean
  #isCalm = false

  constructor(folder: string, seed: number) {
    this.#folder = folder
    this.#goesBack = seed % 2 === 1
    this.rng = seededRng(seed)
    this.receivers = Array.from(
      { length: 1 + this.rng.int(2) },
      () => new ModelReceiver({ clock: fastClock, windowBytes: 1 + this.rng.int(2000) }),
    )
  }

  async run(steps: number): Promise<void> {
    for (const receiver of this.receivers) await receiver.listen()
    const { rng } = this
    const targets = Object.fromEntries(this.receivers.map(({ address }, i) => [`t${i}`, address]))
    const compression = (['auto', 'none', 'snappy'] as const)[rng.int(3)] ?? 'auto'
    this.#rig = new SenderRig(this.#folder, {
      site: 'here',
      targets,
      compression,
      stream: streamOf,
      batchBytes: 1024,
      batchRecords: 1 + rng.int(300),
      queueBytesMax: 65_536,
    })
    await this.#attempt(() => this.#start())
    for (let i = 0; i < steps; i += 1) await this.#step()
    armFailpoints(undefined)
    this.#isCalm = true
    for (const receiver of this.receivers) await this.#bringUp(receiver)
    // What was armed may still be on its way, once.
    for (let i = 0; i < 2; i += 1) await this.#attempt(() => this.#finish())
    await this.#finish()
  }

  async #finish(): Promise<void> {
    await this.#checkpoint(true)
    await this.#rig.sink.drained?.()
  }

  async close(): Promise<void> {
    armFailpoints(undefined)
    await this.#rig.crash()
    for (const receiver of this.receivers) await receiver.close()
  }

  /** What must have arrived at each receiver. */
  expected(): Record<string, Padded[]> {
    const all: Record<string, Padded[]> = {}
    for (let i = 0; i < (this.#rig.last?.position ?? 0); i += 1) {
      const record = recordOf(i)
      const name = streamOf(record)
      all[name] ??= []
      all[name].push(record)
    }
    return all
  }

  async #step(): Promise<void> {
    const { rng } = this
    const receiver = this.receivers[rng.int(this.receivers.length)] as ModelReceiver
    const dice = rng.int(100)
    if (rng.int(8) === 0) armFailpoints(`${STEPS[rng.int(STEPS.length)]}:throw@${1 + rng.int(3)}`)
    if (dice < 40) await this.#attempt(() => this.#write(1 + rng.int(400)))
    else if (dice < 65) await this.#attempt(() => this.#checkpoint(rng.int(5) > 0))
    else if (dice < 75) receiver.cut()
    else if (dice < 80) await this.#takeDown(receiver)
    else if (dice < 86) await this.#bringUp(receiver)
    else if (dice < 90) receiver.silent = true
    else if (dice < 94) receiver.speak()
    else if (dice < 96) await new Promise((resolve) => setTimeout(resolve, rng.int(4)))
    else if (dice < 99 || !this.#goesBack) await this.#crash()
    else await this.#goBack()
  }

  async #write(count: number): Promise<void> {
    // What waits for a target that is down would wait here for ever.
    if (this.receivers.some((one) => this.#down.has(one) || one.silent))
      await this.#bringUp(this.receivers[0] as ModelReceiver)
    for (const one of this.receivers) await this.#bringUp(one)
    await this.#rig.write(Array.from({ length: count }, (_, k) => recordOf(this.#next + k)))
    this.#next += count
  }

  async #checkpoint(isComplete: boolean): Promise<void> {
    await this.#rig.checkpoint(this.#next, isComplete)
  }

  async #takeDown(receiver: ModelReceiver): Promise<void> {
    if (this.#down.has(receiver)) return
    this.#down.add(receiver)
    await receiver.crash()
  }

  async #bringUp(receiver: ModelReceiver): Promise<void> {
    receiver.speak()
    if (this.#down.delete(receiver)) await receiver.listen()
  }

  /** A failpoint is a crash: everything goes on from the last complete checkpoint. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!/failpoint relay\./.test(String(error))) throw error
      await this.#crash()
    }
  }

  async #crash(): Promise<void> {
    armFailpoints(undefined)
    await this.#rig.crash()
    this.#learn()
    if (!this.#isCalm && this.rng.int(3) === 0)
      armFailpoints(`${STEPS[this.rng.int(STEPS.length)]}:throw@${1 + this.rng.int(3)}`)
    await this.#attempt(() => this.#start())
  }

  async #goBack(): Promise<void> {
    this.#learn()
    if (this.#history.length === 0) return
    this.#history.length = 1 + this.rng.int(this.#history.length)
    this.#from = this.#history.at(-1)
    await this.#crash()
  }

  async #start(): Promise<void> {
    const from = this.#from ?? this.#rig.last
    this.#next = from?.position ?? 0
    await this.#rig.start(from)
  }

  /** A checkpoint may have been completed by what crashed. */
  #learn(): void {
    const { last } = this.#rig
    if (last === undefined || last === this.#known) return
    this.#known = last
    this.#history.push(last)
    this.#from = undefined
  }
}

/**
 * Lives of a sender one after the other: each gives its streams without a gap or a repeat, and begins where the one before ended, or earlier,
 * if the job went back. All that is expected has come in the end.
 */
function faultOf({ lives }: ModelReceiver, expected: Record<string, Padded[]>): string | undefined {
  for (const [name, records] of Object.entries(expected)) {
    const places = new Map(records.map(({ i }, place) => [i, place]))
    let end = 0
    for (const { streams } of lives) {
      const arrived = (streams.get(name)?.batches ?? []).flatMap((batch) => batch.records) as Padded[]
      if (arrived.length === 0) continue
      // Lives that were taken back have records behind the end, which are the same ones.
      const first = places.get(arrived[0]?.i ?? -1) ?? records.length
      if (first > end) return `${name}: a gap before record ${arrived[0]?.i}`
      const next = arrived.findIndex(({ i }, k) => k > 0 && places.get(i) !== first + k && first + k < records.length)
      if (next >= 0) return `${name}: record ${arrived[next]?.i} behind ${arrived[next - 1]?.i}`
      end = first + arrived.length
    }
    // A life that was taken back may have come further, where the last one had nothing to add.
    if (end < records.length) return `${name}: ${end} records of ${records.length}`
  }
  return undefined
}

describe('a sender, whatever happens', () => {
  it.each(Array.from({ length: SEEDS / 10 }, (_, i) => i * 10))('seeds from %i on', async (from) => {
    for (let seed = from; seed < from + 10; seed += 1) {
      const folder = await mkdtemp(join(tmpdir(), 'sender-simulation-'))
      const world = new World(folder, seed)
      try {
        await world.run(40)
        for (const receiver of world.receivers) {
          expect(receiver.faults, `seed ${seed}`).toEqual([])
          if (seed % 2 === 0) expect(receiver.read(), `seed ${seed}`).toEqual(world.expected())
          expect(faultOf(receiver, world.expected()), `seed ${seed}`).toBe(undefined)
        }
      } finally {
        await world.close()
        await rm(folder, { recursive: true, force: true })
      }
    }
  })

  it.each(STEPS)('a crash at %s', async (step) => {
    const folder = await mkdtemp(join(tmpdir(), 'sender-steps-'))
    const receiver = new ModelReceiver({ clock: fastClock })
    await receiver.listen()
    const rig = new SenderRig<Padded, number>(folder, { site: 'here', targets: receiver.address, stream: streamOf })
    let hits = 0
    let crashed = false
    /** Epochs of ten records; the last one begins a stream, and is not complete at the first crash. */
    const epochs = async (): Promise<void> => {
      await rig.start()
      for (let from = rig.last?.position ?? 0; from < 40; from += 10) {
        await rig.write(Array.from({ length: 10 }, (_, k) => recordOf(from + k)))
        await rig.checkpoint(from + 10, from < 30 || hits > 0)
        await rig.sink.drained?.()
      }
    }
    try {
      armFailpoints(`${step}:throw`)
      while (rig.last?.position !== 40) {
        try {
          await epochs()
        } catch (error) {
          if (!String(error).includes(`failpoint ${step}`)) throw error
          crashed = true
        }
        hits += 1
        await rig.crash()
      }
      expect(crashed).toBe(true)
      armFailpoints(undefined)
      await rig.start()
      await rig.sink.drained?.()
      const arrived = Object.values(receiver.read()).flat() as Padded[]
      expect(arrived.sort((a, b) => a.i - b.i)).toEqual(Array.from({ length: 40 }, (_, k) => recordOf(k)))
      expect(receiver.faults).toEqual([])
    } finally {
      armFailpoints(undefined)
      await rig.crash()
      await receiver.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
})
