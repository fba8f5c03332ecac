// A receiver without a job around it, in a folder of its own.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeEntry } from '../../../../../src/connectors/relay/queue/entry.ts'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'
import { type RelaySourceOptions, sourceSettings } from '../../../../../src/connectors/relay/receive/options.ts'
import { Receiver } from '../../../../../src/connectors/relay/receive/receiver.ts'
import type { StreamLog } from '../../../../../src/connectors/relay/receive/stream-log.ts'
import { LogReader } from '../../../../../src/log/log-reader.ts'
import { systemClock } from '../../../../../src/util/clock.ts'
import type { FileSystem } from '../../../../../src/util/file-system.ts'
import { runtimeContext } from '../../../../support/runtime-context.ts'

export interface WorldOptions {
  readonly root?: string
  readonly settings?: Partial<RelaySourceOptions<unknown>>
  readonly fileSystem?: FileSystem
}

export class ReceiverWorld {
  readonly root: string
  readonly counters = new Map<string, number>()
  readonly logged: string[] = []
  readonly broken: unknown[] = []
  readonly #options: WorldOptions
  #receiver: Receiver | undefined

  private constructor(root: string, options: WorldOptions) {
    this.root = root
    this.#options = options
  }

  static async start(options: WorldOptions = {}): Promise<ReceiverWorld> {
    const root = options.root ?? join(await mkdtemp(join(tmpdir(), 'relay-')), 'node', 'received')
    const world = new ReceiverWorld(root, options)
    await world.restart()
    return world
  }

  get receiver(): Receiver {
    if (this.#receiver === undefined) throw new Error('the receiver is stopped')
    return this.#receiver
  }

  get port(): number {
    return this.receiver.address.port
  }

  async restart(): Promise<void> {
    await this.stop()
    this.#receiver = await Receiver.start({
      context: runtimeContext({ clock: systemClock, counters: this.counters, logged: this.logged }),
      settings: sourceSettings({ site: 'north', listen: { port: 0 }, ...this.#options.settings }),
      root: this.root,
      listener: { durable: () => {}, opened: () => {}, broken: (error) => this.broken.push(error) },
      ...(this.#options.fileSystem !== undefined && { fileSystem: this.#options.fileSystem }),
    })
  }

  async stop(): Promise<void> {
    const receiver = this.#receiver
    this.#receiver = undefined
    await receiver?.close()
  }

  async dispose(): Promise<void> {
    await this.stop()
    await rm(join(this.root, '..', '..'), { recursive: true, force: true })
  }

  /** The streams of a sender, of all its incarnations, oldest first. */
  streams(sender?: string): StreamLog[] {
    return [...this.receiver.store.streams()].filter(({ place }) => sender === undefined || place.sender === sender)
  }

  /** What a reader would get of a stream. */
  async records({ place, first, next }: StreamLog): Promise<unknown[]> {
    const reader = new LogReader(place.path, first)
    const records: unknown[] = []
    while (reader.position < next)
      for (const { payload } of await reader.read(next, 1 << 20))
        records.push(...msgpackRecords.decode(decodeEntry(payload).records))
    await reader.close()
    return records
  }
}
