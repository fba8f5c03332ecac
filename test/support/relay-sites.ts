// Two sites in this process: jobs that send and a job that receives, and a proxy between them that can fail.
//
// Owns: the receiving job's data directory and runs, the proxies, what arrived.
// Does not own: the jobs that send, beyond starting them.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../runtime/control/run.ts'
import type { Run, RunOptions, RunResult } from '../../runtime/control/run-types.ts'
import type { RunHereOptions, RunHereResult } from '../../runtime/testing/index.ts'
import { runJobHere } from '../../runtime/testing/index.ts'
import { collect } from '../../src/connectors/collect/index.ts'
import {
  type RelaySinkOptions,
  type RelaySourceOptions,
  relaySink,
  relaySource,
} from '../../src/connectors/relay/index.ts'
import { fromArray, type Job, job } from '../../src/index.ts'
import { FaultProxy } from './fault-proxy.ts'
import { freePorts } from './server-process.ts'

/** A record of a stream, with its place in it. */
export interface Numbered {
  readonly stream: string
  readonly n: number
  readonly from: string
}

export interface RelaySitesOptions {
  readonly source?: Partial<RelaySourceOptions<Numbered>>
  readonly run?: RunOptions
}

/** Quick checkpoints, and restarts that never end: what tests of faults want. */
const QUICK: RunOptions = {
  checkpoint: { intervalMs: 20 },
  restart: { strategy: 'fixed-delay', attempts: 100_000, delayMs: 5 },
}

export class RelaySites {
  readonly folder: string
  readonly proxy: FaultProxy
  /** What complete checkpoints of the receiving job have let out. */
  readonly arrived: Numbered[] = []
  readonly #port: number
  readonly #options: RelaySitesOptions
  #run: Run | undefined

  private constructor(folder: string, port: number, proxy: FaultProxy, options: RelaySitesOptions) {
    this.folder = folder
    this.proxy = proxy
    this.#port = port
    this.#options = options
  }

  static async open(options: RelaySitesOptions = {}): Promise<RelaySites> {
    const [port, folder] = await Promise.all([freePorts(1), mkdtemp(join(tmpdir(), 'relay-sites-'))])
    return new RelaySites(folder, port, await FaultProxy.to(port), options)
  }

  /** Starts the receiving job, or goes on with it. */
  receive(options: RunOptions = {}): Run {
    const receiving = job('receiving', (flow) => {
      flow
        .from('line', relaySource<Numbered>({ site: 'north', listen: { port: this.#port }, ...this.#options.source }))
        .to('arrived', collect(this.arrived))
    })
    this.#run = run(receiving, { ...QUICK, dataDir: join(this.folder, 'north'), ...this.#options.run, ...options })
    return this.#run
  }

  /** A job that sends these and ends when every target has them. */
  sending(values: readonly Numbered[], name = 'sending', options: Partial<RelaySinkOptions<Numbered>> = {}): Job {
    return job(name, (flow) => {
      flow.from('values', fromArray(values)).to(
        'line',
        relaySink<Numbered>({
          site: 'south',
          targets: `127.0.0.1:${this.proxy.port}`,
          stream: ({ stream }) => stream,
          batchRecords: 7,
          reconnectMaxMs: 100,
          ...options,
        }),
      )
    })
  }

  /** Runs such a job to its end. */
  send(sending: Job, options: RunHereOptions = {}): Promise<RunHereResult> {
    return runJobHere(sending, {
      ...QUICK,
      dataDir: join(this.folder, 'south'),
      recordsPerCheckpoint: 40,
      ...options,
    })
  }

  /** Waits until so many have arrived, and stops the receiving job in order. */
  async settle(count: number): Promise<RunResult> {
    const running = this.#run
    if (running === undefined) throw new Error('nothing receives')
    let ended: RunResult | undefined
    void running.result.then((result) => {
      ended = result
    })
    while (this.arrived.length < count && ended === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
    return ended ?? running.stop()
  }

  async close(): Promise<void> {
    await this.#run?.cancel()
    await this.proxy.close()
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** `count` records over so many streams, in turn. */
export function numbered(count: number, streams = 3, from = 'south'): Numbered[] {
  return Array.from({ length: count }, (_, i) => ({ stream: `s${i % streams}`, n: Math.floor(i / streams), from }))
}

/** What is wrong with what arrived: '' if it is each of the records once, in the order of their streams. */
export function faultsOf(arrived: readonly Numbered[], sent: readonly Numbered[]): string {
  const next = new Map<string, number>()
  for (const { stream, n, from } of arrived) {
    const of = `${from}/${stream}`
    const expected = next.get(of) ?? 0
    if (n !== expected) return `${of}: ${n} came where ${expected} was to`
    next.set(of, expected + 1)
  }
  return arrived.length === sent.length ? '' : `${arrived.length} arrived of ${sent.length}`
}
