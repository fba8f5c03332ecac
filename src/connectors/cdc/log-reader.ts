// LogReader: follows the change log of a source from its position and lets through what no snapshot shows.
//
// Owns: the log split (position, tables), the open log, the gates of tables whose snapshot the log is not past.
// Does not own: chunks; whom it talks to (it says what it has to say through `tell`).
//
// I1. position never moves past a change that was neither emitted nor judged to be shown by a snapshot or emitted before.
// I2. Setting the log back for a joining table gives every other table a floor at the place left: nothing of theirs comes twice.
// I3. While a gated table's gate is not open, nothing is read.

import type { Change, TableSchema } from '../../record/change.ts'
import { assert } from '../../util/assert.ts'
import type { LogSplit, LogTable, TableRef, ToEnumerator, ToReader } from './change-split.ts'
import type { ChangeLog, ChangePort, LogPage, Offset } from './port.ts'
import { schemaChange } from './schema-change.ts'
import { TableGate } from './table-gate.ts'

export interface LogReaderOptions<Row> {
  readonly port: ChangePort<Row>
  readonly split: LogSplit
  /** `batch`: ends where the log ended when this reader got it, or when a table joined last. */
  readonly mode: 'stream' | 'batch'
  readonly schemaChanges: boolean
  readonly tell: (message: ToEnumerator) => void
}

export class LogReader<Row> {
  readonly #options: LogReaderOptions<Row>
  readonly #port: ChangePort<Row>
  readonly #tables = new Map<string, LogTable>()
  readonly #gates = new Map<string, TableGate<Row>>()
  /** The columns last told, by table. Empty after a restore, so that what follows is always preceded by its columns. */
  readonly #schemas = new Map<string, TableSchema>()
  /** Tables that were told to be empty, with no row since. */
  readonly #emptied = new Set<string>()
  /** Tables that were not there at some moment, and a place behind it. */
  readonly #missing = new Map<string, Offset>()
  #position: Offset
  #until: Offset | undefined
  #log: ChangeLog<Row> | undefined
  #ended = false
  /** Any table needs more than a look at its name. */
  #judging = false

  constructor(options: LogReaderOptions<Row>) {
    this.#options = options
    this.#port = options.port
    this.#position = options.split.position
    for (const { emptied, ...table } of options.split.tables) {
      this.#tables.set(table.table, table)
      if (emptied) this.#emptied.add(table.table)
    }
  }

  get ended(): boolean {
    return this.#ended
  }

  get position(): Offset {
    return this.#position
  }

  /** Everything it needs to read is there. */
  get isReady(): boolean {
    return !this.#ended && this.#closedGates === 0
  }

