// Assignment: which streams are read now, and by whom. Decides; does nothing.
//
// Owns: of each sender the generation that is read, which of its streams were read out, and who reads what.
// Does not own: the streams (receive-store), how far they are read (readers).
//
// I1. Streams of a sender's incarnation are given out when all of the one before were read to their ends, after a restore too.
// I2. A stream is given out once: nothing is given out before every reader has told what it has from the restored checkpoint.
// I3. A stream of a new incarnation goes to the reader that read out the one of its name before, so that what comes behind one reader
//     stays in order.
// I4. A reader that has read out a stream keeps it in its checkpoints until a complete one has it here (forgettable).

import type { ReceiveStore } from './receive-store.ts'
import { partsOf } from './relay-split.ts'
import type { Sender } from './sender.ts'
import type { StreamLog } from './stream-log.ts'

/** A sender as it is in a checkpoint. */
export interface SenderSnapshot {
  readonly sender: string
  /** Which of its generations is read. */
  readonly generation: number
  /** Which incarnation that is; undefined if it was given up. */
  readonly tag: string | undefined
  /** Streams of it that were read out. */
  readonly finished: readonly string[]
}

interface Reading {
  generation: number
  finished: Set<string>
}

interface ReadOut {
  readonly subtask: number
  /** The first checkpoint that has it. */
  checkpoint: number | undefined
}

export class Assignment {
  readonly #store: ReceiveStore
  readonly #readings = new Map<string, Reading>()
  readonly #subtasks = new Map<string, number>()
  readonly #lastReaders = new Map<string, number>()
  readonly #readOut = new Map<string, ReadOut>()
  readonly #loads: number[]
  readonly #silent: Set<number>
  readonly #isRestored: boolean

  constructor(store: ReceiveStore, parallelism: number, restored: readonly SenderSnapshot[] | undefined) {
    this.#store = store
    this.#loads = Array.from({ length: parallelism }, () => 0)
    this.#silent = new Set(this.#loads.keys())
    this.#isRestored = restored !== undefined
    for (const { sender, generation, finished } of restored ?? [])
      this.#readings.set(sender, { generation, finished: new Set(finished) })
  }

  /** A reader is there, and has told what it has. */
  heard(subtask: number): void {
    this.#silent.delete(subtask)
  }

  /** A reader has a stream. False if it was read out: then the reader can forget it. */
  has(subtask: number, id: string): boolean {
    if (this.#isReadOut(id)) return false
    if (this.#subtasks.get(id) === subtask) return true
    this.#subtasks.set(id, subtask)
    this.#load(subtask, 1)
    return true
  }

  subtaskOf(id: string): number | undefined {
    return this.#subtasks.get(id)
  }

  /** A reader has read a stream to its end. */
  finished(subtask: number, id: string): void {
    if (!this.#readOut.has(id)) this.#readOut.set(id, { subtask, checkpoint: undefined })
    if (!this.#subtasks.delete(id)) return
    this.#load(subtask, -1)
    const { sender, generation, stream } = partsOf(id)
    const reading = this.#readingOf(sender)
    if (reading.generation === generation) reading.finished.add(stream)
    this.#lastReaders.set(nameOf(sender, stream), subtask)
  }

  /** What is to be given out now, by reader. It counts as given out. */
  take(): ReadonlyMap<number, readonly StreamLog[]> {
    const shares = new Map<number, StreamLog[]>()
    if (this.#silent.size > 0) return shares
    for (const sender of this.#store.senders) {
      for (const stream of this.#unread(sender)) {
        const subtask = this.#lastReaders.get(nameOf(sender.name, stream.facts.name)) ?? this.#leastLoaded()
        this.#subtasks.set(stream.id, subtask)
        this.#load(subtask, 1)
        shares.set(subtask, [...(shares.get(subtask) ?? []), stream])
      }
    }
    return shares
  }

  /** The generation of a sender that is read; after a restore the first ever, where the checkpoint does not know the sender. */
  generationOf(sender: Sender): number {
    return this.#readingOf(sender.name).generation
  }

  snapshot(checkpoint: number): readonly SenderSnapshot[] {
    for (const one of this.#readOut.values()) one.checkpoint ??= checkpoint
    return [...this.#readings].map(([sender, { generation, finished }]) => ({
      sender,
      generation,
      tag: this.#store.sender(sender)?.tagOf(generation),
      finished: [...finished],
    }))
  }

  /** What readers need not keep any more, by reader, now that this checkpoint is complete. */
  forgettable(checkpoint: number): ReadonlyMap<number, readonly string[]> {
    const shares = new Map<number, string[]>()
    for (const [id, one] of this.#readOut) {
      if (one.checkpoint === undefined || one.checkpoint > checkpoint) continue
      this.#readOut.delete(id)
      shares.set(one.subtask, [...(shares.get(one.subtask) ?? []), id])
    }
    return shares
  }

  #isReadOut(id: string): boolean {
    const { sender, generation, stream } = partsOf(id)
    const reading = this.#readings.get(sender)
    if (reading === undefined || generation > reading.generation) return false
    return generation < reading.generation || reading.finished.has(stream)
  }

  /** Streams that nobody has, of the generation that is read: the next one if this one is read out. */
  #unread(sender: Sender): StreamLog[] {
    const reading = this.#readingOf(sender.name)
    const present = sender.record?.generation ?? 0
    while (reading.generation < present && this.#isDone(sender, reading)) {
      reading.generation += 1
      reading.finished = new Set()
    }
    const streams = [...(sender.streamsOf(reading.generation)?.values() ?? [])]
    return streams.filter(({ id, facts }) => !reading.finished.has(facts.name) && !this.#subtasks.has(id))
  }

  #isDone(sender: Sender, { generation, finished }: Reading): boolean {
    const streams = sender.streamsOf(generation)
    if (streams === undefined) return true
    return sender.isEnded(generation) && [...streams.keys()].every((name) => finished.has(name))
  }

  #readingOf(sender: string): Reading {
    const known = this.#readings.get(sender)
    if (known !== undefined) return known
    const oldest = this.#store.sender(sender)?.generations[0] ?? 0
    const reading = { generation: this.#isRestored ? 0 : oldest, finished: new Set<string>() }
    this.#readings.set(sender, reading)
    return reading
  }

  #leastLoaded(): number {
    return this.#loads.indexOf(Math.min(...this.#loads))
  }

  #load(subtask: number, change: number): void {
    this.#loads[subtask] = (this.#loads[subtask] ?? 0) + change
  }
}

function nameOf(sender: string, stream: string): string {
  return `${sender}/${stream}`
}
