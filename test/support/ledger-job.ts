// A job whose output can be compared: numbers 0 to records - 1 in splits, summed per key, each update written once to a folder
// that stands for a transactional target.

import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineSource, EpochSinkFunction, type Job, type JobOptions, job, KeyedProcessFunction } from 'millrace'
import type { Collector, KeyedProcessContext } from '../../src/contract/process-function.ts'

export interface LedgerJobOptions extends JobOptions {
  readonly target: string
  readonly records: number
  readonly splits?: number
  /** Never ends: after the last record it waits. */
  readonly endless?: boolean
  /** Ms between reads of 50 records. */
  readonly pauseMs?: number
  /** Asked before each read of a split: whether it may go on after so many records. */
  readonly mayRead?: (read: number) => boolean
  /** Called with each record before it is summed; may throw. */
  readonly onRecord?: (value: number) => void
  readonly onStart?: () => void
  readonly onFinished?: () => void
  readonly onApply?: (epoch: number) => void
  readonly sums?: string
}

export interface Update {
  readonly key: number
  readonly value: number
  readonly sum: number
}

export const KEYS = 7

class RunningSum extends KeyedProcessFunction<number, number, Update> {
  readonly #total = this.valueState<number>('total')
  readonly #onRecord: ((value: number) => void) | undefined

  constructor(onRecord: ((value: number) => void) | undefined) {
    super()
    this.#onRecord = onRecord
  }

  override process(value: number, context: KeyedProcessContext<number>, out: Collector<Update>): void {
    this.#onRecord?.(value)
    const sum = (this.#total.get() ?? 0) + value
    this.#total.set(sum)
    out.emit({ key: context.key, value, sum })
  }
}

/** One file per epoch, named for it: the file is data and marker in one rename. */
class FolderSink extends EpochSinkFunction<Update> {
  readonly #folder: string
  readonly #onApply: ((epoch: number) => void) | undefined

  constructor(folder: string, onApply: ((epoch: number) => void) | undefined) {
    super()
    this.#folder = folder
    this.#onApply = onApply
  }

  override async lastEpoch(writer: string): Promise<number> {
    const names = await readdir(this.#folder).catch(() => [])
    const epochs = names.filter((name) => name.startsWith(`${encodeURIComponent(writer)}@`))
    return Math.max(-1, ...epochs.map((name) => Number(name.split('@')[1])))
  }

  override async apply(writer: string, epoch: number, batches: AsyncIterable<readonly Update[]>): Promise<void> {
    const lines: string[] = []
    for await (const batch of batches) lines.push(...batch.map((update) => JSON.stringify(update)))
    await mkdir(this.#folder, { recursive: true })
    const name = `${encodeURIComponent(writer)}@${epoch}`
    await writeFile(join(this.#folder, `.${name}`), lines.join('\n'), { flag: 'w' })
    this.#onApply?.(epoch)
    if ((await readdir(this.#folder)).includes(name)) throw new Error(`epoch ${epoch} was applied twice`)
    await rename(join(this.#folder, `.${name}`), join(this.#folder, name))
  }
}

export function ledgerJob(options: LedgerJobOptions): Job {
  const { target, records, onRecord, onStart, onFinished, onApply, ...rest } = options
  const {
    splits: _splits,
    endless: _endless,
    pauseMs: _pauseMs,
    mayRead: _mayRead,
    sums = 'sums',
    ...jobOptions
  } = rest
  return job(
    'ledger',
    (flow) => {
      flow
        .from('numbers', defineSource<number, number>(numbersSource(options)))
        .keyBy('by-rest', (value) => value % KEYS)
        .process(sums, () => new RunningSum(onRecord))
        .to('target', () => new FolderSink(target, onApply))
      flow.onStart(() => onStart?.())
      flow.onFinished(() => onFinished?.())
    },
    jobOptions,
  )
}

function numbersSource({ records, splits = 2, endless = false, pauseMs = 0, mayRead }: LedgerJobOptions) {
  return {
    splits: Object.fromEntries(Array.from({ length: splits }, (_, i) => [`s${i}`, 0])),
    bounded: !endless,
    pollMs: 2,
    read: async (position: number, limit: number, split: string) => {
      if (mayRead?.(position * splits) === false) return 'idle' as const
      if (pauseMs > 0) await sleep(pauseMs)
      const first = Number(split.slice(1))
      const values: number[] = []
      let next = position
      while (values.length < Math.min(limit, 50) && next * splits + first < records)
        values.push(next++ * splits + first)
      if (values.length > 0) return { records: values, position: next }
      return endless ? ('idle' as const) : ('end' as const)
    },
  }
}

/** What the target holds, in the order of epochs. */
export async function readTarget(target: string): Promise<Update[]> {
  const names = (await readdir(target).catch(() => [])).filter((name) => !name.startsWith('.'))
  names.sort((a, b) => Number(a.split('@')[1]) - Number(b.split('@')[1]))
  const texts = await Promise.all(names.map((name) => readFile(join(target, name), 'utf8')))
  return texts.flatMap((text) => text.split('\n').map((line) => JSON.parse(line) as Update))
}

/** Why the target is not what a run without faults gives; undefined if it is. */
export function faultOf(updates: readonly Update[], records: number): string | undefined {
  const seen = updates.map((update) => update.value).sort((a, b) => a - b)
  if (new Set(seen).size !== seen.length) return `duplicates among ${seen.length} updates`
  if (seen.length !== records) return `${seen.length} updates instead of ${records}`
  const sums = new Map<number, number>()
  for (const update of updates) {
    const sum = (sums.get(update.key) ?? 0) + update.value
    sums.set(update.key, sum)
    if (sum !== update.sum) return `sum of key ${update.key} is ${update.sum} instead of ${sum}`
  }
  return undefined
}
