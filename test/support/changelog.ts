// What tests of changelogs have in common: random tables that change, bags to apply changes to, and a node run in every way.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect } from 'vitest'
import { NodeSession } from '../../runtime/testing/node-session.ts'
import { MAIN_OUTPUT } from '../../src/contract/operator.ts'
import type { Job } from '../../src/graph/job.ts'
import type { ChangelogStream, Flow } from '../../src/index.ts'
import { fromArray } from '../../src/index.ts'
import { type RowChange, takesAway } from '../../src/record/row-change.ts'
import { canonicalText } from '../../src/util/canonical-text.ts'

export type Mode = 'append' | 'retract'

/** Rows, each as often as it is there. Applying a change that takes away what is not there fails the test. */
export class Bag {
  readonly #counts = new Map<string, number>()

  constructor(rows: Iterable<unknown> = []) {
    for (const row of rows) this.add(row, 1)
  }

  add(row: unknown, times: number): void {
    const text = canonicalText(row)
    const count = (this.#counts.get(text) ?? 0) + times
    expect(count, `how often ${inspect(row)} is there`).toBeGreaterThanOrEqual(0)
    if (count === 0) this.#counts.delete(text)
    else this.#counts.set(text, count)
  }

  /** One record of a table's output: a change, or a row that is added. */
  apply(record: unknown): void {
    if (!isRowChange(record)) this.add(record, 1)
    else this.add(record.row, takesAway(record.kind) ? -1 : 1)
  }

  get content(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

export function bagOf(records: readonly unknown[]): Bag {
  const bag = new Bag()
  for (const record of records) bag.apply(record)
  return bag
}

export function isRowChange(record: unknown): record is RowChange<unknown> {
  return typeof record === 'object' && record !== null && 'kind' in record && 'row' in record
}

/** Runs of a property in all ways: each opens a state backend for each way, so that shrinking would take minutes. */
export const PLAYS = { numRuns: process.env.MILLRACE_FULL === '1' ? 8 : 2, endOnFailure: true }

/** Random changes of a table that is empty at first: rows come, go, and are replaced. */
export function changesOf<T>(row: fc.Arbitrary<T>, mode: Mode, maxLength = 40): fc.Arbitrary<RowChange<T>[]> {
  const step = fc.record({ row, what: fc.constantFrom('add', 'add', 'remove', 'update'), at: fc.nat(100) })
  return fc.array(step, { maxLength, size: 'max' }).map((steps) => {
    const changes: RowChange<T>[] = []
    const live: T[] = []
    for (const { row: next, what, at } of steps) {
      const old = mode === 'append' || what === 'add' ? undefined : live.splice(at % Math.max(live.length, 1), 1)[0]
      const updates = old !== undefined && what === 'update'
      // A copy: rows are equal as data, not as objects.
      if (old !== undefined) changes.push({ kind: updates ? '-U' : '-D', row: structuredClone(old) })
      if (old !== undefined && !updates) continue
      changes.push({ kind: updates ? '+U' : '+I', row: next })
      live.push(next)
    }
    return changes
  })
}

/** The rows that are there after these changes, in stream order; of equal ones the `first` or the `last` goes. */
export function liveRows<T>(changes: readonly RowChange<T>[], goes: 'first' | 'last' = 'first'): T[] {
  const live: { readonly text: string; readonly row: T }[] = []
  for (const { kind, row } of changes) {
    const text = canonicalText(row)
    const same = (one: { readonly text: string }): boolean => one.text === text
    if (!takesAway(kind)) live.push({ text, row })
    else live.splice(goes === 'first' ? live.findIndex(same) : live.findLastIndex(same), 1)
  }
  return live.map(({ row }) => row)
}

/** A table without rows, for jobs of which one node is driven by hand. */
export function emptyTable<T>(flow: Flow, name: string, mode: Mode): ChangelogStream<T> {
  if (mode === 'append') return flow.from(name, fromArray<T>([])).toChangelog()
  return flow.from(name, fromArray<RowChange<T>>([])).rowChangesToChangelog<T>(`${name}-changes`)
}

/** What a node takes: of a table that only grows, the rows themselves. */
export function recordsOf<T>(changes: readonly RowChange<T>[], mode: Mode): readonly unknown[] {
  return mode === 'append' ? changes.map(({ row }) => row) : changes
}

export interface Input {
  readonly input: number
  readonly record: unknown
}

export interface Play {
  readonly job: Job
  readonly node: string
  readonly inputs: readonly Input[]
  /** After the nth record came in (from 1) and went through: all that has come out. Only where records come singly. */
  readonly after?: (n: number, emitted: readonly unknown[]) => void
  /** All that has come out when the input has ended. */
  readonly end: (emitted: readonly unknown[], way: string) => void
}

/** Records between two restores, which are slow. */
const RESTART_EVERY = 7
const WAYS = ['singly', 'in bulk', 'restored', 'narrow', 'batch', 'narrow batch'] as const

/** Runs the node in every way in which the machine may run it. */
export async function playAllWays(play: Play): Promise<void> {
  for (const way of WAYS) await playOneWay(play, way)
}

async function playOneWay({ job, node, inputs, after, end }: Play, way: (typeof WAYS)[number]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'changelog-'))
  const narrow = way.startsWith('narrow')
  const cacheBytes = narrow ? 1 : Number.POSITIVE_INFINITY
  const mode = way.endsWith('batch') ? 'batch' : 'stream'
  const session = new NodeSession({ job, node, folder, settings: {}, outputs: [MAIN_OUTPUT], narrow, cacheBytes, mode })
  const emitted = (): unknown[] => (session.emitted.get(MAIN_OUTPUT) ?? []).map(({ value }) => value)
  try {
    await session.open()
    const singly = way === 'singly' || way === 'restored'
    for (const [index, group] of (singly ? inputs.map((one) => [one]) : together(inputs)).entries()) {
      const values = group.map(({ record }) => record)
      await session.push({ input: group[0]?.input ?? 0, values, timestamps: undefined })
      if (way === 'restored' && index % RESTART_EVERY === 0) await session.restart()
      if (way === 'singly') after?.(index + 1, emitted())
    }
    await session.end()
    end(emitted(), way)
  } finally {
    await session.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Records of one input that come one after the other, at most five. */
function together(inputs: readonly Input[]): Input[][] {
  const groups: Input[][] = []
  for (const one of inputs) {
    const last = groups.at(-1)
    if (last !== undefined && last.length < 5 && last[0]?.input === one.input) last.push(one)
    else groups.push([one])
  }
  return groups
}
