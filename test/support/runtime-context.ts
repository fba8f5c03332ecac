import type { RuntimeContext } from '../../src/contract/runtime-context.ts'
import type { Clock } from '../../src/util/clock.ts'

/** A clock that a test moves. */
export class ManualClock implements Clock {
  #now = 1_000_000
  #scheduled: { readonly at: number; readonly callback: () => void }[] = []

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const entry = { at: this.#now + delayMs, callback }
    this.#scheduled.push(entry)
    return () => {
      this.#scheduled = this.#scheduled.filter((one) => one !== entry)
    }
  }

  get pending(): number {
    return this.#scheduled.length
  }

  advance(ms: number): void {
    this.#now += ms
    const due = this.#scheduled.filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at)
    this.#scheduled = this.#scheduled.filter(({ at }) => at > this.#now)
    for (const { callback } of due) callback()
  }
}

export interface ContextOptions {
  readonly node?: string
  readonly subtask?: number
  readonly parallelism?: number
  readonly mode?: 'stream' | 'batch'
  readonly directory?: string
  readonly clock?: Clock
  readonly counters?: Map<string, number>
  readonly logged?: string[]
}

/** A RuntimeContext whose counters and log lines a test can read. */
export function runtimeContext(options: ContextOptions = {}): RuntimeContext {
  const counters = options.counters ?? new Map<string, number>()
  const log = (message: string): void => void options.logged?.push(message)
  return {
    job: 'test',
    node: options.node ?? 'node',
    subtask: options.subtask ?? 0,
    parallelism: options.parallelism ?? 1,
    attempt: 0,
    mode: options.mode ?? 'stream',
    directory: options.directory ?? '',
    clock: options.clock ?? new ManualClock(),
    metrics: {
      counter: (name) => ({ add: (n = 1) => void counters.set(name, (counters.get(name) ?? 0) + n) }),
      gauge: (name) => ({ set: (value) => void counters.set(name, value) }),
    },
    logger: { debug: log, info: log, warn: log, error: log },
  }
}
