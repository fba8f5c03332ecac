import { FileReader } from './file-reader.ts'
import type { FileRecord } from './file-record.ts'
import { findFiles } from './find-files.ts'
import { type FilesSourceOptions, sourceConfig } from './options.ts'

export interface SampleOptions {
  /** Of each file. Default 1,000. */
  readonly recordsMax?: number
  /** The first ones by path. Default 10. */
  readonly filesMax?: number
}

/**
 * The first records of the files that match now, read outside of any job: to infer a schema from, for example. Malformed ones are
 * left out; the job that reads the files is to deal with them.
 */
export async function sampleFiles<T>(
  options: FilesSourceOptions<T>,
  { recordsMax = 1000, filesMax = 10 }: SampleOptions = {},
): Promise<readonly T[]> {
  const config = sourceConfig({ ...options, onMalformed: 'side' })
  const sample: T[] = []
  for (const split of (await findFiles(config)).slice(0, filesMax)) {
    const reader = new FileReader(split, config, true)
    try {
      for (let left = recordsMax; left > 0; ) {
        const records = await reader.read(left)
        if (records === undefined) break
        left -= records.length
        for (const record of records as readonly FileRecord<T>[]) if (record.ok) sample.push(record.value)
      }
    } finally {
      await reader.close()
    }
  }
  return sample
}
