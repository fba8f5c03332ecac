import { join } from 'node:path'

const NAME = /^(\d{16})\.v2\.log$/
const INDEX_STRIDE_BYTES = 1 << 16

/** A place in a segment: the record that begins at `offset`. */
export interface Place {
  readonly sequence: number
  readonly offset: number
}

/** A file of a log: the sequence it begins with, how long it is, and where some of its records begin. */
export class Segment {
  readonly first: number
  readonly path: string
  bytes: number
  /** Sparse: sequences and offsets of records that begin at least a stride apart, growing. */
  readonly #sequences: number[] = []
  readonly #offsets: number[] = []

  constructor(directory: string, first: number, bytes: number) {
    this.first = first
    this.path = join(directory, segmentName(first))
    this.bytes = bytes
  }

  /** Remembers where a record begins, if the last one remembered is far enough behind. */
  note(sequence: number, offset: number): void {
    if (offset < (this.#offsets.at(-1) ?? 0) + INDEX_STRIDE_BYTES) return
    this.#sequences.push(sequence)
    this.#offsets.push(offset)
  }

  /** The nearest remembered place at or before a record. */
  seek(sequence: number): Place {
    const i = this.#behind(sequence) - 1
    return { sequence: this.#sequences[i] ?? this.first, offset: this.#offsets[i] ?? 0 }
  }

  /** About how many bytes the records from `sequence` on have, by the remembered places around it; `end` is the next segment's first. */
  bytesFrom(sequence: number, end: number): number {
    if (sequence <= this.first) return this.bytes
    if (sequence >= end) return 0
    const before = this.seek(sequence)
    const i = this.#behind(sequence)
    const records = (this.#sequences[i] ?? end) - before.sequence
    const bytes = (this.#offsets[i] ?? this.bytes) - before.offset
    return Math.round(this.bytes - before.offset - (bytes * (sequence - before.sequence)) / records)
  }

  /** The file was cut to `bytes`. */
  cut(bytes: number): void {
    this.bytes = bytes
    while ((this.#offsets.at(-1) ?? -1) >= bytes) {
      this.#offsets.pop()
      this.#sequences.pop()
    }
  }

  /** Which remembered place is the first one behind a record. */
  #behind(sequence: number): number {
    let low = 0
    let high = this.#sequences.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sequences[middle] as number) <= sequence) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Sorts as the sequences do. */
function segmentName(first: number): string {
  return `${String(first).padStart(16, '0')}.v2.log`
}

/** The sequence in a segment's name, or undefined if it is not the name of a segment of this release. */
export function segmentFirst(name: string): number | undefined {
  const match = NAME.exec(name)
  return match === null ? undefined : Number(match[1])
}
