// KafkaWatch: what a topic that a kafka-places job writes to shows its readers, held against what was told, at all times.
//
// Owns: a reader of committed records, which is not our own.
//
// I1. Each key's records come once each and in order; where nothing is keyed, all do.

import { KafkaReader, type ReadRecord } from '../support/kafka-servers.ts'

export interface WatchOptions {
  readonly brokers: string
  readonly topic: string
  /** Records are copied through one partition: they come in the order of all. */
  readonly single: boolean
}

export class KafkaWatch {
  readonly #options: WatchOptions
  readonly #reader: KafkaReader
  readonly #next = new Map<string, number>()
  readonly #ended: Promise<void>
  #stopped = false
  #seen = 0
  #readings = 0
  #offence: string | undefined

  private constructor(options: WatchOptions, reader: KafkaReader) {
    this.#options = options
    this.#reader = reader
    this.#ended = this.#watch()
  }

  /** Watches until closed. */
  static async open(options: WatchOptions): Promise<KafkaWatch> {
    return new KafkaWatch(options, await KafkaReader.open(options.brokers, options.topic))
  }

  get topic(): string {
    return this.#options.topic
  }

  /** How many records there were so far. Throws what was wrong with them. */
  get seen(): number {
    if (this.#offence !== undefined) throw new Error(this.#offence)
    return this.#seen
  }

  /** So many more readings to the end of all partitions. */
  async readings(count: number): Promise<void> {
    for (const until = this.#readings + count; this.#readings < until; )
      await new Promise((resolve) => setTimeout(resolve, 10))
  }

  async close(): Promise<void> {
    this.#stopped = true
    await this.#ended
    await this.#reader.close()
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      // The broker may be down: what it holds is looked at when it is back.
      const found = await this.#reader.poll().catch(() => undefined)
      for (const record of found ?? []) this.#look(record)
      if (found !== undefined) this.#readings += 1
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  #look({ partition, offset, value }: ReadRecord): void {
    this.#seen += 1
    const { key, n, i, place = n } = JSON.parse(String(value)) as { key: string; n: number; i: number; place?: number }
    const next = this.#next.get(key) ?? 0
    this.#next.set(key, next + 1)
    const wrong = n !== next || place !== n || (this.#options.single && i !== this.#seen - 1)
    if (wrong)
      this.#offence ??= `partition ${partition}, offset ${offset}: ${value}, expected n = ${next} of ${key}, record ${this.#seen - 1} of all`
  }
}
