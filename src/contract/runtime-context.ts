import type { Clock } from '../util/clock.ts'

export interface Counter {
  add(n?: number): void
}
export interface Gauge {
  set(value: number): void
}

/** Metrics of one subtask of one node; the same name gives the same instrument. */
export interface MetricGroup {
  counter(name: string): Counter
  gauge(name: string): Gauge
}

/** Structured lines, tagged with job, node and subtask. Values under keys that look like secrets are masked. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
}

/** What a function may know of where it runs. Given to open() and valid until close(). */
export interface RuntimeContext {
  readonly job: string
  readonly node: string
  /** 0 to parallelism - 1. */
  readonly subtask: number
  readonly parallelism: number
  /** How often the job was started in this process; 0 at first. */
  readonly attempt: number
  /** `batch`: every source is to end once it has read what is there. */
  readonly mode: 'stream' | 'batch'
  /** A folder for this node (shared by its subtasks) that outlives the process; made on first use by whoever writes there. */
  readonly directory: string
  readonly clock: Clock
  readonly metrics: MetricGroup
  readonly logger: Logger
}