  async start(): Promise<void> {
    await this.#setEnd()
    this.#options.tell({ type: 'log', tables: [...this.#tables.values()] })
    for (const table of this.#tables.values()) if (table.gated && table.restarting === undefined) this.#askGates(table)
    this.#survey()
    if (this.#isAtEnd()) this.#end()
  }

  snapshot(): LogSplit {
    const { split } = this.#options
    const tables = [...this.#tables.values()].map((table) =>
      this.#emptied.has(table.table) ? { ...table, emptied: true as const } : table,
    )
    const end = split.until === undefined ? undefined : { until: this.#until ?? split.until }
    return { ...split, position: this.#position, tables, ...end }
  }

  /** The next changes to emit; may be empty though the position moved. */
  async read(maxRecords: number): Promise<readonly Change<Row>[]> {
    assert(this.isReady, 'the log is read when its gates are open')
    this.#log ??= await this.#port.openLog(this.#position)
    const page = this.#cut(await this.#log.read(maxRecords))
    const judging =
      this.#judging || (page.replaced !== undefined && page.replaced.length > 0 && !this.#options.split.all)
    const changes = judging ? await this.#judge(page) : this.#plain(page)
    this.#position = page.next
    if (judging) await this.#settle()
    if (page.ended || this.#isAtEnd()) this.#end()
    return changes
  }

  /** Resolves when read() may give something; only while isReady. */
  available(): Promise<void> | undefined {
    return this.#log?.available()
  }

  async onMessage(message: ToReader): Promise<void> {
    if (message.type === 'join') await this.#join(message.tables)
    if (message.type === 'leave') this.#leave(message, message.after)
    if (message.type === 'missing') await this.#miss(message, message.after)
    if (message.type === 'gates') await this.#openGate(message)
    this.#survey()
  }

  async close(): Promise<void> {
    await this.#closeLog()
    for (const gate of this.#gates.values()) await gate.close()
    this.#gates.clear()
  }

  get #closedGates(): number {
    let closed = 0
    for (const gate of this.#gates.values()) if (!gate.isOpen) closed += 1
    return closed
  }

  async #setEnd(): Promise<void> {
    const { split, mode } = this.#options
    if (split.until !== undefined) this.#until ??= split.until
    else this.#until = mode === 'batch' ? await this.#port.currentOffset() : undefined
  }

  #isAtEnd(): boolean {
    return (
      this.#closedGates === 0 &&
      this.#until !== undefined &&
      this.#port.compareOffsets(this.#position, this.#until) >= 0
    )
  }

  #end(): void {
    this.#ended = true
    this.#options.tell({ type: 'ended' })
  }

  /** Leaves out what lies behind the end. */
  #cut(page: LogPage<Row>): LogPage<Row> {
    const until = this.#until
    if (until === undefined || this.#port.compareOffsets(page.next, until) <= 0) return page
    const kept = page.offsets.filter((offset) => this.#port.compareOffsets(offset, until) <= 0).length
    const { changes, offsets, schemas } = page
    return {
      ...page,
      changes: changes.slice(0, kept),
      offsets: offsets.slice(0, kept),
      schemas: schemas.slice(0, kept),
      next: until,
    }
  }

  /** Every table is either followed or unknown. */
  #plain(page: LogPage<Row>): readonly Change<Row>[] {
    const { split, schemaChanges } = this.#options
    if (split.all && !schemaChanges && !page.changes.some((change) => change.op === 's')) return page.changes
    const emitted: Change<Row>[] = []
    for (const [index, change] of page.changes.entries()) {
      if (split.all || this.#tables.has(this.#port.tableOf(change))) this.#emit(change, page.schemas[index], emitted)
    }
    return emitted
  }

  async #judge(page: LogPage<Row>): Promise<readonly Change<Row>[]> {
    const verdicts = await this.#gated(page)
    const emitted: Change<Row>[] = []
    for (const [index, change] of page.changes.entries()) {
      const table = this.#tables.get(this.#port.tableOf(change))
      if (table === undefined || !this.#counts(table, page.offsets[index] as Offset)) continue
      const verdict = table.gated ? verdicts.get(index) : change
      if (verdict === undefined || verdict === 'drop') continue
      const restarts = verdict === 'restart' || page.replaced?.includes(index) === true
      if (restarts) this.#restart(table)
      this.#emit(restarts ? change : verdict, page.schemas[index], emitted)
    }
    return emitted
  }

  /** The change, behind a record of its table's columns if these are not the ones last told. */
  #emit(change: Change<Row>, schema: TableSchema | undefined, emitted: Change<Row>[]): void {
    if (change.op === 't') this.#emptied.add(this.#port.tableOf(change))
    else if (this.#emptied.size > 0 && change.op !== 's') this.#emptied.delete(this.#port.tableOf(change))
    if (!this.#options.schemaChanges) {
      if (change.op !== 's') emitted.push(change)
      return
    }
    const table = this.#port.tableOf(change)
    if (change.op !== 's' && schema !== undefined && this.#schemas.get(table) !== schema) {
      emitted.push(schemaChange<Row>(schema, change.source))
    }
    if (schema !== undefined) this.#schemas.set(table, schema)
    emitted.push(change)
  }

  /** Whether floor, end and restart leave the change at this offset to be judged. */
  #counts(table: LogTable, offset: Offset): boolean {
    if (table.restarting) return false
    if (table.floor !== undefined && this.#port.compareOffsets(offset, table.floor) <= 0) return false
    return table.until === undefined || this.#port.compareOffsets(offset, table.until) <= 0
  }

  /** The gates' verdicts, by index in the page. One call of the router for each table. */
  async #gated(page: LogPage<Row>): Promise<Map<number, Change<Row> | 'drop' | 'restart'>> {
    const indexes = new Map<TableGate<Row>, number[]>()
    for (const [index, change] of page.changes.entries()) {
      const gate = this.#gates.get(this.#port.tableOf(change))
      if (gate === undefined) continue
      const list = indexes.get(gate)
      if (list === undefined) indexes.set(gate, [index])
      else list.push(index)
    }
    const verdicts = new Map<number, Change<Row> | 'drop' | 'restart'>()
    for (const [gate, list] of indexes) {
      const changes = list.map((index) => page.changes[index] as Change<Row>)
      const judged = await gate.judge(
        changes,
        list.map((index) => page.offsets[index] as Offset),
      )
      for (const [at, index] of list.entries()) verdicts.set(index, judged[at] as Change<Row> | 'drop' | 'restart')
    }
    return verdicts
  }

  /** Lets go of gates, floors and tables that the position has passed. */
  async #settle(): Promise<void> {
    for (const table of [...this.#tables.values()]) {
      if (table.until !== undefined && this.#isPast(table.until)) this.#tables.delete(table.table)
      else if (table.floor !== undefined && this.#isPast(table.floor)) {
        const { floor: _, ...rest } = table
        this.#tables.set(table.table, rest)
      }
    }
    for (const [name, gate] of this.#gates) {
      const table = this.#tables.get(name)
      const serves = table?.gated === true && table.restarting === undefined && table.generation === gate.generation
      if (serves && !(gate.isOpen && gate.isPassed(this.#position))) continue
      this.#gates.delete(name)
      await gate.close()
      if (!serves) continue
      this.#tables.set(name, { ...table, gated: false })
      this.#options.tell({ type: 'pure', table: name, generation: table.generation })
    }
    for (const [name, after] of this.#missing) if (this.#isPast(after)) this.#letGo(name)
    this.#survey()
  }

  /** Of a table that was missed, unless it has come back: then it stays, with all that was told of it. */
  #letGo(name: string): void {
    this.#missing.delete(name)
    const table = this.#tables.get(name)
    if (table === undefined || !this.#emptied.delete(name)) return
    this.#tables.delete(name)
    this.#options.tell({ type: 'left', table: name, generation: table.generation })
  }

  async #miss(ref: TableRef, after: Offset): Promise<void> {
    if (this.#tables.get(ref.table)?.generation !== ref.generation || this.#missing.has(ref.table)) return
    this.#missing.set(ref.table, after)
    await this.#settle()
  }

  #isPast(offset: Offset): boolean {
    return this.#port.compareOffsets(this.#position, offset) >= 0
  }

  #restart(table: LogTable): void {
    this.#tables.set(table.table, { ...table, restarting: true })
    this.#options.tell({ type: 'restart', table: table.table, generation: table.generation })
  }

  async #join(joining: readonly (TableRef & { readonly low: Offset; readonly high: Offset })[]): Promise<void> {
    let back = this.#position
    for (const { low } of joining) if (this.#port.compareOffsets(low, back) < 0) back = low
    if (this.#port.compareOffsets(back, this.#position) < 0) this.#setBack(back)
    for (const { table, generation } of joining) {
      await this.#gates.get(table)?.close()
      // Its snapshot told columns meanwhile.
      this.#schemas.delete(table)
      this.#emptied.delete(table)
      this.#missing.delete(table)
      const entry: LogTable = { table, generation, gated: true }
      this.#tables.set(table, entry)
      this.#askGates(entry)
    }
    await this.#closeLog()
    this.#ended = false
    await this.#setEnd()
    this.#include(joining)
    this.#options.tell({ type: 'joined', tables: joining.map(({ table, generation }) => ({ table, generation })) })
  }

  /** All rows are to be as of one moment: not before that of rows which were read anew. */
  #include(joining: readonly { readonly high: Offset }[]): void {
    if (this.#options.split.until === undefined) return
    for (const { high } of joining)
      if (this.#until === undefined || this.#port.compareOffsets(high, this.#until) > 0) this.#until = high
  }

  #setBack(to: Offset): void {
    const left = this.#position
    for (const table of [...this.#tables.values()]) {
      const floor = table.floor !== undefined && this.#port.compareOffsets(table.floor, left) > 0 ? table.floor : left
      this.#tables.set(table.table, { ...table, floor })
    }
    this.#position = to
  }

  #leave(ref: TableRef, after: Offset): void {
    const table = this.#tables.get(ref.table)
    if (table?.generation !== ref.generation) return
    // A gate that waits for its parts would wait for ever: the enumerator has forgotten the table.
    const waits = this.#gates.get(ref.table)?.isOpen === false
    if (waits) this.#gates.delete(ref.table)
    if (waits || this.#isPast(after)) this.#tables.delete(ref.table)
    else this.#tables.set(ref.table, { ...table, until: after })
  }

  #askGates(table: LogTable): void {
    const ref = { table: table.table, generation: table.generation }
    this.#gates.set(table.table, new TableGate(this.#port, ref))
    this.#options.tell({ type: 'gates', ...ref, from: 0 })
  }

  async #openGate(message: Extract<ToReader, { type: 'gates' }>): Promise<void> {
    const gate = this.#gates.get(message.table)
    if (gate === undefined || gate.generation !== message.generation || gate.isOpen) return
    gate.addParts(message.parts)
    if (message.next === undefined) await gate.open(message.order)
    const { table, generation, next } = message
    if (next !== undefined) this.#options.tell({ type: 'gates', table, generation, from: next })
    else await this.#settle()
    if (next === undefined && this.#isAtEnd()) this.#end()
  }

  #survey(): void {
    const special = (table: LogTable): boolean =>
      table.floor !== undefined || table.until !== undefined || table.restarting === true
    this.#judging = this.#gates.size > 0 || this.#missing.size > 0 || [...this.#tables.values()].some(special)
  }

  async #closeLog(): Promise<void> {
    const log = this.#log
    this.#log = undefined
    await log?.close()
  }
}
