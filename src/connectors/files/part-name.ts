import type { FilesSinkConfig } from './options.ts'

/** What a file of the sink is, by its name. */
export interface PartName {
  /** `inprogress`: being written. `ready`: durable, its checkpoint not complete. `published`: for readers. */
  readonly stage: 'inprogress' | 'ready' | 'published'
  /** The checkpoint it belongs to; undefined while in progress. */
  readonly epoch: number | undefined
}

/**
 * The names of one sink's parts. In progress `.<prefix>-<subtask>-<n>.inprogress`, then `.<prefix>-<epoch>-<subtask>-<n>.ready`, then
 * `<prefix>-<epoch>-<subtask>-<n>.ndjson`: a listing sorts by epoch, and a restore sees from names alone what came too late.
 */
export class PartNames {
  readonly #prefix: string
  readonly #suffix: string
  readonly #pattern: RegExp

  constructor(prefix: string, { format, gzip }: Pick<FilesSinkConfig, 'format' | 'gzip'>) {
    this.#prefix = prefix
    this.#suffix = `.${format === 'lines' ? 'txt' : format}${gzip ? '.gz' : ''}`
    const name = prefix.replaceAll('.', '\\.') // of what a prefix may hold, only the dot means something in a pattern
    this.#pattern = new RegExp(
      `^(?:\\.${name}-\\d+-\\d+\\.(inprogress)|\\.${name}-(\\d{8,})-\\d+-\\d+\\.(ready)|${name}-(\\d{8,})-\\d+-\\d+\\.(?:ndjson|csv|txt)(?:\\.gz)?)$`,
    )
  }

  inProgress(subtask: number, n: number): string {
    return `.${this.#prefix}-${subtask}-${n}.inprogress`
  }

  ready(epoch: number, subtask: number, n: number): string {
    return `.${this.#stem(epoch, subtask, n)}.ready`
  }

  published(epoch: number, subtask: number, n: number): string {
    return `${this.#stem(epoch, subtask, n)}${this.#suffix}`
  }

  /** What a file is, or undefined if it is none of this sink's. */
  parse(name: string): PartName | undefined {
    const match = this.#pattern.exec(name)
    if (match === null) return undefined
    const [, inProgress, readyEpoch, , publishedEpoch] = match
    if (inProgress !== undefined) return { stage: 'inprogress', epoch: undefined }
    const stage = readyEpoch === undefined ? 'published' : 'ready'
    return { stage, epoch: Number(readyEpoch ?? publishedEpoch) }
  }

  #stem(epoch: number, subtask: number, n: number): string {
    return `${this.#prefix}-${String(epoch).padStart(8, '0')}-${subtask}-${n}`
  }
}
