// FileReader: reads one file from its split's position on, a batch of records at a time.
//
// Owns: the open file, the bytes read and not yet decoded, the position.
// Does not own: which file is read when (FilesReader), what a record is (RecordDecoder).
//
// I1. position() is always at the beginning of a record: behind the last record returned, before the first one that was not.
// I2. A last line without a newline is a record only once the file is known to grow no more.
// I3. What is held in memory is at most one record and one chunk.

import { stat } from 'node:fs/promises'
import { MillraceError, reasonOf } from '../../errors.ts'
import { assert } from '../../util/assert.ts'
import { type ByteSource, type FileStatus, openGzip, openPlain, ReplacedError } from './byte-source.ts'
import { CsvDecoder } from './csv-decoder.ts'
import { lineDecoder, ndjsonDecoder } from './line-decoder.ts'
import type { FilesSourceConfig } from './options.ts'
import { type FileSplit, locate } from './position.ts'
import { NEWLINE, type RecordDecoder, tooLong } from './record-decoder.ts'
import { RecordOutput } from './record-output.ts'

/** So many of the bytes read last are kept, to see whether a file that has grown is still what it was. */
const WITNESS_BYTES = 64
const NOTHING: Buffer = Buffer.alloc(0)
const BOM: Buffer = Buffer.from([0xef, 0xbb, 0xbf])

/** A file ceased to be there, or to be itself, while there was more to read. */
export class FileLostError extends Error {}

/** Reads one file. Calls do not overlap. */
export class FileReader {
  readonly split: FileSplit
  readonly #config: FilesSourceConfig
  readonly #out: RecordOutput
  #decoder: RecordDecoder
  #source: ByteSource | undefined
  /** Begins at the position. */
  #bytes: Buffer = NOTHING
  #offset: number
  #line: number
  /** Bytes of an overlong record that were let go before its end was found; its beginning, for the report. */
  #skipped: { bytes: number; readonly head: string } | undefined
  /** The bytes read last. */
  #witness: Buffer = NOTHING
  /** Nothing will be added to the file any more. */
  #complete: boolean

  constructor(split: FileSplit, config: FilesSourceConfig, complete: boolean) {
    this.split = split
    this.#config = config
    this.#out = new RecordOutput(split.path, config)
    this.#decoder = makeDecoder(config, split.header)
    this.#offset = split.offset
    this.#line = split.line
    this.#complete = complete || isGzip(split.path, config)
  }

  /** No more will ever come: what is left at the end without a newline is a record. */
  finish(): void {
    this.#complete = true
  }

  /** Is the end of the file, once read, the end for good? */
  get complete(): boolean {
    return this.#complete
  }

  /** Is the file open? */
  get isOpen(): boolean {
    return this.#source !== undefined
  }

