import { MillraceError, reasonOf } from '../../errors.ts'
import type { FileRecord } from './file-record.ts'
import type { FilesSourceConfig } from './options.ts'

const RAW_CHARACTERS_MAX = 1000

/** Where a decoder puts the records of one file: checks them by the schema, and wraps or refuses malformed ones by option. */
export class RecordOutput {
  readonly #file: string
  readonly #side: boolean
  readonly #schema: FilesSourceConfig['schema']
  #records: unknown[] = []
  #line = 0

  constructor(file: string, config: Pick<FilesSourceConfig, 'onMalformed' | 'schema'>) {
    this.#file = file
    this.#side = config.onMalformed === 'side'
    this.#schema = config.schema
  }

  /** Begins a batch whose first byte is in the line after `line` others. */
  begin(line: number): void {
    this.#line = line
    this.#records = []
  }

  take(): readonly unknown[] {
    return this.#records
  }

  /** Takes a value, or answers why the schema refuses it: then the decoder says bad(). */
  good(value: unknown): string | undefined {
    let checked = value
    if (this.#schema !== undefined) {
      try {
        checked = this.#schema.parse(value)
      } catch (error) {
        return reasonOf(error).replaceAll(/\s+/g, ' ')
      }
    }
    this.#records.push(this.#side ? { ok: true, value: checked } : checked)
    return undefined
  }

  /** A malformed record, `line` lines below the batch's first: throws RECORD_MALFORMED, or puts it aside. */
  bad(reason: string, line: number, raw: string): void {
    const record: FileRecord<never> = {
      ok: false,
      file: this.#file,
      line: this.#line + line + 1,
      reason,
      raw: raw.slice(0, RAW_CHARACTERS_MAX),
    }
    if (!this.#side) throw this.malformed(reason, line)
    this.#records.push(record)
  }

  /** The error that fails the job. */
  malformed(reason: string, line: number): MillraceError {
    return new MillraceError('RECORD_MALFORMED', { file: this.#file, line: this.#line + line + 1, reason })
  }
}
