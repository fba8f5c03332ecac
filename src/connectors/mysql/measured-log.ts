// MeasuredLog: a log that says how far behind it is.
//
// Owns: what the gauges say, and the question to the server that is under way.

import type { MetricGroup } from '../../contract/runtime-context.ts'
import type { Clock } from '../../util/clock.ts'
import type { ChangeLog, LogPage } from '../cdc/index.ts'
import type { MysqlOffset } from './offset.ts'

/** How often the server is asked where its log ends. */
const ASK_MS = 1000

export interface MeasuredLogOptions {
  readonly metrics: MetricGroup
  readonly clock: Clock
  /** How many bytes of log lie behind a place. */
  readonly bytesBehind: (place: MysqlOffset) => Promise<number>
}

/** Sets the gauges lagMs (how long ago the last change was committed; 0 at the end of the log) and lagBytes (what of the log is not read). */
export class MeasuredLog<Row> implements ChangeLog<Row> {
  readonly #log: ChangeLog<Row>
  readonly #options: MeasuredLogOptions
  #askAt = 0

  constructor(log: ChangeLog<Row>, options: MeasuredLogOptions) {
    this.#log = log
    this.#options = options
  }

  async read(maxRecords: number): Promise<LogPage<Row>> {
    const page = await this.#log.read(maxRecords)
    const { metrics, clock } = this.#options
    const committedMs = page.changes.at(-1)?.source.timestampMs ?? 0
    metrics.gauge('lagMs').set(committedMs === 0 ? 0 : Math.max(0, clock.now() - committedMs))
    if (clock.monotonic() >= this.#askAt) this.#ask(page.next as MysqlOffset)
    return page
  }

  available(): Promise<void> {
    return this.#log.available()
  }

  close(): void | Promise<void> {
    return this.#log.close()
  }

  /** Beside the reading: nothing waits for it, and a server that does not answer is noticed by who reads. */
  #ask(place: MysqlOffset): void {
    const { metrics, clock, bytesBehind } = this.#options
    this.#askAt = Number.POSITIVE_INFINITY
    const again = (): void => {
      this.#askAt = clock.monotonic() + ASK_MS
    }
    bytesBehind(place)
      .then((bytes) => metrics.gauge('lagBytes').set(bytes))
      .then(again, again)
  }
}
