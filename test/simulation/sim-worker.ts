// Simulated workers: the real WorkerHost behind a link whose messages take time, in order; acknowledgements may be lost, come
// twice, or come again long after. Channels between workers are simulated ports.

import type { MessagePort } from 'node:worker_threads'
import type { StartedWorker } from '../../runtime/control/worker-handle.ts'
import type { FromWorker, Link, PortAddress, ToWorker } from '../../runtime/worker/messages.ts'
import { WorkerHost } from '../../runtime/worker/worker-host.ts'
import type { Job } from '../../src/graph/job.ts'
import type { Disk } from './disk.ts'
import { type DiskLies, diskPorts } from './disk-ports.ts'
import { SimBackend } from './sim-backend.ts'
import type { SimProcess, Site } from './sim-process.ts'
import type { Owner } from './timeline.ts'

/** Those that a coordinator must be able to live without, or hear twice. */
const UNRELIABLE = new Set<FromWorker['type']>(['ack', 'decline', 'committed', 'enumerators-snapshotted'])

/** One direction: what is posted arrives later, in order. */
class Pipe<T> {
  readonly #process: SimProcess
  readonly #reader: Owner
  #handler: ((message: T) => void) | undefined
  #early: T[] = []
  #lastAt = 0

  constructor(process: SimProcess, reader: Owner) {
    this.#process = process
    this.#reader = reader
  }

  post(message: T): void {
    const { timeline, faults } = this.#process
    this.#lastAt = Math.max(this.#lastAt, timeline.nowMs + faults.latency())
    timeline.at(this.#lastAt, this.#reader, () => this.#deliver(message))
  }

  /** Once more, after others; never before its time. */
  repeat(message: T): void {
    const { timeline, faults } = this.#process
    timeline.at(this.#lastAt + faults.latency() * 20, this.#reader, () => this.#deliver(message))
  }

  handle(handler: (message: T) => void): void {
    this.#handler = handler
    for (const message of this.#early.splice(0)) handler(message)
  }

  #deliver(message: T): void {
    if (this.#handler === undefined) this.#early.push(message)
    else this.#handler(message)
  }
}

/** As much of a MessagePort as channels use. */
class SimPort {
  readonly #out: Pipe<unknown>
  readonly #into: Pipe<unknown>
  #closed = false

  constructor(out: Pipe<unknown>, into: Pipe<unknown>) {
    this.#out = out
    this.#into = into
  }

  on(_event: 'message', handler: (message: unknown) => void): this {
    this.#into.handle((message) => {
      if (!this.#closed) handler(message)
    })
    return this
  }

  postMessage(message: unknown): void {
    if (!this.#closed) this.#out.post(message)
  }

  close(): void {
    this.#closed = true
  }
}

export interface SimWorkersOptions {
  readonly process: SimProcess
  readonly disk: Disk
  readonly lies: DiskLies
  /** The job as a worker at this site loads it. */
  readonly jobAt: (site: Site) => Job
  /** Sees every message to a worker. */
  readonly onSend: (message: ToWorker) => void
}

/** Starts the workers of one process. */
export class SimWorkers {
  readonly #options: SimWorkersOptions
  /** The end of a channel that the other worker is to get, by attempt and address. */
  readonly #ends = new Map<string, SimPort>()

  constructor(options: SimWorkersOptions) {
    this.#options = options
  }

  start(): StartedWorker {
    const { process } = this.#options
    const worker = { alive: true }
    const owner = ownerOf(process, worker)
    const toWorker = new Pipe<ToWorker>(process, owner)
    const toMain = new Pipe<FromWorker>(process, process)
    this.#host(owner, toWorker, toMain)
    let exit: ((reason: string) => void) | undefined
    const end = (): void => {
      worker.alive = false
      process.settle()
    }
    this.#loseNowAndThen(worker, () => exit?.('was lost'))
    return {
      link: this.#mainLink(toWorker, toMain),
      terminate: () => process.operate(end),
      onExit: (handler) => {
        exit = handler
      },
    }
  }

  #host(owner: Owner, toWorker: Pipe<ToWorker>, toMain: Pipe<FromWorker>): void {
    const { process, disk, lies, jobAt } = this.#options
    const { fs, fileSystem } = diskPorts(disk, process, owner, lies)
    const { rng } = process.timeline
    const wait = (): Promise<void> | undefined => (rng.int(3) === 0 ? process.operate(() => {}, {}, owner) : undefined)
    const link: Link<FromWorker, ToWorker> = {
      post: (message) => this.#fromWorker(owner, toMain, message),
      onMessage: (handler) => toWorker.handle(handler),
      close: () => {},
    }
    new WorkerHost({
      link,
      loadJob: () => Promise.resolve(jobAt(process.siteOf(owner))),
      openBackend: (options) => new SimBackend(options, fs, wait),
      clock: process.timeline.clockOf(owner),
      fileSystem,
    })
  }

  #fromWorker(owner: Owner, toMain: Pipe<FromWorker>, message: FromWorker): void {
    if (!owner.alive) return
    const { faults } = this.#options.process
    const copy = structuredClone(message)
    if (!UNRELIABLE.has(message.type)) return toMain.post(copy)
    if (faults.losesMessage()) return
    toMain.post(copy)
    if (faults.repeatsMessage()) toMain.repeat(copy)
  }

  #mainLink(toWorker: Pipe<ToWorker>, toMain: Pipe<FromWorker>): Link<ToWorker, FromWorker> {
    return {
      post: (message) => {
        this.#options.onSend(message)
        toWorker.post(message.type === 'deploy' ? this.#withSimPorts(message) : structuredClone(message))
      },
      onMessage: (handler) => toMain.handle(handler),
      close: () => {},
    }
  }

  #withSimPorts(message: Extract<ToWorker, { type: 'deploy' }>): ToWorker {
    for (const port of message.ports as MessagePort[]) port.close()
    const { attempt } = message.deployment
    const ports = message.addresses.map((address) => this.#portOf(attempt, address))
    return { ...structuredClone({ ...message, ports: [] }), ports }
  }

  /** The first to ask gets one end, the second the other. */
  #portOf(attempt: number, { edge, fromSubtask, toSubtask }: PortAddress): SimPort {
    const address = `${attempt}:${edge}:${fromSubtask}:${toSubtask}`
    const other = this.#ends.get(address)
    if (other !== undefined) return other
    const { process } = this.#options
    const [there, back] = [new Pipe<unknown>(process, process), new Pipe<unknown>(process, process)]
    this.#ends.set(address, new SimPort(back, there))
    return new SimPort(there, back)
  }

  #loseNowAndThen(worker: { alive: boolean }, lost: () => void): void {
    const { process } = this.#options
    process.timeline.after(5, process, () => {
      if (!worker.alive || process.faults.calm) return
      if (!process.faults.losesWorker()) return this.#loseNowAndThen(worker, lost)
      worker.alive = false
      process.settle()
      lost()
    })
  }
}

/** A worker dies with its process. */
function ownerOf(process: SimProcess, worker: { readonly alive: boolean }): Owner {
  return {
    get alive() {
      return process.alive && worker.alive
    },
  }
}
