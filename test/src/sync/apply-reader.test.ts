// ApplyReader against a model: topics as a sync writes them, of a random log; read in batches of any size, in any turn, restored after any
// of them, with or without an end. What comes out, applied strictly, is the table at the log's end, or at the end asked for.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { changes } from '../../../src/connectors/kafka/formats/changes.ts'
import type { WrittenRecord } from '../../../src/connectors/kafka/formats/format.ts'
import type { KafkaRecord } from '../../../src/connectors/kafka/records/kafka-record.ts'
import type { KafkaSplit } from '../../../src/connectors/kafka/source/kafka-split.ts'
import type { Polled, ReaderContext, SourceReader } from '../../../src/contract/source-function.ts'
import { batchOf } from '../../../src/record/batch.ts'
import type { Change } from '../../../src/record/change.ts'
import { ApplyReader, type SyncSplit } from '../../../src/sync/apply-reader.ts'
import { writeMark } from '../../../src/sync/mark.ts'
import { TopicNames } from '../../../src/sync/topic-names.ts'
import { type Rng, seededRng } from '../../../src/util/rng.ts'
import { runtimeContext } from '../../support/runtime-context.ts'

type Row = readonly [id: number, value: number]

const names = new TopicNames('p')
const TABLES = ['a', 'b', 'c']

/** One change of the log; its position is its number, its time ten times that. */
interface Logged {
  readonly table: string
  readonly id: number
  readonly version: number
}

class Topics {
  readonly records = new Map<string, KafkaRecord[]>()
  readonly #format = changes<Row>()

  put({ topic = '', key = null, value, headers = [] }: WrittenRecord): void {
    const list = this.records.get(topic) ?? []
    this.records.set(topic, list)
    const bytes = (part: unknown): Buffer | null => (part === null ? null : Buffer.from(part as string))
    const pairs = (headers as readonly (readonly [string, string])[]).map(
      ([name, text]) => [name, bytes(text)] as const,
    )
    list.push({
      topic,
      partition: 0,
      offset: list.length,
      timestampMs: 0,
      key: bytes(key),
      value: bytes(value),
      headers: pairs,
    })
  }

  change(topic: string, change: Change<Row>): void {
    const { key = null, value } = this.#format.write(change)
    this.put({ topic, key, value })
  }
}

/** Reads topics as kafkaSource's reader does, in random turns. */
class TopicReader implements SourceReader<KafkaRecord, SyncSplit> {
  readonly #topics: Topics
  readonly #rng: Rng
  readonly #context: ReaderContext
  #splits: KafkaSplit[] = []

  constructor(topics: Topics, rng: Rng, context: ReaderContext) {
    this.#topics = topics
    this.#rng = rng
    this.#context = context
  }

  addSplits(splits: readonly KafkaSplit[]): void {
    this.#splits.push(...splits)
  }
  noMoreSplits(): void {}
  snapshot(): readonly KafkaSplit[] {
    return this.#splits
  }
  async available(): Promise<void> {}

  poll(): Polled<KafkaRecord> {
    for (let n = this.#splits.length, first = this.#rng.int(Math.max(1, n)); n > 0; n--) {
      const index = (first + n) % this.#splits.length
      const split = this.#splits[index] as KafkaSplit
      const end = split.offset + 1 + this.#rng.int(4)
      const records = (this.#topics.records.get(split.topic) ?? []).slice(
        split.offset,
        Math.min(end, split.stop ?? end),
      )
      if (records.length === 0) continue
      const offset = split.offset + records.length
      this.#splits[index] = { ...split, offset }
      if (offset === split.stop) {
        this.#splits.splice(index, 1)
        this.#context.splitFinished(split.id)
      }
      return batchOf(records)
    }
    return 'idle'
  }
}

/** What a strict target holds: a change that does not fit what is there, or has no columns before it, throws. */
class Target {
  readonly rows = new Map<string, number>()
  #told = new Set<string>()

  /** The process that wrote is gone. */
  forget(): void {
    this.#told = new Set()
  }

