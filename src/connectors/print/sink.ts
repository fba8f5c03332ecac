import { inspect } from 'node:util'
import { type DeliveryGuarantee, UpsertSinkFunction } from '../../contract/sink-function.ts'
import type { PrintOptions } from './options.ts'

/** See print(). What a terminal has shown cannot be taken back, and nothing here claims to: going back may repeat lines. */
export class PrintSink extends UpsertSinkFunction<unknown> {
  override readonly guarantee: DeliveryGuarantee = 'at-least-once'
  readonly #prefix: string
  readonly #format: (record: unknown) => string

  constructor(options: PrintOptions) {
    super()
    this.#prefix = options.prefix ?? ''
    this.#format = options.format ?? line
  }

  /** Waits until the stream has taken the lines, so that a slow reader of the pipe slows the job and not its memory. */
  override write(records: readonly unknown[]): Promise<void> {
    const text = records.map((record) => `${this.#prefix}${this.#format(record)}\n`).join('')
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
    })
  }

  override flush(): void {}
}

function line(record: unknown): string {
  return typeof record === 'string' ? record : inspect(record, { breakLength: Number.POSITIVE_INFINITY, compact: true })
}
