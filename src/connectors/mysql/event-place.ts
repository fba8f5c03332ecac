// EventPlace: where in the log the event is that was taken last.
//
// Owns: the file that is read, where the next event begins, and when the file was begun.
//
// I1. Where the server sends each event of a file (`strict`), one that does not begin where the one before it ended is an error: each byte
//     is accounted for. Elsewhere gaps are passed: transactions that a reader by GTIDs has, and MariaDB's annotations.

import { EventType, type LogEvent } from './log/event.ts'
import type { MysqlOffset } from './offset.ts'
import { sourceFailed } from './server.ts'

/** Set in events that are not in the file: made up for the dump. */
const ARTIFICIAL_FLAG = 0x20

/** Events that are made up for the dump where they have no end; others without an end are inside a MariaDB's transaction. */
const MADE_UP: ReadonlySet<number> = new Set([EventType.rotate, EventType.formatDescription, EventType.mariadbGtidList])

/** Positions are told in 32 bits, and a file may be longer: a gap beyond this is one backwards. */
const GAP_MAX = 2 ** 31

export class EventPlace {
  readonly #strict: boolean
  #file = ''
  #pos = 0
  #created = 0
  #next = 0
  #rotated: { readonly file: string; readonly pos: number } | undefined

  constructor(from: MysqlOffset, strict: boolean) {
    this.#next = from.pos
    this.#strict = strict
  }

  /** '' before the first event. */
  get file(): string {
    return this.#file
  }

  /** Where the event begins. */
  get pos(): number {
    return this.#pos
  }

  /** Where it ends, and the next one of the file begins. */
  get next(): number {
    return this.#next
  }

  /** When the file was begun, in ms: its first event's time. 0 before that. */
  get created(): number {
    return this.#created
  }

  /** Throws SOURCE_FAILED if an event is missing before this one. */
  moveTo(event: LogEvent): void {
    const { type, end, size, flags } = event
    if (this.#rotated !== undefined) {
      this.#file = this.#rotated.file
      this.#next = this.#rotated.pos
      this.#rotated = undefined
    }
    if (type === EventType.heartbeat || type === EventType.heartbeatV2) return
    if (type === EventType.formatDescription) this.#created = event.timestampMs
    if (type === EventType.rotate)
      this.#rotated = { file: event.body.toString('utf8', 8), pos: Number(event.body.readBigUInt64LE(0)) }
    const inFile = (flags & ARTIFICIAL_FLAG) === 0 && (end !== 0 || !MADE_UP.has(type))
    this.#pos = this.#next + (inFile && end !== 0 ? this.#gap(end, size) : 0)
    this.#next = this.#pos + (inFile ? size : 0)
  }

  /** Bytes between the event before and this one. */
  #gap(end: number, size: number): number {
    const gap = (end - this.#next - size) >>> 0
    if (gap === 0 || (!this.#strict && gap < GAP_MAX)) return gap
    throw sourceFailed(
      `an event of ${size} bytes that ends at ${end} of ${this.#file} came where one was to begin at ${this.#next}: what is between did not come`,
    )
  }
}
