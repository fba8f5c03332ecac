// SegmentLog: an append-only queue of records on disk, numbered without gaps, cut at either end.
//
// Owns: the files of one directory; which records are written and which are durable.
// Does not own: what a record means; who may open the directory (one SegmentLog at a time: the job's lock sees to that).
//
// I1. What sync() has confirmed is there after any crash; of what it has not, a prefix is there and nothing is half there.
// I2. Records are numbered from the first on without a gap, in the order of append(); truncateAfter alone turns numbers back.
// I3. Only the last segment can have a torn tail: a segment is synced before the next one is made.
// I4. Nothing bad is ever skipped: a bad frame that had been durable is LOG_CORRUPT, with its path and offset.
// I5. After a failed write or sync nothing more is accepted: what the disk then holds is known only by opening it again.
// I6. Creations and removals of segments are synced in the directory before anyone relies on them.
// I7. What open() finds and no mark calls durable is written again before it is synced: after a failed sync it may be on no disk,
//     though it can be read and another sync would succeed.
//
// Checksums: CRC-32C, over all of a frame but the checksum. A record is durable with one fdatasync, shared by all that wait for it.
// Behind every sync a mark is written that says so (not synced itself): it lets recovery tell damage (I4) from a torn tail (I1).
// There is no index on disk that could be lost: the sparse one of each segment is in memory, built as its records are written or read.
// open() reads the last segment, and nothing of the others but their length.

import { dirname } from 'node:path'
import { MillraceError } from '../errors.ts'
import { assert, present } from '../util/assert.ts'
import { type Deferred, deferred } from '../util/deferred.ts'
import { type FileSystem, nodeFileSystem, type OpenFile } from '../util/file-system.ts'
import { bytesOf, encodeHeader, encodeMark, encodeRecord, HEADER_BYTES, PAYLOAD_BYTES_MAX } from './frame.ts'
import { badRecord, damaged, missing, wrapIo } from './log-failure.ts'
import { LogReader, type LogRecord } from './log-reader.ts'
import { recoverTail } from './recover-tail.ts'
import { Segment } from './segment.ts'
import { SegmentReader } from './segment-reader.ts'
import { bytesFrom, listSegments, segmentOf } from './segments.ts'

export interface SegmentLogOptions {
  /** Sequence of the first record of a log that is made now. Default 0. */
  readonly first?: number
  /** A segment that has reached this is closed. Default: an eighth of bytesMax, at most 64 MiB and at least 64 KiB. */
  readonly segmentBytes?: number
  /** ready() makes writers wait while the log is larger than this. Default: no limit. */
  readonly bytesMax?: number
  /** Bytes appended but not yet given to the file system beyond which ready() makes writers wait. Default 8 MiB. */
  readonly bufferBytesMax?: number
  readonly fileSystem?: FileSystem
}

/** A record that is not written yet: the parts of its frame. */
interface Pending {
  readonly parts: readonly Uint8Array[]
  readonly bytes: number
}

const SEGMENT_BYTES_MAX = 64 << 20
const SEGMENT_BYTES_MIN = 64 << 10
const READ_BYTES = 1 << 20

/** A durable queue in a directory of its own. All methods may be called at any time; they take effect in the order called. */
export class SegmentLog {
  readonly #directory: string
  readonly #fs: FileSystem
  readonly #segmentBytes: number
  readonly #bytesMax: number
  readonly #bufferBytesMax: number
  /** Oldest first; the last one is written to. Never empty. */
  readonly #segments: Segment[]
  /** Of all segments but the last one. */
  #closedBytes = 0
  #file: OpenFile
  #next: number
  /** Records below are written, not necessarily durable. */
  #written: number
  /** Records below are durable. */
  #durable: number
  #buffer: Pending[] = []
  #bufferBytes = 0
  /** The last piece of work on the files: each waits for the one before. */
  #work: Promise<unknown> = Promise.resolve()
  #queuedSync: Promise<void> | undefined
  #queuedWrite = false
  #waiting: Deferred | undefined
  #failure: MillraceError | undefined
  #takingBack = false
  #closed = false

