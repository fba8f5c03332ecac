import { join } from 'node:path'

const NAME = /^(\d{16})\.v1\.log$/
const INDEX_STRIDE_BYTES = 1 << 16

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
  seek(sequence: number): { readonly sequence: number; readonly offset: number } {
    let low = 0
    let high = this.#sequences.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sequences[middle] as number) <= sequence) low = middle + 1
      else high = middle
    }
    return { sequence: this.#sequences[low - 1] ?? this.first, offset: this.#offsets[low - 1] ?? 0 }
  }

  /** The file was cut to `bytes`. */
  cut(bytes: number): void {
    this.bytes = bytes
    while ((this.#offsets.at(-1) ?? -1) >= bytes) {
      this.#offsets.pop()
      this.#sequences.pop()
    }
  }
}

/** Sorts as the sequences do. */
function segmentName(first: number): string {
  return `${String(first).padStart(16, '0')}.v1.log`
}

/** The sequence in a segment's name, or undefined if it is not the name of a segment of this release. */
export function segmentFirst(name: string): number | undefined {
  const match = NAME.exec(name)
  return match === null ? undefined : Number(match[1])
}