  position(): FileSplit {
    return { ...this.split, offset: this.#offset, line: this.#line, header: this.#decoder.header }
  }

  /** The next records; undefined at the end of what is there now. Throws RECORD_MALFORMED, FileLostError, and what reading throws. */
  async read(recordsMax: number): Promise<readonly unknown[] | undefined> {
    this.#source ??= await this.#open()
    for (let atEnd = false; ; ) {
      if (this.#skipped === undefined && !this.#isBomToCome(atEnd)) {
        const records = this.#decode(recordsMax, atEnd && this.#complete)
        if (records !== undefined) return records
      }
      if (atEnd) return this.#skipped !== undefined && this.#complete ? this.#endSkipped(0) : undefined
      const chunk = await this.#source.next()
      if (chunk === undefined) {
        atEnd = true
      } else {
        const ended = this.#addBytes(chunk)
        if (ended !== undefined) return ended
      }
    }
  }

  /** How the file is now, compared with what has been read of it: `cut` is copytruncate, `gone` has no name any more. */
  async look(): Promise<'same' | 'grown' | 'cut' | 'gone'> {
    const found = await this.#stat()
    if (found === undefined) return 'gone'
    const read = this.#offset + (this.#skipped?.bytes ?? 0) + this.#bytes.length
    if (found.size < read) return 'cut'
    if (found.size > read) return (await this.#isUnchanged(read)) ? 'grown' : 'cut'
    return found.removed ? 'gone' : 'same'
  }

  /** The file was cut: begins it again. */
  async restart(): Promise<void> {
    await this.close()
    this.#bytes = NOTHING
    this.#skipped = undefined
    this.#offset = 0
    this.#line = 0
    this.#decoder = makeDecoder(this.#config, undefined)
  }

  /** Lets go of the file; read() opens it again. */
  async close(): Promise<void> {
    const source = this.#source
    this.#source = undefined
    this.#bytes = NOTHING
    this.#witness = NOTHING
    this.#skipped = undefined
    await source?.close()
  }

  /** A file that was cut may have grown beyond where it was read since it was looked at last. */
  async #isUnchanged(read: number): Promise<boolean> {
    return this.#source === undefined || this.#source.endsWith(this.#witness, read)
  }

  /** An open file tells of itself even after it was removed; a closed one has to be found. */
  async #stat(): Promise<FileStatus | undefined> {
    if (this.#source !== undefined) return this.#source.status()
    const at = await locate(this.split)
    return at === undefined ? undefined : { size: (await stat(at)).size, removed: false }
  }

  async #open(): Promise<ByteSource> {
    const { path, id } = this.split
    const at = await locate(this.split)
    if (at === undefined) throw new FileLostError(`${path} was removed or replaced before it was read to its end`)
    try {
      if (isGzip(path, this.#config)) return openGzip(at, this.#offset)
      return await openPlain(at, id, this.#offset)
    } catch (error) {
      if (error instanceof ReplacedError) return this.#open() // renamed since it was located
      throw new MillraceError('IO', { action: 'open', path: at, reason: reasonOf(error) }, error)
    }
  }

  /** At the beginning of a file, too few bytes to tell whether they are a byte order mark. Skips one that is there. */
  #isBomToCome(atEnd: boolean): boolean {
    if (this.#offset > 0) return false
    const head = this.#bytes.subarray(0, BOM.length)
    if (head.equals(BOM)) this.#advance(BOM.length, 0)
    return !atEnd && head.length < BOM.length && head.equals(BOM.subarray(0, head.length))
  }

  /** The next records in the bytes at hand; undefined if there is not one. */
  #decode(recordsMax: number, last: boolean): readonly unknown[] | undefined {
    while (this.#bytes.length > 0) {
      this.#out.begin(this.#line)
      const { bytes, lines } = this.#decoder.decode(this.#bytes, recordsMax, last, this.#out)
      if (bytes === 0) return undefined
      this.#advance(bytes, lines)
      // Blank lines and a header are no records.
      if (this.#out.take().length > 0) return this.#out.take()
    }
    return undefined
  }

  #advance(bytes: number, lines: number): void {
    this.#bytes = this.#bytes.subarray(bytes)
    this.#offset += bytes
    this.#line += lines
  }

  /** Adds a chunk (I3). Answers a malformed record if one has become too long or a too long one ends here. */
  #addBytes(chunk: Buffer): readonly unknown[] | undefined {
    this.#witness = Buffer.from(chunk.subarray(-WITNESS_BYTES))
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    if (this.#skipped === undefined) {
      if (this.#bytes.length - chunk.length <= this.#config.recordBytesMax) return undefined
      this.#skipped = { bytes: 0, head: this.#bytes.subarray(0, 1000).toString('utf8') }
    }
    const newline = this.#bytes.indexOf(NEWLINE)
    if (newline >= 0) return this.#endSkipped(newline + 1)
    this.#skipped.bytes += this.#bytes.length
    this.#bytes = NOTHING
    return undefined
  }

  #endSkipped(bytesHere: number): readonly unknown[] {
    const skipped = this.#skipped
    assert(skipped !== undefined, 'a record is being skipped')
    this.#skipped = undefined
    this.#out.begin(this.#line)
    this.#out.bad(tooLong(this.#config.recordBytesMax), 0, skipped.head)
    this.#offset += skipped.bytes
    this.#advance(bytesHere, 1)
    return this.#out.take()
  }
}

function makeDecoder(config: FilesSourceConfig, header: readonly string[] | undefined): RecordDecoder {
  const { format, recordBytesMax, delimiter, quote, pad } = config
  if (format === 'ndjson') return ndjsonDecoder(recordBytesMax)
  if (format === 'lines') return lineDecoder(recordBytesMax)
  const known = config.header === true ? header : config.header
  return new CsvDecoder({ delimiter, quote, header: known, pad, recordBytesMax })
}

/** Is a file of this name unpacked? */
export function isGzip(path: string, { compression }: Pick<FilesSourceConfig, 'compression'>): boolean {
  return compression === 'gzip' || (compression === 'auto' && path.endsWith('.gz'))
}
