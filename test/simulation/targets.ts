// Targets: the systems that the simulated job writes to. They outlive every process, and look at all that is written.
//
// Owns: what readers of each target see.
// Does not own: the promises to the machine (they are those of src/contract/sink-function).
//
// I1. What breaks a promise is told at once, with what was there.

import type { RuntimeContext } from '../../src/contract/runtime-context.ts'
import {
  AppendSinkFunction,
  EpochSinkFunction,
  type RichSinkFunction,
  UpsertSinkFunction,
} from '../../src/contract/sink-function.ts'
import type { Shape, SinkKind } from './scenario.ts'
import type { Update } from './sim-job.ts'
import type { Site } from './sim-process.ts'

/** A promise of Millrace that was broken. */
export class Violation extends Error {}

/** Whether a power cut now would leave a complete checkpoint with this id or a later one. */
export type IsComplete = (checkpoint: number) => boolean

/** What a planted bug may change. */
export interface TargetLies {
  readonly forgetsEpochs: boolean
}

interface Part {
  readonly epoch: number
  readonly subtask: number
  readonly rows: readonly Update[]
  published: boolean
}

/** All targets of a seed. */
export class Targets {
  /** Everything the transactional target holds, in order. */
  readonly ledger: Update[] = []
  readonly markers = new Map<string, number>()
  /** By name. */
  readonly parts = new Map<string, Part>()
  readonly table = new Map<number, Update>()
  readonly lies: TargetLies
  #partsMade = 0
  readonly #isComplete: IsComplete
  #violation: Violation | undefined

  constructor(isComplete: IsComplete, lies: TargetLies) {
    this.#isComplete = isComplete
    this.lies = lies
  }

  /** The first broken promise. */
  get violation(): Violation | undefined {
    return this.#violation
  }

  sink(kind: SinkKind, site: Site): RichSinkFunction<Update> {
    if (kind === 'epoch') return new LedgerSink(this, site)
    return kind === 'append' ? new PartsSink(this, site) : new TableSink(this, site)
  }

  broken(what: string): void {
    this.#violation ??= new Violation(what)
  }

  applyEpoch(writer: string, epoch: number, rows: readonly Update[]): void {
    this.#mustBeComplete(epoch, `epoch ${epoch} of ${writer} was applied`)
    const last = this.markers.get(writer) ?? -1
    if (epoch <= last) this.broken(`the marker of ${writer} went from ${last} to ${epoch}`)
    if (rows.length === 0) this.broken(`an empty epoch ${epoch} was applied`)
    this.ledger.push(...rows)
    this.markers.set(writer, epoch)
    const problem = orderProblem(this.ledger)
    if (problem !== undefined) this.broken(`ledger, after epoch ${epoch} of ${writer}: ${problem}`)
  }

  addPart(epoch: number, subtask: number, rows: readonly Update[]): string {
    const name = `part-${++this.#partsMade}`
    this.parts.set(name, { epoch, subtask, rows, published: false })
    return name
  }

  publishPart(name: string): void {
    const part = this.parts.get(name)
    if (part === undefined) return this.broken(`${name} was committed but is not there`)
    this.#mustBeComplete(part.epoch, `${name} of epoch ${part.epoch} was published`)
    part.published = true
  }

  /** Everything of later epochs, of the subtasks whose successor asks. */
  cutParts(after: number, isMine: (subtask: number) => boolean): void {
    for (const [name, part] of this.parts) if (part.epoch > after && isMine(part.subtask)) this.parts.delete(name)
  }

  /** What readers of the parts see, in order of epochs. */
  get published(): Update[] {
    const parts = [...this.parts.values()].filter(({ published }) => published)
    return parts.sort((a, b) => a.epoch - b.epoch).flatMap(({ rows }) => rows)
  }

  #mustBeComplete(epoch: number, what: string): void {
    if (!this.#isComplete(epoch)) this.broken(`${what} before a checkpoint that holds it was complete`)
  }
}

/** Per key, records are numbered 1, 2, 3, … as they come. */
function orderProblem(rows: readonly Update[]): string | undefined {
  const last = new Map<number, number>()
  for (const row of rows) {
    const expected = (last.get(row.key) ?? 0) + 1
    if (row.count !== expected) {
      return `key ${row.key}: record ${row.count} (${row.split}#${row.i}) where ${expected} was expected`
    }
    last.set(row.key, row.count)
  }
  return undefined
}

/** What is wrong at the end of a job that has read everything. */
export function finalProblem(
  targets: Targets,
  shape: Shape,
  inputs: readonly { key: number; amount: number }[],
): string | undefined {
  const check = (kind: SinkKind, problem: () => string | undefined): string | undefined => {
    const found = shape.sinks.includes(kind) ? problem() : undefined
    return found === undefined ? undefined : `${kind}: ${found}`
  }
  const hidden = [...targets.parts].find(([, { published }]) => !published)
  return (
    check('epoch', () => rowsProblem(targets.ledger, shape, inputs)) ??
    check('append', () => (hidden === undefined ? undefined : `${hidden[0]} was never published`)) ??
    check('append', () => rowsProblem(targets.published, shape, inputs)) ??
    check('upsert', () => tableProblem(targets.table, inputs))
  )
}

