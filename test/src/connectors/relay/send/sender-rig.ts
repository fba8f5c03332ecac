// Drives a relaySink as the machine does: epochs, checkpoints, crashes, restores.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { msgpackCodec } from '../../../../../src/codec/msgpack-codec.ts'
import { type RelaySinkOptions, relaySink } from '../../../../../src/connectors/relay/index.ts'
import type { AppendSinkFunction } from '../../../../../src/contract/sink-function.ts'
import { type Clock, systemClock } from '../../../../../src/util/clock.ts'
import { runtimeContext } from '../../../../support/runtime-context.ts'

/** Waits are a fiftieth of what they say. */
export const fastClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule: (delayMs, callback) => systemClock.schedule(delayMs / 50, callback),
}

/** A complete checkpoint: what the sink and what its source said. */
export interface Checkpoint<P> {
  readonly id: number
  readonly state: Uint8Array
  readonly commits: readonly Uint8Array[]
  readonly position: P
}

export class SenderRig<T, P> {
  readonly counters = new Map<string, number>()
  readonly logged: string[] = []
  readonly options: RelaySinkOptions<T>
  readonly #directory: string
  readonly #clock: Clock
  #sink: AppendSinkFunction<T> | undefined
  #prepared: Uint8Array[] = []
  #id = 0
  last: Checkpoint<P> | undefined

  constructor(directory: string, options: RelaySinkOptions<T>, clock: Clock = fastClock) {
    this.#directory = directory
    this.options = options
    this.#clock = clock
  }

  get sink(): AppendSinkFunction<T> {
    if (this.#sink === undefined) throw new Error('the sink is not started')
    return this.#sink
  }

  /** From the last complete checkpoint, or from one before it. */
  async start(from: Checkpoint<P> | undefined = this.last, options: RelaySinkOptions<T> = this.options): Promise<void> {
    const rewound = from !== this.last
    const sink = relaySink<T>(options)
    this.#sink = sink
    this.#prepared = [...(from?.commits ?? [])]
    const { counters, logged } = this
    await sink.open(runtimeContext({ node: 'out', directory: this.#directory, clock: this.#clock, counters, logged }))
    await sink.restore(from === undefined ? [] : [msgpackCodec.decode(from.state)], from?.id, rewound)
    for (const commit of this.#prepared) await sink.commit(msgpackCodec.decode(commit))
  }

  async write(records: readonly T[]): Promise<void> {
    await this.sink.write(records)
  }

  /** A checkpoint, complete or not. `complete` is called before the sink is told. */
  async checkpoint(position: P, isComplete = true): Promise<Checkpoint<P> | undefined> {
    this.#id += 1
    const { state, commit } = await this.sink.prepare(this.#id)
    if (commit !== undefined) this.#prepared.push(Uint8Array.from(msgpackCodec.encode(commit)))
    const bytes = Uint8Array.from(msgpackCodec.encode(state))
    if (!isComplete) return undefined
    this.last = { id: this.#id, state: bytes, commits: [...this.#prepared], position }
    for (const one of this.#prepared.splice(0)) await this.sink.commit(msgpackCodec.decode(one))
    return this.last
  }

  /** What a crash leaves is on the disk; what is noted at a close is not. */
  async crash(): Promise<void> {
    const sink = this.#sink
    this.#sink = undefined
    const acked = join(this.#directory, 'relay', 'acked')
    const before = new Map<string, Buffer>()
    for (const name of await readdir(acked).catch(() => [])) before.set(name, await readFile(join(acked, name)))
    await sink?.close()
    for (const name of await readdir(acked).catch(() => [])) {
      const bytes = before.get(name)
      await (bytes === undefined ? rm(join(acked, name)) : writeFile(join(acked, name), bytes))
    }
  }

  /** As the machine ends a job in order. */
  async close(): Promise<void> {
    const sink = this.#sink
    this.#sink = undefined
    await sink?.close()
  }
}

/** Waits, turn by turn of the loop, until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 1))
}
