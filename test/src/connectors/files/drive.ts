import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { filesSource } from '../../../../src/connectors/files/index.ts'
import type { FilesSourceOptions } from '../../../../src/connectors/files/options.ts'
import type { FileSplit } from '../../../../src/connectors/files/position.ts'
import type { KeyedContext } from '../../../../src/contract/keyed-context.ts'
import type { RuntimeContext } from '../../../../src/contract/runtime-context.ts'
import type { SourceReader, SplitEnumerator } from '../../../../src/contract/source-function.ts'
import type { AnyState } from '../../../../src/contract/state.ts'
import type { Clock } from '../../../../src/util/clock.ts'
import type { Key } from '../../../../src/util/key-group.ts'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

/** A folder that is removed after the test. */
export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  folders.push(made)
  return made
}

/** Time that passes when told to. */
export class ManualClock implements Clock {
  #now = 0
  #timers: { at: number; callback: () => void }[] = []

  now(): number {
    return this.#now
  }
  monotonic(): number {
    return this.#now
  }
  schedule(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }
  advance(ms: number): void {
    this.#now += ms
    const due = this.#timers.filter(({ at }) => at <= this.#now)
    this.#timers = this.#timers.filter(({ at }) => at > this.#now)
    for (const { callback } of due) callback()
  }
}

export interface LogLine {
  readonly level: string
  readonly message: string
}

export function runtimeContext(clock: Clock, log: LogLine[], mode: 'stream' | 'batch', subtask = 0): RuntimeContext {
  const line = (level: string) => (message: string) => log.push({ level, message })
  const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  const instrument = { add: () => {}, set: () => {} }
  return {
    job: 'job',
    node: 'files',
    subtask,
    parallelism: 1,
    attempt: 0,
    mode,
    directory: '/nowhere',
    clock,
    metrics: { counter: () => instrument, gauge: () => instrument },
    logger: logger as unknown as RuntimeContext['logger'],
  }
}

/** What a checkpoint holds of the source. */
export interface Snapshot {
  readonly splits: readonly FileSplit[]
  readonly files: ReadonlyMap<Key, unknown>
}

function keyed(entries: Map<Key, unknown>): KeyedContext {
  let current: Key = ''
  const state = {
    get: () => entries.get(current),
    set: (value: unknown) => entries.set(current, value),
    clear: () => entries.delete(current),
  }
  return {
    register: () => state as unknown as AnyState,
    setCurrentKey: (key) => {
      current = key
    },
    timers: undefined as never, // enumerators have none
  }
}

/** One enumerator and one reader, driven as the machine drives them. */
export class SourceDriver {
  readonly clock = new ManualClock()
  readonly log: LogLine[] = []
  readonly #files: Map<Key, unknown>
  readonly #enumerator: SplitEnumerator
  readonly #reader: SourceReader<unknown, FileSplit>
  #work: Promise<unknown> = Promise.resolve()

  private constructor(options: FilesSourceOptions<unknown>, mode: 'stream' | 'batch', from: Snapshot | undefined) {
    const source = filesSource(options as FilesSourceOptions<unknown> & { onMalformed: 'side' })
    const context = runtimeContext(this.clock, this.log, mode)
    this.#files = new Map(from?.files)
    this.#enumerator = source.createEnumerator({
      ...context,
      assign: (_subtask, splits) => {
        this.#work = this.#work.then(() => this.#reader.addSplits(splits))
      },
      noMoreSplits: () => {
        this.#work = this.#work.then(() => this.#reader.noMoreSplits())
      },
      send: () => {},
      requestCheckpoint: () => {},
      state: keyed(this.#files),
      restored: undefined,
      reportProgress: () => {},
    })
    this.#reader = source.createReader({
      ...context,
      requestSplit: () => {
        this.#work = this.#work.then(() => this.#enumerator.onSplitRequest(0))
      },
      sendToEnumerator: () => {},
      reportProgress: () => {},
      splitFinished: () => {},
    }) as SourceReader<unknown, FileSplit>
  }

  static async start(
    options: FilesSourceOptions<unknown>,
    { mode = 'stream', from }: { mode?: 'stream' | 'batch'; from?: Snapshot | undefined } = {},
  ): Promise<SourceDriver> {
    const driver = new SourceDriver(options, mode, from)
    await driver.#enumerator.start()
    if (from !== undefined && from.splits.length > 0) await driver.#reader.addSplits(from.splits)
    else await driver.#enumerator.onSplitRequest(0)
    await driver.#work
    return driver
  }

  /** The next records, or what poll() says there is instead. */
  async poll(recordsMax = 1024): Promise<readonly unknown[] | 'idle' | 'end'> {
    const work = async (): Promise<void> => {
      let seen: unknown
      while (seen !== this.#work) {
        seen = this.#work
        await seen
      }
    }
    for (;;) {
      await work()
      const before = this.#work
      const polled = await this.#reader.poll(recordsMax)
      await work()
      if (typeof polled === 'object') return polled.values
      if (polled === 'end' || before === this.#work) return polled
    }
  }

  /** All records up to where the source is idle or ends. */
  async drain(recordsMax = 1024): Promise<unknown[]> {
    const records: unknown[] = []
    for (;;) {
      const polled = await this.poll(recordsMax)
      if (typeof polled === 'string') return records
      expectAtMost(polled.length, recordsMax)
      for (const record of polled) records.push(record)
    }
  }

  /** Lets a poll interval pass, then drains. */
  async later(ms = 300): Promise<unknown[]> {
    this.clock.advance(ms)
    return this.drain()
  }

  /** Lets the enumerator look for files: its listing takes real time. */
  async discover(): Promise<unknown[]> {
    const before = this.#files.size
    for (let tries = 0; tries < 200 && this.#files.size === before; tries += 1) {
      this.clock.advance(1000)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return this.drain()
  }

  snapshot(): Snapshot {
    const files = new Map(this.#files)
    return structuredClone({ splits: this.#reader.snapshot(1), files })
  }

  async close(): Promise<void> {
    await this.#enumerator.close?.()
    await this.#reader.close?.()
  }
}

function expectAtMost(found: number, max: number): void {
  if (found > max) throw new Error(`poll(${max}) gave ${found} records`)
}

/** Reads everything there is, in one go. */
export async function readAll(options: FilesSourceOptions<unknown>, recordsMax = 1024): Promise<unknown[]> {
  const driver = await SourceDriver.start(options)
  try {
    return await driver.drain(recordsMax)
  } finally {
    await driver.close()
  }
}

/** Reads everything there is, going through a snapshot and a new source after every poll. */
export async function readWithRestores(options: FilesSourceOptions<unknown>, recordsMax: number): Promise<unknown[]> {
  const records: unknown[] = []
  let from: Snapshot | undefined
  for (;;) {
    const driver = await SourceDriver.start(options, { from })
    const polled = await driver.poll(recordsMax)
    from = driver.snapshot()
    await driver.close()
    if (typeof polled === 'string') return records
    records.push(...polled)
  }
}
