// Both ends of a relay as processes, what is told to the sender, and what arrived.

import { mkdirSync } from 'node:fs'
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Rng } from '../../src/util/rng.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import type { BinProcess } from '../support/run-job.ts'
import { freePorts } from '../support/server-process.ts'
import type { RelayArrived, RelayTold } from './jobs/relay-receive.ts'
import { Runs } from './storm.ts'

const SEND = fileURLToPath(new URL('./jobs/relay-send.ts', import.meta.url))
const RECEIVE = fileURLToPath(new URL('./jobs/relay-receive.ts', import.meta.url))

/** Where the ends live and what they are told besides. */
export interface RelayEndsOptions {
  readonly rng: Rng
  /** How often each job may fail and go on by itself. Default 1000. */
  readonly restarts?: number
  readonly streams?: number
  /** Senders in the job, each of which sends all that is told. Default 1. */
  readonly lanes?: number
  /** Instead of folders of its own: file systems under test. */
  readonly north?: string
  readonly south?: string
  /** What the sender dials, instead of the proxy. */
  readonly host?: string
  /** A command that runs the sender. */
  readonly via?: readonly string[]
  readonly sendSettings?: readonly string[]
  readonly receiveSettings?: readonly string[]
}

export class RelayEnds {
  readonly proxy: FaultProxy
  readonly folder: string
  readonly north: string
  readonly south: string
  readonly #port: number
  readonly #streams: number
  readonly #options: RelayEndsOptions
  readonly #restarts: number
  /** One for each folder that a sender runs in. */
  readonly #senders = new Map<string, Runs>()
  readonly #receiver: Runs
  #told = 0

  private constructor(folder: string, port: number, proxy: FaultProxy, options: RelayEndsOptions) {
    const { rng, restarts = 1_000, streams = 3, north = join(folder, 'north'), south = join(folder, 'south') } = options
    this.#options = options
    this.folder = folder
    this.north = north
    this.south = south
    this.proxy = proxy
    this.#port = port
    this.#streams = streams
    this.#restarts = restarts
    this.#receiver = new Runs(rng, restarts)
  }

  /** Nothing of it outlives the test. */
  static async open(options: RelayEndsOptions): Promise<RelayEnds> {
    const [port, folder] = await Promise.all([freePorts(1), mkdtemp(join(tmpdir(), 'relay-ends-'))])
    const ends = new RelayEnds(folder, port, await FaultProxy.to(port), options)
    for (const path of [ends.north, ends.south]) mkdirSync(path, { recursive: true })
    onTestFinished(async () => {
      await Promise.all([...ends.#senders.values(), ends.#receiver].map((runs) => runs.end()))
      await ends.proxy.close()
      await rm(folder, { recursive: true, force: true })
    })
    return ends
  }

  /** How many records are to arrive, over all streams. */
  get told(): number {
    return this.#told * (this.#options.lanes ?? 1)
  }

  /** Writes records for the sender. */
  async tell(records: number, textBytes = 60): Promise<void> {
    const lines = Array.from({ length: records }, (_, index) => {
      const i = this.#told + index
      const text = String(i).repeat(textBytes).slice(0, textBytes)
      const told: RelayTold = { stream: `s${i % this.#streams}`, n: Math.floor(i / this.#streams), text }
      return `${JSON.stringify(told)}\n`
    })
    await appendFile(join(this.folder, 'lines.ndjson'), lines.join(''))
    this.#told += records
  }

  /** Starts the sender, or another one over a copy of its folder. */
  send(folder = this.north): BinProcess {
    const runs = this.#senders.get(folder) ?? new Runs(this.#options.rng, this.#restarts, this.#options.via)
    this.#senders.set(folder, runs)
    const { host, lanes = 1, sendSettings = [] } = this.#options
    const target = host === undefined ? `127.0.0.1:${this.proxy.port}` : `${host}:${this.#port}`
    const settings = [
      `lines=${join(this.folder, 'lines.ndjson')}`,
      `target=${target}`,
      `lanes=${lanes}`,
      ...sendSettings,
    ]
    return runs.start(folder, [SEND, ...settings.flatMap((pair) => ['--set', pair])])
  }

  receive(): BinProcess {
    const { host, receiveSettings = [] } = this.#options
    const listen = host === undefined ? [] : [`host=${host}`]
    const settings = [`port=${this.#port}`, ...listen, ...receiveSettings]
    return this.#receiver.start(this.south, [RECEIVE, ...settings.flatMap((pair) => ['--set', pair])])
  }

  /** Waits until all that was told has arrived, or an end ends by itself. */
  async arrived(...processes: readonly BinProcess[]): Promise<void> {
    let ended = false
    for (const { result } of processes)
      void result.then(() => {
        ended = true
      })
    while (!ended && (await this.#lines()).length < this.told) await new Promise((resolve) => setTimeout(resolve, 50))
  }

  /** Waits until all that was told has arrived, ends both in order, and throws what is wrong with it. Returns how many there are. */
  async settle(sender: BinProcess, receiver: BinProcess): Promise<number> {
    await this.arrived(sender, receiver)
    for (const [name, end] of Object.entries({ sender, receiver })) {
      end.signal('SIGTERM')
      const { code, stderr } = await end.result
      if (code !== 0) throw new Error(`the ${name} ended with ${code}:\n${stderr.slice(-6000)}`)
    }
    return this.check()
  }

  /** Each record once, and at its place in its stream. */
  async check(): Promise<number> {
    const arrived = (await this.#lines()).map((line) => JSON.parse(line) as RelayArrived)
    const misplaced = arrived.filter(({ n, place }) => n !== place)
    if (misplaced.length > 0) throw new Error(`not at their places: ${JSON.stringify(misplaced.slice(0, 5))}`)
    const seen = new Set(arrived.map(({ stream, n }) => `${stream}/${n}`))
    if (seen.size !== arrived.length) throw new Error(`${arrived.length - seen.size} records arrived twice`)
    if (seen.size !== this.told) throw new Error(`${seen.size} records arrived of ${this.told}`)
    return seen.size
  }

  /** Of published parts. */
  async #lines(): Promise<string[]> {
    const parts = join(this.south, 'data', 'parts')
    const names = (await readdir(parts).catch(() => [])).filter((name) => !name.startsWith('.'))
    const texts = await Promise.all(names.map((name) => readFile(join(parts, name), 'utf8')))
    return texts.flatMap((text) => text.split('\n').filter((line) => line !== ''))
  }
}
