// What a job sees of records.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { MillraceError, reasonOf } from '../../../errors.ts'
import { type Batch, batchOf } from '../../../record/batch.ts'
import type { ReadFormat } from '../formats/format.ts'
import type { KafkaRecord } from '../records/kafka-record.ts'
import type { DeadLetters, Letter } from './dead-letters.ts'
import type { KafkaSourceSettings } from './options.ts'

/** Reads records in the format asked for. */
export class RecordDecoder<T> {
  readonly #format: ReadFormat<T>
  readonly #raw: boolean
  readonly #timestamps: boolean
  readonly #node: string
  readonly #letters: DeadLetters | undefined

  constructor(settings: KafkaSourceSettings<T>, { node }: RuntimeContext, letters: DeadLetters | undefined) {
    this.#format = settings.format
    this.#raw = settings.raw
    this.#timestamps = settings.timestamps
    this.#node = node
    this.#letters = letters
  }

  /**
   * The values of records of one partition; none for records that hold none. A promise where some cannot be read, until they are dead
   * letters. Throws RECORD_MALFORMED where there are none such, and SOURCE_FAILED for letters that could not be written.
   */
  read(records: KafkaRecord[]): Batch<T> | Promise<Batch<T>> {
    // Without a format T is KafkaRecord.
    if (this.#raw) return batchOf(records as unknown as T[], this.#timestamps ? records.map(timeOf) : undefined)
    const values: T[] = []
    const times: number[] | undefined = this.#timestamps ? [] : undefined
    let letters: Letter[] | undefined
    for (let i = 0; i < records.length; i += 1) {
      const record = records[i] as KafkaRecord
      try {
        this.#format.read(record, values)
      } catch (error) {
        letters ??= []
        letters.push(this.#letter(record, error))
      }
      if (times !== undefined) while (times.length < values.length) times.push(record.timestampMs)
    }
    const batch = batchOf(values, times)
    return letters === undefined ? batch : (this.#letters as DeadLetters).write(letters).then(() => batch)
  }

  #letter(record: KafkaRecord, error: unknown): Letter {
    const reason = reasonOf(error)
    if (this.#letters !== undefined) return { record, reason }
    const { topic, partition, offset } = record
    const file = `Source "${this.#node}", topic ${topic}, partition ${partition}, offset`
    throw new MillraceError('RECORD_MALFORMED', { file, line: ` ${offset}`, reason }, error)
  }
}

function timeOf({ timestampMs }: KafkaRecord): number {
  return timestampMs
}
