// ChangeReader: reads chunks of tables, and the log if it was given it.
//
// Owns: its chunks and how far each is read; the log reader.
// Does not own: which chunks there are, when a table's snapshot is complete (the enumerator's).
//
// I1. What snapshot() gives covers exactly the rows emitted: a chunk goes on with the part behind the last one emitted.
// I2. A chunk that is read stays in the snapshot until the enumerator acknowledges it, which it does only when every later
//     checkpoint of its own holds the chunk as read.
// I3. Rows of a chunk come by key, not by time: they are of no split (lastSplit) as far as event time goes, which waits until the chunk is
//     read.

import type { Polled, ReaderContext, SourceReader } from '../../contract/source-function.ts'
import { BATCH_RECORDS, batchOf } from '../../record/batch.ts'
import type { Change, ChangeSource, TableSchema } from '../../record/change.ts'
import { deferred } from '../../util/deferred.ts'
import { readExactly } from './backfill.ts'
import type { ChangeSplit, ChunkPart, ChunkSplit, LogSplit, ToEnumerator, ToReader } from './change-split.ts'
import { LogReader } from './log-reader.ts'
import type { ChangeSourceOptions } from './options.ts'
import type { ChangePort, Offset } from './port.ts'
import { Rewind } from './rewind.ts'
import { schemaChange, schemaText } from './schema-change.ts'

/** Rows of a chunk that are emitted at once, and read at one moment. */
const PART_RECORDS_MAX = 8 * BATCH_RECORDS

/** Pages of the log taken in at one call. */
const REWIND_PAGES = 8

export class ChangeReader<Row> implements SourceReader<Change<Row>, ChangeSplit> {
  readonly #port: ChangePort<Row>
  readonly #options: ChangeSourceOptions
  readonly #context: ReaderContext
  /** Not read to the end; the first is being read. */
  #chunks: ChunkSplit[] = []
  /** Read, not acknowledged. */
  readonly #done = new Map<string, ChunkSplit>()
  #log: LogReader<Row> | undefined
  #logTurn = true
  #lastSplit: string | undefined
  /** The chunk of which this reader has read a part. */
  #begun: string | undefined
  #rewind: { readonly table: string; readonly rewind: Rewind<Row> } | undefined
  #noMoreSplits = false
  #hold: Offset | undefined
  /** The log's position at each checkpoint that is under way. */
  readonly #positions = new Map<number, Offset>()
  readonly #schemas = new Map<string, string>()
  #nextTick: number
  #wake = deferred()
  #closed = false

  constructor(port: ChangePort<Row>, options: ChangeSourceOptions, context: ReaderContext) {
    this.#port = port
    this.#options = options
    this.#context = context
    this.#nextTick = this.#ticks ? context.clock.monotonic() + options.discoveryIntervalMs : Number.POSITIVE_INFINITY
  }

  async open(): Promise<void> {
    await this.#port.open(this.#context, 'reader')
  }

