import {
  type Collector,
  type OutputTag,
  type ProcessContext,
  ProcessFunction,
  sideOutput,
} from '../../contract/process-function.ts'

/** A record that could not be read, with what a person needs to find and mend it. */
export interface MalformedRecord {
  readonly file: string
  /** Of its first line, from 1. */
  readonly line: number
  readonly reason: string
  /** The record as it stands in the file, cut to 1,000 characters. */
  readonly raw: string
}

/** What a source with `onMalformed: 'side'` yields. */
export type FileRecord<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & MalformedRecord)

/** The side output of splitMalformed(). */
export const malformed: OutputTag<MalformedRecord> = sideOutput('malformed')

/**
 * Passes good records on and puts malformed ones on the side output `malformed`:
 * `const rows = flow.from('files', filesSource({ …, onMalformed: 'side' })).process('rows', () => splitMalformed())`,
 * then `rows.side(malformed)`.
 */
export function splitMalformed<T>(): ProcessFunction<FileRecord<T>, T> {
  return new SplitMalformed<T>()
}

class SplitMalformed<T> extends ProcessFunction<FileRecord<T>, T> {
  override process(record: FileRecord<T>, _context: ProcessContext, out: Collector<T>): void {
    if (record.ok) out.emit(record.value)
    else out.side(malformed, { file: record.file, line: record.line, reason: record.reason, raw: record.raw })
  }
}
