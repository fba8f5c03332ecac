export { type FileRecord, type MalformedRecord, malformed, splitMalformed } from './file-record.ts'
export type {
  CsvDialect,
  CsvSourceOptions,
  FileFormat,
  FilesSinkOptions,
  FilesSourceOptions,
} from './options.ts'
export type { FileSplit } from './position.ts'
export { type SampleOptions, sampleFiles } from './sample.ts'
export { filesSink } from './sink.ts'
export { filesSource } from './source.ts'
