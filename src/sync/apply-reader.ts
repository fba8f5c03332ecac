// ApplyReader: makes one stream of changes of a sync's topics.
//
// Owns: which topics are read already, and what was learnt from them; it stands in the splits, so a restored reader knows it too.
// Does not own: reading a topic (kafkaSource's reader).
//
// I1. A table's changes are read when its full topic was read to its end; or, of a table that has none, when every part is closed.
// I2. A change at or before the place that the full topic is as of is left out: it is in there.
// I3. Before rows their columns are told, as a change source does: again after a restore, for sinks have forgotten them then, and those that
//     were told last by what was left out, for the table may have come to have them since.
// I4. What is not read yet was not given to the inner reader, so it takes none of its memory.
// I5. With an end, a topic is left at the first change behind it, and stays among the splits: a run without one goes on from there.
// I6. In batch mode it ends where topics end when the tables were read in full, and reads no changes before it knows that.

import type { Offset } from '../connectors/cdc/index.ts'
import { changes } from '../connectors/kafka/formats/changes.ts'
import type { KafkaRecord } from '../connectors/kafka/records/kafka-record.ts'
import type { KafkaSplit } from '../connectors/kafka/source/kafka-split.ts'
import type { Polled, ReaderContext, SourceReader } from '../contract/source-function.ts'
import { MillraceError } from '../errors.ts'
import { batchOf } from '../record/batch.ts'
import type { Change, ChangeSource } from '../record/change.ts'
import { Reminder } from './late-start.ts'
import { type Mark, readMark } from './mark.ts'
import type { SyncTopic, TopicNames } from './topic-names.ts'

/** What was learnt from a topic that is read so far. */
export interface Learnt {
  /** Its table's first record was passed on. */
  readonly begun?: true
  /** Of a full topic that is read to its end: what it is as of. */
  readonly done?: Offset
  /** The columns told last, op `s`. */
  readonly columns?: Change<unknown>
  /** Of the control topic. */
  readonly closed?: readonly Closed[]
}

/** A partition of a topic, and what was learnt from it. */
export interface SyncSplit extends KafkaSplit {
  readonly learnt?: Learnt
}

type Closed = Extract<Mark, { type: 'closed' }>

interface Topic extends SyncTopic {
  /** Where it is while the inner reader does not have it. */
  split: KafkaSplit
  state: 'waits' | 'read' | 'over'
  /** The first record that lies behind the end of this run: it and what follows are for another one. */
  cut: number | undefined
  learnt: Learnt
  /** The columns are to be told before a row is. */
  untold: boolean
  /** Whether the changes of this transaction are left out. */
  verdict: { readonly transaction: string; readonly covered: boolean } | undefined
}

export interface ApplyReaderOptions {
  readonly open: (context: ReaderContext) => SourceReader<KafkaRecord, SyncSplit>
  readonly names: TopicNames
  readonly covers: (offset: Offset, source: ChangeSource) => boolean
  /** Where each topic ends that is there now. */
  readonly ends: () => Promise<ReadonlyMap<string, number>>
  /** Infinity: in batch mode, where the topics end once the tables were read in full. */
  readonly untilMs: number | undefined
  readonly empty: boolean
  readonly context: ReaderContext
}

/** Batches of which nothing is passed on, before others have their turn. */
const SILENT_BATCHES_MAX = 32

export class ApplyReader<Row> implements SourceReader<Change<Row>, SyncSplit> {
  readonly #options: ApplyReaderOptions
  readonly #inner: SourceReader<KafkaRecord, SyncSplit>
  readonly #format = changes<Row>()
  readonly #reminder: Reminder
  readonly #topics = new Map<string, Topic>()
  /** Splits of topics that are none of this sync's. */
  readonly #others: KafkaSplit[] = []
  /** Where topics end in a run that has an end. */
  #ends: ReadonlyMap<string, number> | undefined
  #again = false
  /** Something may be read now that was not before. */
  #learntMore = false

  constructor(options: ApplyReaderOptions) {
    this.#options = options
    this.#reminder = new Reminder(options.context)
    this.#inner = options.open({ ...options.context, mode: 'stream', splitFinished: (id) => this.#over(id) })
  }

