// GtidSet: the transactions a MySQL server has executed, as `uuid:1-5:9,uuid:tag:1-3`.
//
// Owns: for each source (a server's uuid, or uuid:tag) the numbers it has, as ranges.
//
// I1. A source's ranges ascend, and between two of them at least one number is missing: the set has one form only.
// I2. Adding the number that follows a source's last one is O(1), and printing after it does not print the ranges again:
//     this happens for each transaction of the log.

import { MillraceError } from '../../errors.ts'

/** Transactions by their GTIDs: a MySQL GTID set or a MariaDB GTID position. */
export interface Gtids {
  /** Takes in one more transaction, later in the log than those it has. Throws SOURCE_FAILED for what is no GTID. */
  add(gtid: string): void
  contains(gtid: string): boolean
  /** Whether the other has all of these. */
  within(other: Gtids): boolean
  readonly isEmpty: boolean
  /** As the server prints it, without line breaks. */
  toString(): string
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const TAG = /^[a-z_][a-z0-9_]{0,31}$/
const RANGE = /^(\d+)(?:-(\d+))?$/

/** A source's numbers: from, to, from, to, … (both inclusive). */
interface Source {
  readonly ranges: number[]
  /** What is printed before the end of the last range; undefined when it is to be made anew. */
  head: string | undefined
}

export class GtidSet implements Gtids {
  readonly #sources = new Map<string, Source>()
  /** The sources' names in the order they are printed. */
  #order: string[] = []

  /** White space is left out. Throws SOURCE_FAILED. */
  static parse(text: string): GtidSet {
    const set = new GtidSet()
    for (const block of text.toLowerCase().replaceAll(/\s/g, '').split(','))
      if (block !== '') set.#addBlock(block, text)
    return set
  }

  get isEmpty(): boolean {
    return this.#sources.size === 0
  }

  add(gtid: string): void {
    const at = gtid.lastIndexOf(':')
    const number = Number(gtid.slice(at + 1))
    if (at < 0 || !isNumber(number)) throw notGtids(gtid)
    this.addNumber(gtid.slice(0, at), number)
  }

  /** The same as add(), of a GTID that is in parts already; the source in lower case. */
  addNumber(source: string, number: number): void {
    const { ranges } = this.#source(source)
    const last = ranges.length - 1
    if (last > 0 && ranges[last] === number - 1) ranges[last] = number
    else this.addRange(source, number, number)
  }

  /** Takes in all of the other's. */
  addAll(other: GtidSet): void {
    for (const [name, { ranges }] of other.#sources)
      for (let i = 0; i < ranges.length; i += 2) this.addRange(name, ranges[i] as number, ranges[i + 1] as number)
  }

  /** Both ends are in it. */
  addRange(name: string, from: number, to: number): void {
    const source = this.#source(name)
    const { ranges } = source
    // Ranges that overlap or touch the new one become one with it.
    const first = firstEndingAt(ranges, from - 1)
    let behind = first
    while (behind < ranges.length && (ranges[behind] as number) <= to + 1) behind += 2
    const merged = behind > first
    const start = merged ? Math.min(from, ranges[first] as number) : from
    const end = merged ? Math.max(to, ranges[behind - 1] as number) : to
    ranges.splice(first, behind - first, start, end)
    source.head = undefined
  }

  contains(gtid: string): boolean {
    const at = gtid.lastIndexOf(':')
    const number = Number(gtid.slice(at + 1))
    return covers(this.#sources.get(gtid.slice(0, at))?.ranges, number, number)
  }

  within(other: GtidSet): boolean {
    for (const [name, { ranges }] of this.#sources) {
      const theirs = other.#sources.get(name)?.ranges
      for (let i = 0; i < ranges.length; i += 2)
        if (!covers(theirs, ranges[i] as number, ranges[i + 1] as number)) return false
    }
    return true
  }

  /** Those of these that the other has not. */
  minus(other: GtidSet): GtidSet {
    const rest = new GtidSet()
    for (const [name, { ranges }] of this.#sources) {
      const theirs = other.#sources.get(name)?.ranges ?? []
      for (let i = 0; i < ranges.length; i += 2) {
        let from = ranges[i] as number
        const to = ranges[i + 1] as number
        for (let j = firstEndingAt(theirs, from); j < theirs.length && (theirs[j] as number) <= to; j += 2) {
          if ((theirs[j] as number) > from) rest.addRange(name, from, (theirs[j] as number) - 1)
          from = (theirs[j + 1] as number) + 1
        }
        if (from <= to) rest.addRange(name, from, to)
      }
    }
    return rest
  }

  toString(): string {
    let text = ''
    let before = ''
    for (const name of this.#order) {
      const uuid = name.slice(0, 36)
      // Tags stand in the block of their uuid: uuid:1-5:tag:1-3.
      text += uuid === before ? name.slice(36) : text === '' ? name : `,${name}`
      text += printed(this.#sources.get(name) as Source)
      before = uuid
    }
    return text
  }

  #source(name: string): Source {
    const known = this.#sources.get(name)
    if (known !== undefined) return known
    if (!isSource(name)) throw notGtids(name)
    const source: Source = { ranges: [], head: undefined }
    this.#sources.set(name, source)
    this.#order = [...this.#sources.keys()].sort()
    return source
  }

  #addBlock(block: string, text: string): void {
    const [uuid = '', ...items] = block.split(':')
    let name = uuid
    let empty = true
    for (const item of items) {
      const range = RANGE.exec(item)
      if (range === null) {
        if (empty && name !== uuid) throw notGtids(text)
        name = `${uuid}:${item}`
        empty = true
        continue
      }
      const from = Number(range[1])
      const to = Number(range[2] ?? range[1])
      if (!isSource(name) || !isNumber(from) || !isNumber(to) || to < from) throw notGtids(text)
      this.addRange(name, from, to)
      empty = false
    }
    if (empty) throw notGtids(text)
  }
}

/** Index of the first range that ends at or behind the number. */
function firstEndingAt(ranges: readonly number[], number: number): number {
  let low = 0
  let high = ranges.length / 2
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[2 * middle + 1] as number) < number) low = middle + 1
    else high = middle
  }
  return 2 * low
}

function covers(ranges: readonly number[] | undefined, from: number, to: number): boolean {
  if (ranges === undefined) return false
  const at = firstEndingAt(ranges, from)
  return at < ranges.length && (ranges[at] as number) <= from && to <= (ranges[at + 1] as number)
}

function printed(source: Source): string {
  const { ranges } = source
  const last = ranges.length - 1
  const to = ranges[last] as number
  const from = ranges[last - 1] as number
  if (source.head === undefined) {
    let head = ''
    for (let i = 0; i < last - 1; i += 2)
      head += ranges[i] === ranges[i + 1] ? `:${ranges[i]}` : `:${ranges[i]}-${ranges[i + 1]}`
    source.head = `${head}:${from}`
  }
  return from === to ? source.head : `${source.head}-${to}`
}

function isSource(name: string): boolean {
  return UUID.test(name.slice(0, 36)) && (name.length === 36 || (name[36] === ':' && TAG.test(name.slice(37))))
}

/** Numbers are of 63 bits on the server; one beyond 2^53 would take a century of 2.8 million transactions a second. */
function isNumber(number: number): boolean {
  return number >= 1 && Number.isSafeInteger(number)
}

function notGtids(text: string): MillraceError {
  const reason = `"${text}" is not a set of GTIDs: expected uuid:1-5 or uuid:tag:1-5, joined by commas`
  return new MillraceError('SOURCE_FAILED', { node: '?', reason })
}
