// FilesReader: reads the files it is given, one after the other; while following, goes back to those that have grown.
//
// Owns: which file is read next; which files are open.
// Does not own: finding files (FilesEnumerator); reading one (FileReader).
//
// I1. A followed file stays a split until it is removed: also after it was renamed, for its writer may not have noticed yet.
// I2. At most OPEN_FILES_MAX files are open; among those at their end, the one that has been quiet longest is closed first.

import type { Polled, ReaderContext, SourceReader } from '../../contract/source-function.ts'
import { MillraceError, reasonOf } from '../../errors.ts'
import { batchOf } from '../../record/batch.ts'
import { type Deferred, deferred } from '../../util/deferred.ts'
import { FileLostError, FileReader } from './file-reader.ts'
import type { FilesSourceConfig } from './options.ts'
import type { FileSplit } from './position.ts'

const OPEN_FILES_MAX = 256
/** A file that never stops growing must not keep the others waiting: after so many batches it is another one's turn. */
const BATCHES_PER_TURN = 64

/** The reader of one subtask. */
export class FilesReader implements SourceReader<unknown, FileSplit> {
  readonly #context: ReaderContext
  readonly #config: FilesSourceConfig
  readonly #follow: boolean
  /** There is, or may be, something to read; the first one is being read. */
  readonly #ready: FileReader[] = []
  /** At their end for now, in the order they came to it. */
  readonly #quiet = new Set<FileReader>()
  #lastSplit: string | undefined
  #noMoreSplits = false
  #batchesOfTurn = 0
  #nextLookMs = 0
  #waiting: Deferred | undefined
  #cancelTimer: (() => void) | undefined

  constructor(context: ReaderContext, config: FilesSourceConfig) {
    this.#context = context
    this.#config = config
    this.#follow = config.follow && context.mode === 'stream'
  }

  addSplits(splits: readonly FileSplit[]): void {
    for (const split of splits) this.#ready.push(new FileReader(split, this.#config, !this.#follow))
    this.#wake()
  }

  noMoreSplits(): void {
    this.#noMoreSplits = true
    this.#wake()
  }

  get lastSplit(): string | undefined {
    return this.#lastSplit
  }

  async poll(recordsMax: number): Promise<Polled<unknown>> {
    await this.#lookAtQuiet()
    for (;;) {
      const [reader] = this.#ready
      if (reader === undefined) return this.#noMoreSplits && this.#quiet.size === 0 ? 'end' : 'idle'
      const records = await this.#read(reader, recordsMax)
      if (records !== undefined) {
        this.#lastSplit = reader.split.id
        this.#takeTurns()
        return batchOf(records)
      }
    }
  }

  available(): Promise<void> {
    if (this.#waiting === undefined) {
      this.#waiting = deferred()
      if (this.#quiet.size > 0) {
        this.#cancelTimer = this.#context.clock.schedule(this.#config.pollIntervalMs, () => this.#wake())
      }
    }
    return this.#waiting.promise
  }

  snapshot(): readonly FileSplit[] {
    return [...this.#ready, ...this.#quiet].map((reader) => reader.position())
  }

  async close(): Promise<void> {
    this.#wake()
    await Promise.all([...this.#ready, ...this.#quiet].map((reader) => reader.close()))
  }

  #wake(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  /** Records of the first ready file; undefined if it has none now: then it is not the first one any more. */
  async #read(reader: FileReader, recordsMax: number): Promise<readonly unknown[] | undefined> {
    try {
      const records = await reader.read(recordsMax)
      if (records !== undefined) return records
    } catch (error) {
      this.#failed(reader, error)
      await this.#drop(reader)
      return undefined
    }
    if (reader.complete) await this.#drop(reader)
    else await this.#setQuiet(reader)
    return undefined
  }

  /** Throws, unless the file was lost while following: then there is nothing to restart for, but somebody has to know. */
  #failed(reader: FileReader, error: unknown): void {
    if (error instanceof MillraceError) throw error
    const { path } = reader.split
    if (error instanceof FileLostError && this.#follow) {
      this.#context.metrics.counter('filesLost').add()
      this.#context.logger.error(error.message, { file: path, offset: reader.position().offset })
      return
    }
    const reason = error instanceof FileLostError ? error.message : `${path}: ${reasonOf(error)}`
    throw new MillraceError('SOURCE_FAILED', { node: this.#context.node, reason }, error)
  }

  async #drop(reader: FileReader): Promise<void> {
    this.#ready.shift()
    this.#batchesOfTurn = 0
    this.#context.splitFinished(reader.split.id)
    await reader.close()
    this.#report(reader)
    this.#askForMore()
  }

  async #setQuiet(reader: FileReader): Promise<void> {
    this.#ready.shift()
    this.#batchesOfTurn = 0
    this.#quiet.add(reader)
    this.#report(reader)
    this.#askForMore()
    const open = [...this.#quiet].filter(({ isOpen }) => isOpen)
    if (open.length > OPEN_FILES_MAX) await open[0]?.close()
  }

  #askForMore(): void {
    if (this.#ready.length === 0 && !this.#noMoreSplits) this.#context.requestSplit()
  }

  #takeTurns(): void {
    this.#batchesOfTurn += 1
    if (this.#batchesOfTurn < BATCHES_PER_TURN) return
    this.#batchesOfTurn = 0
    const [first] = this.#ready
    if (first !== undefined) this.#report(first)
    if (this.#follow && first !== undefined) this.#ready.push(...this.#ready.splice(0, 1))
  }

  #report(reader: FileReader): void {
    const { path, size } = reader.split
    this.#context.reportProgress([{ item: path, done: reader.position().offset, total: size, unit: 'bytes' }])
  }

  /** Now and then, which of the quiet files have grown, were cut or removed. */
  async #lookAtQuiet(): Promise<void> {
    if (this.#quiet.size === 0) return
    const now = this.#context.clock.monotonic()
    if (now < this.#nextLookMs) return
    this.#nextLookMs = now + this.#config.pollIntervalMs
    for (const reader of [...this.#quiet]) {
      const found = await reader.look()
      if (found === 'same') continue
      if (found === 'cut') await this.#beginAgain(reader)
      this.#quiet.delete(reader)
      // Of a removed file that is still open, a last line without a newline is left; of a closed one, nothing.
      if (found === 'gone' && !reader.isOpen) {
        this.#context.splitFinished(reader.split.id)
        continue
      }
      if (found === 'gone') reader.finish()
      this.#ready.push(reader)
    }
  }

  async #beginAgain(reader: FileReader): Promise<void> {
    const { path } = reader.split
    this.#context.metrics.counter('filesTruncated').add()
    this.#context.logger.warn('file was truncated: reading it from its beginning', {
      file: path,
      offset: reader.position().offset,
    })
    await reader.restart()
  }
}