  async addSplits(splits: readonly ChangeSplit[]): Promise<void> {
    for (const split of splits) {
      if (split.kind === 'log') await this.#follow(split)
      else if (split.done) this.#finished(split)
      else this.#chunks.push(split)
    }
    // Restored ones may all be read: then nothing else would ask.
    if (this.#chunks.length === 0) this.#context.requestSplit()
    this.#wake.resolve()
  }

  noMoreSplits(): void {
    this.#noMoreSplits = true
    this.#wake.resolve()
  }

  async onEvent(event: unknown): Promise<void> {
    const message = event as ToReader
    if (message.type === 'ack') for (const id of message.ids) this.#done.delete(id)
    if (message.type === 'hold') this.#hold = message.offset
    if (message.type === 'forget') this.#forget(message.table, message.generation)
    await this.#log?.onMessage(message)
    this.#wake.resolve()
  }

  get lastSplit(): string | undefined {
    return this.#lastSplit
  }

  async poll(maxRecords: number): Promise<Polled<Change<Row>>> {
    this.#tick()
    const logReady = this.#log?.isReady === true
    // In turns, so that a table that comes late does not stop the log of the others, nor the log the table.
    const logFirst = logReady && (this.#logTurn || this.#chunks.length === 0)
    this.#logTurn = !this.#logTurn
    if (logFirst) {
      const changes = (await this.#log?.read(maxRecords)) ?? []
      this.#lastSplit = 'log' satisfies LogSplit['id']
      if (changes.length > 0) return batchOf(changes)
    }
    const chunk = this.#chunks[0]
    if (chunk !== undefined) {
      this.#lastSplit = undefined
      const rows = await this.#readPart(chunk, maxRecords)
      return rows.length > 0 ? batchOf(rows) : 'idle'
    }
    return this.#endsNow() ? 'end' : 'idle'
  }

  async available(): Promise<void> {
    if (this.#closed || this.#chunks.length > 0 || this.#endsNow()) return
    const signals: Promise<void>[] = [this.#wake.promise]
    const log = this.#log?.isReady === true ? this.#log.available() : undefined
    if (log !== undefined) signals.push(log)
    const delayMs = this.#nextTick - this.#context.clock.monotonic()
    const timer = deferred()
    const cancel = Number.isFinite(delayMs)
      ? this.#context.clock.schedule(Math.max(0, delayMs), timer.resolve)
      : undefined
    signals.push(timer.promise)
    // A log that was just given or set back is opened by read().
    if (this.#log?.isReady !== true || log !== undefined) await Promise.race(signals)
    cancel?.()
    this.#wake = deferred()
  }

  snapshot(checkpoint: number): readonly ChangeSplit[] {
    const log = this.#log?.snapshot()
    if (log !== undefined) this.#positions.set(checkpoint, log.position)
    const chunks = this.#chunks.map((chunk) => ({ ...chunk, asOf: this.#earliestRead(chunk) }))
    return [...chunks, ...this.#done.values(), ...(log === undefined ? [] : [log])]
  }

  async checkpointComplete(checkpoint: number): Promise<void> {
    const position = this.#positions.get(checkpoint)
    for (const id of [...this.#positions.keys()]) if (id <= checkpoint) this.#positions.delete(id)
    if (position === undefined) return
    const held = this.#hold !== undefined && this.#port.compareOffsets(this.#hold, position) < 0
    await this.#port.checkpointed?.(held ? (this.#hold as Offset) : position)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake.resolve()
    await this.#log?.close()
    await this.#port.close()
  }

  /** An offset before anything that is read of the chunk from now on. */
  #earliestRead(chunk: ChunkSplit): Offset {
    if (chunk.asOf !== undefined) return chunk.asOf
    const last = chunk.read.at(-1)?.high
    return last ?? chunk.since
  }

  #endsNow(): boolean {
    return this.#noMoreSplits && this.#chunks.length === 0 && (this.#log === undefined || this.#log.ended)
  }

  get #ticks(): boolean {
    return this.#options.discoveryIntervalMs > 0 && this.#context.subtask === 0 && this.#context.mode === 'stream'
  }

  /** The enumerator has no clock of its own: subtask 0 reminds it to look for tables. */
  #tick(): void {
    if (this.#context.clock.monotonic() < this.#nextTick) return
    this.#nextTick = this.#context.clock.monotonic() + this.#options.discoveryIntervalMs
    this.#tell({ type: 'tick' })
  }

  #tell(message: ToEnumerator): void {
    this.#context.sendToEnumerator(message)
  }

  async #follow(split: LogSplit): Promise<void> {
    const { schemaChanges, endsItself = false } = this.#options
    const mode = endsItself ? 'stream' : this.#context.mode
    this.#log = new LogReader({ port: this.#port, split, mode, schemaChanges, tell: (message) => this.#tell(message) })
    await this.#log.start()
    this.#context.requestSplit()
  }

  async #readPart(chunk: ChunkSplit, maxRecords: number): Promise<readonly Change<Row>[]> {
    // The next chunk is asked for while this one is read.
    if (this.#chunks.length === 1 && chunk.read.length === 0) this.#context.requestSplit()
    const { table, range } = chunk
    const rewind = this.#rewindOf(chunk)
    // The log to go back over may be long: a piece of it at each call, so that barriers do not wait. Not between the parts of a chunk: the
    // port may read them all as of the first one's moment, and what happened since is not to be taken back.
    const begins = this.#begun !== chunk.id
    if (begins && rewind !== undefined && !(await rewind.to(await this.#port.currentOffset(), REWIND_PAGES))) return []
    this.#begun = chunk.id
    this.#prepareNext()
    const part = await readExactly({
      port: this.#port,
      table,
      range: { from: chunk.next, to: range.to },
      order: chunk.order,
      maxRecords: Math.min(maxRecords, PART_RECORDS_MAX),
      rewind,
    })
    const done = part.next === null
    const same = (a: Offset, b: Offset): boolean => this.#port.compareOffsets(a, b) === 0
    const read = withPart(chunk.read, { from: chunk.next, high: part.high }, same)
    const after: ChunkSplit = { ...chunk, read, readAt: part.readAt, next: part.next, done }
    if (!done) this.#chunks[0] = after
    else {
      this.#chunks.shift()
      this.#finished(after)
      if (this.#chunks.length === 0) this.#context.requestSplit()
    }
    return part.rows.flatMap(({ schema, rows, source }) => this.#withSchema(table, schema, rows, source))
  }

  /** What is read as of an earlier offset is not begun ahead: the log between would have to be gone back over up to that moment. */
  #prepareNext(): void {
    const next = this.#chunks[1]
    if (next === undefined || next.read.length > 0 || next.asOf !== undefined) return
    this.#port.prepareChunk?.(next.table, { from: next.next, to: next.range.to })
  }

  /** What restores a chunk's earlier rows; shared by chunks of one table as of one offset, which come one after the other. */
  #rewindOf({ table, asOf }: ChunkSplit): Rewind<Row> | undefined {
    if (asOf === undefined) return undefined
    const last = this.#rewind
    if (last?.table === table && this.#port.compareOffsets(last.rewind.asOf, asOf) === 0) return last.rewind
    const rewind = new Rewind(this.#port, table, asOf)
    this.#rewind = { table, rewind }
    return rewind
  }

  /**
   * Rows, behind a record of their columns if these are not the ones last told. An empty table has columns too. Beside other readers,
   * which may see other columns, each part tells its own.
   */
  #withSchema(
    table: string,
    schema: TableSchema,
    rows: readonly Change<Row>[],
    source: ChangeSource,
  ): readonly Change<Row>[] {
    if (!this.#options.schemaChanges) return rows
    const text = schemaText(schema)
    if (this.#schemas.get(table) === text && this.#context.parallelism === 1) return rows
    this.#schemas.set(table, text)
    return [schemaChange<Row>(schema, source), ...rows]
  }

  #finished(chunk: ChunkSplit): void {
    this.#done.set(chunk.id, chunk)
    this.#context.splitFinished(chunk.id)
    const { id, table, generation, index, read: parts, readAt } = chunk
    this.#tell({ type: 'finished', id, table, generation, index, parts, readAt })
  }

  #forget(table: string, generation: number): void {
    const kept = (chunk: ChunkSplit): boolean => chunk.table !== table || chunk.generation !== generation
    for (const chunk of this.#chunks) if (!kept(chunk)) this.#context.splitFinished(chunk.id)
    this.#chunks = this.#chunks.filter(kept)
    for (const [id, chunk] of this.#done) if (!kept(chunk)) this.#done.delete(id)
    if (this.#chunks.length === 0) this.#context.requestSplit()
  }
}

/** Parts with one more; neighbours read at the same moment become one. */
function withPart(
  parts: readonly ChunkPart[],
  part: ChunkPart,
  same: (a: Offset, b: Offset) => boolean,
): readonly ChunkPart[] {
  const last = parts.at(-1)
  return last !== undefined && same(last.high, part.high) ? parts : [...parts, part]
}