  apply({ op, before, after, source: { table } }: Change<Row>): void {
    if (op === 's') this.#told.add(table)
    else if (!this.#told.has(table)) throw new Error(`${op} of ${table} before its columns`)
    if (op === 't') for (const key of [...this.rows.keys()]) if (key.startsWith(table)) this.rows.delete(key)
    if (op === 's' || op === 't') return
    const key = `${table} ${(after ?? before)?.[0]}`
    if (this.rows.get(key) !== before?.[1]) throw new Error(`${op} ${key} ${before} does not fit ${this.rows.get(key)}`)
    if (after === null) this.rows.delete(key)
    else this.rows.set(key, after[1])
  }
}

const sourceAt = (table: string, position: number) => ({
  ...{ connector: 'model', database: 'db', table, snapshot: false },
  ...{ position: String(position), timestampMs: position * 10 },
})

/** The rows of a table behind the first so many changes. */
function tableAt(log: readonly Logged[], count: number): Map<string, number> {
  const rows = new Map<string, number>()
  for (const { table, id, version } of log.slice(0, count))
    if (version === 0) rows.delete(`${table} ${id}`)
    else rows.set(`${table} ${id}`, version)
  return rows
}

/** What the first two jobs of a sync write: `full` tables are read as of `until`. */
function topicsOf(log: readonly Logged[], until: number, full: readonly string[], rng: Rng): Topics {
  const topics = new Topics()
  topics.put(writeMark(names.control, { type: 'begun' }))
  const columns = (table: string, position: number): Change<Row> => ({
    ...{ op: 's', before: null, after: null, key: [] },
    ...{ schema: { columns: [], key: ['id'] }, source: sourceAt(table, position) },
  })
  const told = new Set<string>()
  for (const [at, { table, id, version }] of log.entries()) {
    const was = tableAt(log, at).get(`${table} ${id}`)
    const source = sourceAt(table, at + 1)
    const topic = names.changes(`db.${table}`)
    // Once, and again wherever the writer was started anew.
    if (!told.has(table) || rng.int(5) === 0) topics.change(topic, columns(table, at + 1))
    told.add(table)
    const [before, after]: readonly [Row | null, Row | null] = [
      was === undefined ? null : [id, was],
      version === 0 ? null : [id, version],
    ]
    if (before === null && after === null) continue
    const op = before === null ? 'c' : after === null ? 'd' : 'u'
    topics.change(topic, { op, before, after, key: [id], source })
  }
  for (const [index, table] of full.entries()) {
    const topic = names.full(`db.${table}`)
    topics.change(topic, columns(table, until))
    for (const [key, version] of tableAt(log, until)) {
      if (!key.startsWith(table)) continue
      const id = Number(key.slice(2))
      topics.change(topic, { op: 'r', before: null, after: [id, version], key: [id], source: sourceAt(table, 0) })
    }
    topics.put(writeMark(topic, { type: 'done', until }))
    const part = { part: index + 1, parts: full.length, tables: [`db.${table}`], atMs: until * 10 }
    topics.put(writeMark(names.control, { type: 'closed', ...part }))
  }
  return topics
}

interface Reading {
  readonly topics: Topics
  readonly target: Target
  readonly untilMs?: number
  readonly empty?: boolean
  readonly rng: Rng
}

/** Reads until nothing comes, with restores at random. Returns the splits as they are then. */
async function read(
  splits: readonly SyncSplit[],
  { topics, target, untilMs, empty = false, rng }: Reading,
): Promise<readonly SyncSplit[]> {
  let now = splits
  for (;;) {
    const reader = new ApplyReader<Row>({
      ...{ names, untilMs, empty, context: context() },
      open: (inner) => new TopicReader(topics, rng, inner),
      covers: (offset, { position }) => Number(position) <= (offset as number),
      ends: async () => new Map([...topics.records].map(([topic, { length }]) => [topic, length])),
    })
    await reader.open()
    await reader.addSplits(now)
    for (let polls = rng.int(12); ; polls--) {
      const polled = await reader.poll(10)
      if (polled === 'end' || (polled === 'idle' && untilMs === undefined)) return reader.snapshot(1)
      if (polled !== 'idle') for (const change of polled.values) target.apply(change)
      now = reader.snapshot(1)
      if (polls <= 0) break
    }
    target.forget()
  }
}

const context = (): ReaderContext => ({
  ...runtimeContext(),
  requestSplit: () => {},
  sendToEnumerator: () => {},
  reportProgress: () => {},
  splitFinished: () => {},
})

const splitsOf = (topics: Topics): SyncSplit[] =>
  [...topics.records.keys(), 'p.somebody.elses.topic'].map((topic) => ({
    ...{ id: `${topic}/0`, topic, topicId: null, partition: 0, offset: 0 },
  }))

const logged = fc.record({ table: fc.constantFrom(...TABLES), id: fc.nat(3), version: fc.nat(9) })
// An update to the same value is no change.
const logs = fc
  .array(logged, { maxLength: 40 })
  .map((log) => log.map((one, at) => ({ ...one, version: one.version < 3 ? 0 : at + 1 })))
const cases = fc.record({ log: logs, seed: fc.nat(), cut: fc.nat(40), stop: fc.nat(40) })
const full = ['a', 'b']

describe('ApplyReader', () => {
  it('gives each table as it is at the end, whatever is restored when (I1-I4)', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ log, seed, cut }) => {
        const rng = seededRng(seed)
        // A table that is not read in full came behind that.
        const until = Math.min(cut, log.length, ...log.flatMap(({ table }, at) => (table === 'c' ? [at] : [])))
        const topics = topicsOf(log, until, full, rng)
        const target = new Target()
        await read(splitsOf(topics), { topics, target, rng })
        expect(target.rows).toEqual(tableAt(log, log.length))
      }),
      { numRuns: 400 },
    )
  })

  it('ends behind a time, into a target that had rows, and goes on from there (I5)', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ log, seed, cut, stop }) => {
        const rng = seededRng(seed)
        const until = Math.min(cut, log.length, ...log.flatMap(({ table }, at) => (table === 'c' ? [at] : [])))
        const end = Math.max(until, Math.min(stop, log.length))
        const topics = topicsOf(log, until, full, rng)
        const target = new Target()
        for (const table of full) target.rows.set(`${table} 99`, 1)
        const splits = await read(splitsOf(topics), { topics, target, untilMs: end * 10, empty: true, rng })
        expect(target.rows).toEqual(tableAt(log, end))
        target.forget()
        await read(splits, { topics, target, rng })
        expect(target.rows).toEqual(tableAt(log, log.length))
      }),
      { numRuns: 400 },
    )
  })

  it('refuses an end before the tables were read in full, and one while they are not', async () => {
    const rng = seededRng(1)
    const topics = topicsOf([{ table: 'a', id: 1, version: 1 }], 1, full, rng)
    const reading = () => ({ topics, target: new Target(), rng })
    const refused = (message: string) =>
      expect.objectContaining({ code: 'SETTING_INVALID', message: expect.stringContaining(message) })
    await expect(read(splitsOf(topics), { ...reading(), untilMs: 9 })).rejects.toThrow(
      refused('1970-01-01T00:00:00.010Z'),
    )
    topics.records.get(names.control)?.pop()
    await expect(read(splitsOf(topics), { ...reading(), untilMs: 1000 })).rejects.toThrow(refused('not yet'))
  })
})
