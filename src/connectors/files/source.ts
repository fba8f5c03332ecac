import {
  type EnumeratorContext,
  type ReaderContext,
  SourceFunction,
  type SourceReader,
  type SplitEnumerator,
} from '../../contract/source-function.ts'
import type { FileRecord } from './file-record.ts'
import { FilesEnumerator } from './files-enumerator.ts'
import { FilesReader } from './files-reader.ts'
import { type FilesSourceConfig, type FilesSourceOptions, sourceConfig } from './options.ts'
import type { FileSplit } from './position.ts'

type WithFormat<T, F> = FilesSourceOptions<T> & { readonly format: F }
type Failing = { readonly onMalformed?: 'fail' }
type Aside = { readonly onMalformed: 'side' }

/** Reads files record by record: NDJSON, CSV or plain lines, once or following them. See the README for what it promises. */
export function filesSource<T = string>(
  options: WithFormat<T, 'lines'> & Aside,
): SourceFunction<FileRecord<T>, FileSplit>
export function filesSource<T = string>(options: WithFormat<T, 'lines'> & Failing): SourceFunction<T, FileSplit>
export function filesSource<T = Record<string, string>>(
  options: WithFormat<T, 'csv'> & Aside,
): SourceFunction<FileRecord<T>, FileSplit>
export function filesSource<T = Record<string, string>>(
  options: WithFormat<T, 'csv'> & Failing,
): SourceFunction<T, FileSplit>
export function filesSource<T = unknown>(
  options: FilesSourceOptions<T> & Aside,
): SourceFunction<FileRecord<T>, FileSplit>
export function filesSource<T = unknown>(options: FilesSourceOptions<T> & Failing): SourceFunction<T, FileSplit>
export function filesSource(options: FilesSourceOptions<unknown>): SourceFunction<unknown, FileSplit> {
  return new FilesSource(sourceConfig(options))
}

class FilesSource extends SourceFunction<unknown, FileSplit> {
  readonly boundedness: 'bounded' | 'unbounded'
  readonly #config: FilesSourceConfig

  constructor(config: FilesSourceConfig) {
    super()
    this.#config = config
    this.boundedness = config.follow ? 'unbounded' : 'bounded'
  }

  createEnumerator(context: EnumeratorContext<FileSplit>): SplitEnumerator {
    return new FilesEnumerator(context, this.#config)
  }

  createReader(context: ReaderContext): SourceReader<unknown, FileSplit> {
    return new FilesReader(context, this.#config)
  }
}