  async open(): Promise<void> {
    const { ends, untilMs } = this.#options
    if (untilMs !== undefined && !this.#isBatch) this.#ends = await ends()
    await this.#inner.open?.()
  }

  async addSplits(splits: readonly SyncSplit[]): Promise<void> {
    for (const { learnt = {}, ...split } of splits) {
      const found = this.#options.names.read(split.topic)
      if (found === undefined || split.partition !== 0) this.#others.push(split)
      else
        this.#topics.set(split.topic, {
          ...found,
          split,
          learnt,
          state: 'waits',
          untold: true,
          cut: undefined,
          verdict: undefined,
        })
    }
    if (splits.length > 0) this.#reminder.done()
    await this.#release()
  }

  /** New topics are found as long as the job runs. */
  noMoreSplits(): void {}

  async onEvent(event: unknown): Promise<void> {
    await this.#inner.onEvent?.(event)
  }

  async poll(maxRecords: number): Promise<Polled<Change<Row>>> {
    this.#again = false
    this.#reminder.remind()
    for (let batch = 0; batch < SILENT_BATCHES_MAX; batch++) {
      const polled = await this.#inner.poll(maxRecords)
      if (polled === 'idle' || polled === 'end') return this.#isOver() ? 'end' : 'idle'
      const out = this.#take(polled.values)
      if (this.#learntMore) await this.#release()
      if (out.length > 0) return batchOf(out)
    }
    this.#again = true
    return 'idle'
  }

  async available(): Promise<void> {
    if (!this.#again) await this.#reminder.orElse(this.#inner.available())
  }

  snapshot(checkpoint: number): readonly SyncSplit[] {
    const positions = new Map(this.#inner.snapshot(checkpoint).map((split) => [split.topic, split]))
    const ours = [...this.#topics.values()].map(({ split, learnt, cut }) => {
      const { stop: _, ...position } = positions.get(split.topic) ?? split
      return { ...position, offset: cut ?? position.offset, learnt }
    })
    return [...ours, ...this.#others]
  }

  async checkpointComplete(checkpoint: number): Promise<void> {
    await this.#inner.checkpointComplete?.(checkpoint)
  }

  async close(): Promise<void> {
    await this.#inner.close?.()
  }

  /** What of these records, all of one topic, is passed on. */
  #take(records: readonly KafkaRecord[]): Change<Row>[] {
    const topic = this.#topics.get(records[0]?.topic ?? '')
    const out: Change<Row>[] = []
    if (topic === undefined) return out
    const full = topic.kind === 'changes' ? this.#of('full', topic.table)?.learnt.done : undefined
    for (const change of this.#read(topic, records)) {
      const counts = full === undefined || !this.#isCovered(topic, full, change.source)
      if (change.op === 's') {
        topic.learnt = { ...topic.learnt, columns: change }
        topic.untold = !counts
      }
      if (counts) this.#pass(topic, change, out)
    }
    return out
  }

  /** The changes of these records up to the end of this run. */
  #read(topic: Topic, records: readonly KafkaRecord[]): readonly Change<Row>[] {
    const { untilMs = Number.POSITIVE_INFINITY } = this.#options
    const read: Change<Row>[] = []
    for (const record of records) {
      if (topic.cut !== undefined) break
      const mark = readMark(record)
      if (mark !== undefined) {
        this.#learn(topic, mark)
        continue
      }
      this.#format.read(record, read)
      if (topic.kind === 'full' || (read.at(-1)?.source.timestampMs ?? 0) <= untilMs) continue
      read.pop()
      topic.cut = record.offset
    }
    return read
  }

  #learn(topic: Topic, mark: Mark): void {
    this.#learntMore = true
    if (mark.type === 'done') topic.learnt = { ...topic.learnt, done: mark.until }
    if (mark.type === 'closed') topic.learnt = { ...topic.learnt, closed: [...(topic.learnt.closed ?? []), mark] }
  }

  #isCovered(topic: Topic, full: Offset, source: ChangeSource): boolean {
    const { transaction } = source
    if (transaction === undefined) return this.#options.covers(full, source)
    if (topic.verdict?.transaction !== transaction)
      topic.verdict = { transaction, covered: this.#options.covers(full, source) }
    return topic.verdict.covered
  }

  #pass(topic: Topic, change: Change<Row>, out: Change<Row>[]): void {
    const { begun, columns } = topic.learnt
    if (topic.untold && columns !== undefined) {
      topic.untold = false
      out.push(columns as Change<Row>)
    }
    if (change.op === 's') out.push(change)
    if (begun === undefined) {
      topic.learnt = { ...topic.learnt, begun: true }
      const isFirst = topic.kind === 'full' || this.#of('full', topic.table) === undefined
      if (this.#options.empty && isFirst)
        out.push({ op: 't', before: null, after: null, key: [], source: change.source })
    }
    if (change.op !== 's') out.push(change)
  }

  /** Gives the inner reader what may be read by now. */
  async #release(): Promise<void> {
    this.#learntMore = false
    if (this.#isBatch && this.#ends === undefined && this.#isClosed) await this.#fixEnds()
    const ready = [...this.#topics.values()].filter((topic) => topic.state === 'waits' && this.#isReady(topic))
    const given: KafkaSplit[] = []
    for (const topic of ready) {
      const stop = this.#stopOf(topic)
      topic.state = topic.learnt.done !== undefined || (stop ?? Infinity) <= topic.split.offset ? 'over' : 'read'
      if (topic.state === 'read') given.push(stop === undefined ? topic.split : { ...topic.split, stop })
    }
    if (given.length > 0) await this.#inner.addSplits(given)
  }

  /** In batch mode. The control topic has said all that it was read for. */
  async #fixEnds(): Promise<void> {
    this.#ends = await this.#options.ends()
    const control = this.#topics.get(this.#options.names.control)
    if (control?.state === 'read') control.state = 'over'
  }

  #isReady({ kind, table, split }: Topic): boolean {
    if (this.#ends !== undefined && !this.#ends.has(split.topic)) return false
    if (kind !== 'changes') return true
    if (this.#isBatch && this.#ends === undefined) return false
    const full = this.#of('full', table)
    if (full?.learnt.done !== undefined) return true
    return this.#isClosed && !this.#closed.some(({ tables }) => tables.includes(table))
  }

  /** A full topic ends by its own last record. */
  #stopOf({ kind, split }: Topic): number | undefined {
    return kind === 'full' ? undefined : this.#ends?.get(split.topic)
  }

  #over(id: string): void {
    const topic = this.#topics.get(id.slice(0, id.lastIndexOf('/')))
    const stop = topic === undefined ? undefined : this.#stopOf(topic)
    if (topic === undefined || stop === undefined) return
    topic.split = { ...topic.split, offset: topic.cut ?? stop }
    topic.state = 'over'
  }

  /** With an end: whether every topic is read up to there. Throws SETTING_INVALID for an end that the full topics are behind. */
  #isOver(): boolean {
    const { untilMs } = this.#options
    if (this.#ends === undefined || untilMs === undefined) return false
    const topics = [...this.#topics.values()]
    if (!topics.some(({ kind, state }) => kind === 'control' && state === 'over')) return false
    const doneMs = Math.max(...this.#closed.map(({ atMs }) => atMs))
    if (!this.#isClosed || doneMs > untilMs) {
      const when = this.#isClosed
        ? new Date(doneMs).toISOString()
        : 'the tables are read in full, which they are not yet'
      const value = new Date(untilMs).toISOString()
      throw new MillraceError('SETTING_INVALID', { key: 'until', value, expected: `a time not before ${when}` })
    }
    const full = this.#closed.flatMap(({ tables }) => tables)
    if (full.some((table) => this.#of('full', table)?.learnt.done === undefined)) return false
    return [...this.#ends.keys()].every((name) => {
      const topic = this.#topics.get(name)
      return topic !== undefined && (topic.kind === 'full' || topic.state === 'over')
    })
  }

  #of(kind: 'full' | 'changes', table: string): Topic | undefined {
    return this.#topics.get(this.#options.names[kind](table))
  }

  get #isBatch(): boolean {
    return this.#options.untilMs === Number.POSITIVE_INFINITY
  }

  get #closed(): readonly Closed[] {
    return this.#topics.get(this.#options.names.control)?.learnt.closed ?? []
  }

  get #isClosed(): boolean {
    const [first] = this.#closed
    return first !== undefined && new Set(this.#closed.map(({ part }) => part)).size === first.parts
  }
}
