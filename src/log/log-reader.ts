// LogReader: reads the files of a log that a SegmentLog, in this thread or another, writes.
//
// Owns: its position, one open segment, the places it remembers. Does not own: the files, nor what of them is durable.
//
// I1. It gives what lies below the `end` it is told, and nothing else: bytes behind it may be torn, or taken back and written anew,
//     so of what it has read only records below the end of that time are used. What was below it is not taken back while the reader lives.
// I2. Records come in order without a gap: what is below `end` and cannot be read is LOG_CORRUPT, with its path and offset.
// I3. What is before its position may be removed at any time, the segment that it has open too.

import type { MillraceError } from '../errors.ts'
import { assert, present } from '../util/assert.ts'
import { type FileSystem, nodeFileSystem, type OpenFile } from '../util/file-system.ts'
import type { Frame } from './frame.ts'
import { badRecord, damaged, missing, wrapIo } from './log-failure.ts'
import type { Segment } from './segment.ts'
import { SegmentReader } from './segment-reader.ts'
import { listSegments, segmentOf } from './segments.ts'

export interface LogReaderOptions {
  readonly fileSystem?: FileSystem
  /** The segments of a log of this thread, which keeps them up to date; by default those that the directory lists. */
  readonly segments?: readonly Segment[]
}

/** A record of a log. */
export interface LogRecord {
  readonly sequence: number
  /** The reader's to keep. */
  readonly payload: Uint8Array
}

interface Opened {
  readonly segment: Segment
  readonly file: OpenFile
  readonly reader: SegmentReader
}

/** A reader of a log's records in order. One call at a time. */
export class LogReader {
  readonly #directory: string
  readonly #fs: FileSystem
  readonly #isListed: boolean
  #segments: readonly Segment[]
  #position: number
  #opened: Opened | undefined
  /** The record that the open segment's reader is before; less than the position after seek(). */
  #next = 0
  /** Records below had been synced when the reader's chunk was read (I1). */
  #trusted = 0
  #reading: Promise<unknown> = Promise.resolve()
  #isReading = false

  /** Begins before record `from`. Opens nothing yet. */
  constructor(directory: string, from: number, { fileSystem, segments }: LogReaderOptions = {}) {
    this.#directory = directory
    this.#fs = fileSystem ?? nodeFileSystem
    this.#isListed = segments === undefined
    this.#segments = segments ?? []
    this.#position = from
  }

  /** Of the next record. */
  get position(): number {
    return this.#position
  }

  /**
   * Records from the position on and below `end`, which were all synced: up to about `bytesMax` of payload, at least one if there is
   * one. Payloads are the reader's to keep; small ones share chunks of 1 MiB. Throws LOG_CORRUPT, IO.
   */
  read(end: number, bytesMax: number): Promise<readonly LogRecord[]> {
    assert(!this.#isReading, 'a log is read by one call at a time')
    this.#isReading = true
    const reading = this.#read(end, bytesMax).finally(() => {
      this.#isReading = false
    })
    this.#reading = reading.catch(() => {})
    return reading
  }

  /** Goes to before record `to`, which must still be there when it is read. */
  seek(to: number): void {
    assert(!this.#isReading, 'a log is not sought in while it is read')
    this.#position = to
  }

  /** Waits for what is being read, and lets go of the files; read() opens them again. */
  async close(): Promise<void> {
    await this.#reading
    await this.#leave()
  }

  async #read(end: number, bytesMax: number): Promise<readonly LogRecord[]> {
    if (this.#position >= end) return []
    if (this.#opened === undefined || this.#next !== this.#position) await this.#enter()
    const records: LogRecord[] = []
    let position = this.#position
    let bytes = 0
    while (position < end && (bytes < bytesMax || bytes === 0)) {
      const frame = this.#take() ?? (await this.#fetch(end))
      if (frame.mark || frame.sequence < position) continue
      records.push({ sequence: position, payload: frame.payload })
      position += 1
      bytes += frame.bytes
    }
    // Here and not in between, so that a read that throws has not moved.
    this.#position = position
    if (position >= this.#trusted) this.#opened?.reader.forget()
    return records
  }

  /** The next frame of the chunk, if it has one that can be relied on. */
  #take(): Frame | undefined {
    if (this.#next >= this.#trusted) return undefined
    const { segment, reader } = this.#open
    const { offset } = reader
    return this.#checked(reader.take(), segment, offset)
  }

  /** The next frame, read anew, from the next segment if this one is read out. */
  async #fetch(end: number): Promise<Frame> {
    this.#trusted = end
    for (;;) {
      const { segment, reader } = this.#open
      const { offset } = reader
      const frame = await wrapIo('read', segment.path, () => reader.read())
      if (frame !== undefined) return this.#checked(frame, segment, offset)
      await this.#goOn()
    }
  }

  #checked<F extends Frame | undefined>(frame: F, segment: Segment, offset: number): F {
    if (frame === undefined) return frame
    if (frame.sequence !== this.#next) throw damaged(segment.path, offset, badRecord(this.#next, frame.sequence))
    if (frame.mark) return frame
    segment.note(frame.sequence, offset)
    this.#next += 1
    return frame
  }

  get #open(): Opened {
    return present(this.#opened, 'the open segment')
  }

  /** To the nearest remembered place before the position. */
  async #enter(): Promise<void> {
    await this.#leave()
    for (let tried: Segment | undefined; ; ) {
      await this.#list()
      const segment = segmentOf(this.#segments, this.#position)
      if (segment === undefined) throw this.#missing(this.#position)
      const isTheSame = segment === tried
      tried = segment
      try {
        const { sequence, offset } = segment.seek(this.#position)
        await this.#openAt(segment, sequence, offset)
        return
      } catch (error) {
        // It may have been removed since it was listed: then the list says what is left.
        if (isTheSame || !this.#isListed) throw error
      }
    }
  }

  /** There is no good frame where the next record should be: right only if the segment ends here and another begins with it. */
  async #goOn(): Promise<void> {
    const { segment, reader } = this.#open
    await this.#list()
    const following = this.#segments.find((one) => one.first === this.#next && one !== segment)
    if (following === undefined && (this.#segments[0]?.first ?? 0) > this.#next) throw this.#missing(this.#next)
    if (following === undefined || !reader.isAtEnd) {
      throw damaged(segment.path, reader.offset, badRecord(this.#next, undefined))
    }
    await this.#leave()
    await this.#openAt(following, following.first, 0)
  }

  async #openAt(segment: Segment, sequence: number, offset: number): Promise<void> {
    const file = await wrapIo('read', segment.path, () => this.#fs.open(segment.path, 'read'))
    this.#opened = { segment, file, reader: new SegmentReader(file, offset) }
    this.#next = sequence
  }

  async #leave(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    if (opened !== undefined) await wrapIo('close', opened.segment.path, () => opened.file.close())
  }

  async #list(): Promise<void> {
    if (!this.#isListed) return
    const list = (): Promise<Segment[]> => listSegments(this.#fs, this.#directory, this.#segments)
    this.#segments = await wrapIo('list', this.#directory, list)
  }

  #missing(sequence: number): MillraceError {
    return missing(this.#directory, sequence, `from ${this.#segments[0]?.first} on`)
  }
}