function rowsProblem(
  rows: readonly Update[],
  shape: Shape,
  inputs: readonly { key: number; amount: number }[],
): string | undefined {
  if (rows.length !== inputs.length) return `${rows.length} of ${inputs.length} records are there`
  const latest = new Map(rows.map((row) => [row.key, row]))
  const groups = new Set(rows.map((row) => `${row.key % 2}/${row.groupCount}`))
  if (shape.stages === 2 && groups.size !== rows.length) return 'a count of the second stage is there twice'
  return orderProblem(rows) ?? splitOrderProblem(rows) ?? tableProblem(latest, inputs)
}

/** Records of one key and one split come in the order of the split. */
function splitOrderProblem(rows: readonly Update[]): string | undefined {
  const last = new Map<string, number>()
  for (const { key, split, i } of rows) {
    const path = `${key} of ${split}`
    if (i <= (last.get(path) ?? -1)) return `record ${i} of key ${path} came after record ${last.get(path)}`
    last.set(path, i)
  }
  return undefined
}

function tableProblem(
  table: ReadonlyMap<number, Update>,
  inputs: readonly { key: number; amount: number }[],
): string | undefined {
  const expected = new Map<number, { count: number; sum: number }>()
  for (const { key, amount } of inputs) {
    const { count, sum } = expected.get(key) ?? { count: 0, sum: 0 }
    expected.set(key, { count: count + 1, sum: sum + amount })
  }
  if (table.size !== expected.size) return `${table.size} of ${expected.size} keys are there`
  for (const [key, { count, sum }] of expected) {
    const row = table.get(key)
    if (row?.count !== count || row.sum !== sum) {
      return `key ${key} has count ${row?.count} and sum ${row?.sum}, and should have ${count} and ${sum}`
    }
  }
  return undefined
}

class LedgerSink extends EpochSinkFunction<Update> {
  readonly #targets: Targets
  readonly #site: Site

  constructor(targets: Targets, site: Site) {
    super()
    this.#targets = targets
    this.#site = site
  }

  lastEpoch(writer: string): Promise<number> {
    const { lies, markers } = this.#targets
    return this.#site.operate(() => (lies.forgetsEpochs ? -1 : (markers.get(writer) ?? -1)))
  }

  async apply(writer: string, epoch: number, batches: AsyncIterable<readonly Update[]>): Promise<void> {
    const rows: Update[] = []
    for await (const batch of batches) rows.push(...batch)
    const latencyMs = this.#site.faults.transactionLatency()
    const apply = (): void => this.#targets.applyEpoch(writer, epoch, rows)
    await this.#site.operate(apply, { ...UNSURE, latencyMs })
  }
}

class PartsSink extends AppendSinkFunction<Update> {
  readonly #targets: Targets
  readonly #site: Site
  #subtask = 0
  #parallelism = 1
  #rows: Update[] = []

  constructor(targets: Targets, site: Site) {
    super()
    this.#targets = targets
    this.#site = site
  }

  override open({ subtask, parallelism }: RuntimeContext): void {
    this.#subtask = subtask
    this.#parallelism = parallelism
  }

  restore(_states: readonly unknown[], checkpoint: number | undefined): Promise<void> {
    const isMine = (subtask: number): boolean => subtask % this.#parallelism === this.#subtask
    return this.#site.operate(() => this.#targets.cutParts(checkpoint ?? 0, isMine), UNSURE)
  }

  write(records: readonly Update[]): void {
    this.#rows.push(...records)
  }

  async prepare(epoch: number): Promise<{ state: unknown; commit: unknown }> {
    const rows = this.#rows
    this.#rows = []
    if (rows.length === 0) return { state: 0, commit: undefined }
    const name = await this.#site.operate(() => this.#targets.addPart(epoch, this.#subtask, rows), UNSURE)
    return { state: 0, commit: name }
  }

  commit(name: unknown): Promise<void> {
    return this.#site.operate(() => this.#targets.publishPart(String(name)), UNSURE)
  }
}

class TableSink extends UpsertSinkFunction<Update> {
  readonly #targets: Targets
  readonly #site: Site
  #rows: Update[] = []

  constructor(targets: Targets, site: Site) {
    super()
    this.#targets = targets
    this.#site = site
  }

  write(records: readonly Update[]): Promise<void> | undefined {
    this.#rows.push(...records)
    return this.#rows.length < 5 ? undefined : this.flush()
  }

  flush(): Promise<void> {
    const rows = this.#rows
    this.#rows = []
    return this.#site.operate(() => {
      for (const row of rows) this.#targets.table.set(row.key, row)
    }, UNSURE)
  }
}

const UNSURE = { failure: () => new Error('the target does not answer') }