  private constructor(
    directory: string,
    options: SegmentLogOptions,
    segments: Segment[],
    file: OpenFile,
    next: number,
  ) {
    this.#directory = directory
    this.#fs = options.fileSystem ?? nodeFileSystem
    this.#bytesMax = options.bytesMax ?? Number.POSITIVE_INFINITY
    this.#segmentBytes =
      options.segmentBytes ?? Math.max(SEGMENT_BYTES_MIN, Math.min(SEGMENT_BYTES_MAX, this.#bytesMax / 8))
    this.#bufferBytesMax = options.bufferBytesMax ?? 8 << 20
    this.#segments = segments
    this.#file = file
    this.#next = next
    this.#written = next
    this.#durable = next
    this.#countClosed()
  }

  /** Opens or makes the log of a directory and repairs what a crash left torn. Throws LOG_CORRUPT, IO. */
  static async open(directory: string, options: SegmentLogOptions = {}): Promise<SegmentLog> {
    const fs = options.fileSystem ?? nodeFileSystem
    return wrapIo('open', directory, async () => {
      await fs.makeDirectory(directory)
      for (const entries of [directory, ...parentsOf(directory)]) await fs.syncDirectory(entries)
      const segments = await openSegments(fs, directory)
      if (segments.length === 0) segments.push(await createSegment(fs, directory, options.first ?? 0))
      const last = present(segments.at(-1), 'the last segment')
      const file = await fs.open(last.path, 'write')
      try {
        return new SegmentLog(directory, options, segments, file, await recoverTail(file, last))
      } catch (error) {
        await file.close()
        throw error
      }
    })
  }

  /** The oldest record kept; equal to nextSequence if there is none. */
  get firstSequence(): number {
    return present(this.#segments[0], 'the first segment').first
  }

  /** The number the next append() gets. */
  get nextSequence(): number {
    return this.#next
  }

  /** Every record below is durable. */
  get durableSequence(): number {
    return this.#durable
  }

  /** Whether it broke (I5): close it and open it again. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** Bytes of all segments and of what is buffered. */
  get bytes(): number {
    return this.#closedBytes + this.#tail.bytes + this.#bufferBytes
  }

  /** About how many of the bytes are those of the records from `sequence` on. */
  bytesFrom(sequence: number): number {
    const unwritten = this.#next - this.#written
    const buffered = Math.max(0, Math.min(unwritten, this.#next - sequence))
    const buffer = unwritten === 0 ? 0 : Math.round((this.#bufferBytes * buffered) / unwritten)
    return buffer + bytesFrom(this.#segments, sequence, this.#written)
  }

  /** Adds a record (copied) and returns its number. Durable after the next sync(). Throws what broke the log, if anything did. */
  append(payload: Uint8Array): number {
    return this.#append([payload], (sequence) => [encodeRecord(sequence, this.#durable, payload)])
  }

  /** append() without the copy: the parts of the payload are the log's, and must not be changed any more. Worth it from some KiB on. */
  appendOwned(...payload: readonly Uint8Array[]): number {
    return this.#append(payload, (sequence) => [encodeHeader(sequence, this.#durable, payload), ...payload])
  }

  /**
   * Back-pressure: undefined if the log takes more now, else a promise to await before the next append().
   * append() itself never refuses and never drops; the bounds hold for callers who ask first.
   */
  ready(): Promise<void> | undefined {
    this.#check()
    if (this.#hasRoom()) return undefined
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  /** Resolves when every record appended before this call is durable. Callers that wait at the same time share one fsync. */
  sync(): Promise<void> {
    if (this.#queuedSync !== undefined) return this.#queuedSync
    const queued = this.#enqueue('sync', () => {
      // From here on a caller may have appended after us: it needs a sync of its own.
      this.#queuedSync = undefined
      return this.#writeAndSync()
    })
    this.#queuedSync = queued
    return queued
  }

  /**
   * The records from `sequence` up to the last one appended when the iteration begins, also while more are appended.
   * What is being read must not be truncated. Throws LOG_CORRUPT.
   */
  async *readFrom(sequence: number): AsyncGenerator<LogRecord, void, undefined> {
    const end = this.#next
    if (sequence > end) throw this.missing(sequence)
    if (sequence === end) return
    await this.#enqueue('write', () => this.#writeBuffer())
    if (sequence < this.firstSequence) throw this.missing(sequence)
    const reader = new LogReader(this.#directory, sequence, { fileSystem: this.#fs, segments: this.#segments })
    try {
      while (reader.position < end) yield* await reader.read(end, READ_BYTES)
    } finally {
      await reader.close()
    }
  }

  /** Gives up records before `sequence`: removes the segments that hold nothing else. */
  truncateBefore(sequence: number): Promise<void> {
    return this.#enqueue('truncate', async () => {
      // A log that is full of records nobody needs must not stay large because they are in the segment being written.
      const { bytes } = this.#tail
      const isLarge = bytes >= this.#segmentBytes / 4 || this.bytes >= this.#bytesMax
      if (sequence >= this.#written && bytes > 0 && isLarge) await this.#roll()
      let removed = false
      while ((this.#segments[1]?.first ?? Number.POSITIVE_INFINITY) <= sequence) {
        await this.#fs.remove(present(this.#segments.shift(), 'a segment').path)
        removed = true
      }
      this.#countClosed()
      if (removed) await this.#fs.syncDirectory(this.#directory)
      this.#wakeWriters()
    })
  }

  /** Takes back every record after `sequence`, durably: the next append() gets sequence + 1. -1 takes back all. */
  async truncateAfter(sequence: number): Promise<void> {
    this.#takingBack = true
    try {
      await this.#enqueue('truncate', async () => {
        await this.#writeBuffer()
        if (sequence >= this.#written) throw this.missing(sequence)
        if (sequence < this.#written - 1) await this.#takeBack(sequence)
      })
    } finally {
      this.#takingBack = false
    }
  }

  /** Syncs and lets go of the files. */
  async close(): Promise<void> {
    if (this.#closed) return
    try {
      if (this.#failure === undefined) await this.sync()
    } finally {
      this.#closed = true
      await this.#work
      this.#waiting?.resolve()
      await this.#file.close()
    }
  }

  #append(payload: readonly Uint8Array[], partsOf: (sequence: number) => readonly Uint8Array[]): number {
    this.#check()
    assert(!this.#takingBack, 'nothing is appended while truncateAfter() runs')
    const payloadBytes = bytesOf(payload)
    assert(payloadBytes <= PAYLOAD_BYTES_MAX, `a log record has at most ${PAYLOAD_BYTES_MAX} bytes`)
    const sequence = this.#next
    const parts = partsOf(sequence)
    const bytes = HEADER_BYTES + payloadBytes
    this.#next += 1
    this.#buffer.push({ parts, bytes })
    this.#bufferBytes += bytes
    if (this.#bufferBytes >= this.#bufferBytesMax / 2 && !this.#queuedWrite) {
      this.#queuedWrite = true
      // A failure is kept in #failure and thrown by the next call.
      this.#enqueue('write', () => this.#writeBuffer()).catch(() => {})
    }
    return sequence
  }

  get #tail(): Segment {
    return present(this.#segments.at(-1), 'the last segment')
  }

  #check(): void {
    assert(!this.#closed, `the log ${this.#directory} is used after close()`)
    if (this.#failure !== undefined) throw this.#failure
  }

  #hasRoom(): boolean {
    return this.#bufferBytes < this.#bufferBytesMax && this.bytes < this.#bytesMax
  }

  #countClosed(): void {
    this.#closedBytes = this.#segments.reduce((sum, { bytes }) => sum + bytes, -this.#tail.bytes)
  }

  #wakeWriters(): void {
    if (this.#waiting === undefined || !this.#hasRoom()) return
    this.#waiting.resolve()
    this.#waiting = undefined
  }

  /** Runs after all work asked for before. A failure breaks the log (I5), except for damage found, which changed nothing. */
  #enqueue<T>(action: string, work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(async () => {
      this.#check()
      return wrapIo(action, this.#directory, work)
    })
    this.#work = result.catch((error: unknown) => {
      if (error instanceof MillraceError && error.code === 'IO') this.#fail(error)
    })
    return result
  }

  #fail(error: MillraceError): void {
    this.#failure ??= error
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  /** Gives the buffer to the file system, over as many segments as it takes. */
  async #writeBuffer(): Promise<void> {
    this.#queuedWrite = false
    while (this.#buffer.length > 0) {
      const room = this.#segmentBytes - this.#tail.bytes
      if (this.#tail.bytes > 0 && (this.#buffer[0]?.bytes ?? 0) > room) await this.#roll()
      await this.#writeFrames(this.#takeFrames(this.#segmentBytes - this.#tail.bytes))
      this.#wakeWriters()
    }
  }

  /** Frames from the head of the buffer that fit into `room`, at least one. They stay counted until they are written. */
  #takeFrames(room: number): Pending[] {
    let bytes = 0
    let count = 0
    for (const frame of this.#buffer) {
      if (count > 0 && bytes + frame.bytes > room) break
      bytes += frame.bytes
      count += 1
    }
    return this.#buffer.splice(0, count)
  }

  async #writeFrames(frames: readonly Pending[]): Promise<void> {
    const segment = this.#tail
    const parts: Uint8Array[] = []
    for (const frame of frames) parts.push(...frame.parts)
    await this.#file.write(parts, segment.bytes)
    for (const { bytes } of frames) {
      segment.note(this.#written, segment.bytes)
      segment.bytes += bytes
      this.#bufferBytes -= bytes
      this.#written += 1
    }
  }

  async #writeAndSync(): Promise<void> {
    await this.#writeBuffer()
    if (this.#durable === this.#written) return
    await this.#file.sync()
    this.#durable = this.#written
    const mark = encodeMark(this.#written, this.#durable)
    await this.#file.write([mark], this.#tail.bytes)
    this.#tail.bytes += mark.length
  }

  /** Ends the last segment, durably (I3), and begins another. */
  async #roll(): Promise<void> {
    await this.#file.sync()
    this.#durable = this.#written
    await this.#file.close()
    this.#segments.push(await createSegment(this.#fs, this.#directory, this.#written))
    this.#file = await this.#fs.open(this.#tail.path, 'write')
    this.#countClosed()
  }

  async #takeBack(sequence: number): Promise<void> {
    const segment = present(segmentOf(this.#segments, sequence) ?? this.#segments[0], 'a segment')
    // Found before anything is changed: damage met here leaves the log as it was.
    const bytes = sequence < segment.first ? 0 : await this.#endOf(segment, sequence)
    await this.#removeSegmentsBehind(segment)
    await this.#file.truncate(bytes)
    await this.#file.sync()
    segment.cut(bytes)
    this.#countClosed()
    if (sequence + 1 < segment.first) await this.#renumber(sequence + 1)
    this.#next = sequence + 1
    this.#written = this.#next
    this.#durable = this.#next
    this.#wakeWriters()
  }

  /** Newest first, so that a crash leaves a log without gaps. */
  async #removeSegmentsBehind(segment: Segment): Promise<void> {
    if (this.#tail === segment) return
    await this.#file.close()
    while (this.#tail !== segment) {
      await this.#fs.remove(this.#tail.path)
      this.#segments.pop()
    }
    await this.#fs.syncDirectory(this.#directory)
    this.#file = await this.#fs.open(segment.path, 'write')
  }

  /** All is taken back, to before the oldest record: the one empty file gets the name of the record to come. */
  async #renumber(next: number): Promise<void> {
    const renamed = new Segment(this.#directory, next, 0)
    await this.#file.close()
    await this.#fs.rename(this.#tail.path, renamed.path)
    await this.#fs.syncDirectory(this.#directory)
    this.#segments[0] = renamed
    this.#file = await this.#fs.open(renamed.path, 'write')
  }

  async #endOf(segment: Segment, sequence: number): Promise<number> {
    const file = await this.#fs.open(segment.path, 'read')
    try {
      const start = segment.seek(sequence)
      const reader = new SegmentReader(file, start.offset)
      for (;;) {
        const { offset } = reader
        const frame = reader.take() ?? (await reader.read())
        if (frame === undefined) throw damaged(segment.path, offset, badRecord(sequence, undefined))
        if (!frame.mark && frame.sequence === sequence) return reader.offset
      }
    } finally {
      await file.close()
    }
  }

  /** LOG_CORRUPT: what is said of a record that should be here and is not. */
  missing(sequence: number): MillraceError {
    return missing(this.#directory, sequence, `${this.firstSequence} to before ${this.#next}`)
  }
}

/**
 * The directories whose entries lead to a log: it lies at most this deep in its job's. Synced at each open, as the log's own is, for
 * whoever made them may have been killed before syncing.
 */
function parentsOf(directory: string): string[] {
  const parents = [dirname(directory)]
  while (parents.length < PARENTS_MAX) parents.push(dirname(present(parents.at(-1), 'a parent')))
  return parents
}

const PARENTS_MAX = 3

async function openSegments(fs: FileSystem, directory: string): Promise<Segment[]> {
  const segments = await listSegments(fs, directory)
  for (const segment of segments) {
    const file = await fs.open(segment.path, 'read')
    try {
      segment.bytes = await file.size()
    } finally {
      await file.close()
    }
  }
  return segments
}

async function createSegment(fs: FileSystem, directory: string, first: number): Promise<Segment> {
  const segment = new Segment(directory, first, 0)
  const file = await fs.open(segment.path, 'create')
  await file.close()
  await fs.syncDirectory(directory)
  return segment
}
