// What people see of a receiver: how much waits to be read, of all streams and of each of the first fifty.

import type { Gauge, RuntimeContext } from '../../../contract/runtime-context.ts'
import type { Receiver } from './receiver.ts'
import type { Progress } from './relay-split.ts'
import type { StreamLog } from './stream-log.ts'

const EVERY_MS = 1000
/** More are in the totals only. */
const STREAMS_MAX = 50

/** What of a stream waits to be read. */
interface Waiting {
  readonly records: number
  readonly bytes: number
  /** Age of the oldest. */
  readonly lagMs: number
  /** The next batch to be read. */
  readonly sequence: number
}

/**
 * Sets the gauges once a second. Streams of which nothing is to come and nothing is to be read are not shown any more: one that was has no
 * backlog then.
 */
export class ReceiverGauges {
  readonly #context: RuntimeContext
  readonly #receiver: Receiver
  readonly #progress = new Map<string, Progress>()
  readonly #shown = new Set<string>()
  #cancel: () => void = () => {}

  constructor(context: RuntimeContext, receiver: Receiver) {
    this.#context = context
    this.#receiver = receiver
    this.#tick()
  }

  /** How far a reader is. */
  read(progress: readonly Progress[]): void {
    for (const one of progress) this.#progress.set(one.id, one)
  }

  close(): void {
    this.#cancel()
  }

  readonly #tick = (): void => {
    this.#set()
    this.#cancel = this.#context.clock.schedule(EVERY_MS, this.#tick)
  }

  #set(): void {
    let [records, bytes, oldestMs] = [0, 0, 0]
    const gone = new Set(this.#progress.keys())
    const over = new Set(this.#shown)
    for (const stream of this.#receiver.store.streams()) {
      gone.delete(stream.id)
      const waiting = this.#waitingOf(stream)
      records += waiting.records
      bytes += waiting.bytes
      oldestMs = Math.max(oldestMs, waiting.lagMs)
      if (stream.isEnded && waiting.records === 0) continue
      const name = nameOf(stream)
      over.delete(name)
      this.#show(name, stream, waiting)
    }
    for (const id of gone) this.#progress.delete(id)
    for (const name of over) this.#setBacklog(name, { records: 0, bytes: 0, lagMs: 0 })
    this.#setBacklog('', { records, bytes, lagMs: oldestMs })
    this.#gauge('connections').set(this.#receiver.connections)
  }

  #waitingOf(stream: StreamLog): Waiting {
    const progress = this.#progress.get(stream.id)
    const sequence = progress?.sequence ?? stream.first
    if (sequence >= stream.next) return { records: 0, bytes: 0, lagMs: 0, sequence }
    // Nobody has read it yet: as if its batches were all of one length.
    const read = progress?.record ?? (stream.records * sequence) / stream.next
    const records = Math.max(0, Math.round(stream.records - read))
    const lagMs = progress === undefined ? 0 : Math.max(0, this.#context.clock.now() - progress.atMs)
    return { records, bytes: stream.bytesFrom(sequence), lagMs, sequence }
  }

  #show(name: string, { next }: StreamLog, waiting: Waiting): void {
    if (!this.#shown.has(name) && this.#shown.size >= STREAMS_MAX) return
    this.#shown.add(name)
    this.#setBacklog(name, waiting)
    this.#gauge(`receivedSequence${name}`).set(next)
    this.#gauge(`readSequence${name}`).set(waiting.sequence)
  }

  #setBacklog(name: string, { records, bytes, lagMs }: Omit<Waiting, 'sequence'>): void {
    this.#gauge(`backlogRecords${name}`).set(records)
    this.#gauge(`backlogBytes${name}`).set(Math.round(bytes))
    this.#gauge(`lagMs${name}`).set(lagMs)
  }

  #gauge(name: string): Gauge {
    return this.#context.metrics.gauge(name)
  }
}

/** Incarnations of one stream share their gauges: the one that is read counts. */
function nameOf({ place, facts }: StreamLog): string {
  return `{${place.sender},${facts.name}}`.replaceAll(/\s/g, '_')
}
