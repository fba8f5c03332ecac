// A database in memory: tables with keys in an order that JavaScript does not know, and a log. Hooks let DML in anywhere.

import type {
  ChangeLog,
  ChangePort,
  ChunkRead,
  KeyBound,
  KeyRange,
  KeyRouter,
  LogPage,
  Offset,
  TableSplit,
} from '../../../../src/connectors/cdc/index.ts'
import type { Change, ChangeOp, ChangeSource, TableSchema } from '../../../../src/record/change.ts'

export interface ModelRow {
  readonly id: string
  readonly value: number
}

interface LogEntry {
  readonly offset: number
  readonly table: string
  readonly change: Change<ModelRow>
}

/** Keys sort by their mirrored letters, whatever their case: no comparison in JavaScript would find that order. */
export const collate = (key: string): string => [...key.toLowerCase()].reverse().join('')

const byKey = (a: ModelRow, b: ModelRow): number =>
  collate(a.id) < collate(b.id) ? -1 : collate(a.id) > collate(b.id) ? 1 : 0

export class ModelDatabase {
  /** Rows by collated key: `a` and `A` cannot both be there. */
  readonly tables = new Map<string, Map<string, ModelRow>>()
  readonly log: LogEntry[] = []
  schemaVersion = 0
  /** By the offset of a truncation: rows behind it that are not in the log. */
  readonly dropped = new Set<string>()
  readonly replacements = new Map<number, readonly ModelRow[]>()

  get end(): number {
    return this.log.at(-1)?.offset ?? 0
  }

  apply(table: string, op: ChangeOp, before: ModelRow | null, after: ModelRow | null): void {
    const rows = this.tables.get(table)
    if (rows === undefined) return
    if (op === 't') rows.clear()
    if (before !== null) rows.delete(collate(before.id))
    if (after !== null) rows.set(collate(after.id), after)
    const key = op === 't' || op === 's' ? [] : [(after ?? before)?.id]
    const source = {
      connector: 'model',
      database: 'model',
      table,
      position: String(this.end + 1),
      timestampMs: 0,
      snapshot: false,
    }
    const moved = before !== null && after !== null && before.id !== after.id
    const change: Change<ModelRow> = { op, before, after, key, source, ...(moved ? { oldKey: [before.id] } : {}) }
    this.log.push({ offset: this.end + 1, table, change: op === 's' ? { ...change, schema: this.schema() } : change })
  }

  /** Until create() it is gone. */
  drop(table: string): void {
    this.apply(table, 't', null, null)
    this.tables.delete(table)
    this.dropped.add(table)
  }

  create(table: string): void {
    this.dropped.delete(table)
    this.tables.set(table, new Map())
  }

  /** Gives the table other rows, of which the log has only that the old ones went. */
  replace(table: string, rows: readonly ModelRow[]): void {
    this.apply(table, 't', null, null)
    this.replacements.set(this.end, rows)
    for (const row of rows) this.tables.get(table)?.set(collate(row.id), row)
  }

  schema(): TableSchema {
    const column = { type: `v${this.schemaVersion}`, nullable: false, generated: false }
    return {
      columns: [
        { name: 'id', ...column },
        { name: 'value', ...column },
      ],
      key: ['id'],
    }
  }

  rowsFrom(table: string, from: KeyBound | null): ModelRow[] {
    const rows = [...(this.tables.get(table)?.values() ?? [])].sort(byKey)
    return from === null ? rows : rows.filter((row) => collate(row.id) >= collate(from as string))
  }
}

/** Called between any two steps of a read. */
export type Hook = (step: 'before-low' | 'before-read' | 'before-high' | 'after-high' | 'log' | 'split') => void

export class ModelPort implements ChangePort<ModelRow> {
  readonly #db: ModelDatabase
  readonly #hook: Hook
  readonly #chunkRows: number
  readonly #keepsViews: boolean
  #view: (ChunkRead<ModelRow> & { readonly table: string; readonly to: KeyBound | null }) | undefined

  /** `keepsViews`: all parts of a chunk are as of the moment of the first one. */
  constructor(db: ModelDatabase, hook: Hook, chunkRows: number, keepsViews = false) {
    this.#db = db
    this.#keepsViews = keepsViews
    this.#hook = hook
    this.#chunkRows = chunkRows
  }

  open(): void {}
  close(): void {}

  async discoverTables(): Promise<readonly string[]> {
    return [...this.#db.tables.keys()]
  }

  isWanted(): boolean {
    return true
  }

  currentOffset(): Offset {
    return this.#db.end
  }

  earliestOffset(): Offset {
    return 0
  }

  parseOffset(text: string): Offset {
    return Number(text)
  }

  compareOffsets(a: Offset, b: Offset): number {
    return (a as number) - (b as number)
  }

  covers(offset: Offset, { position }: ChangeSource): boolean {
    return Number(position) <= (offset as number)
  }

  splitTable(table: string, resume: NonNullable<unknown> | undefined): TableSplit {
    this.#hook('split')
    const from = (resume as string | undefined) ?? null
    const next = this.#db.rowsFrom(table, from)[this.#chunkRows]
    if (next === undefined || (from !== null && collate(next.id) <= collate(from))) {
      return { ranges: [{ from, to: null }], resume: undefined }
    }
    return { ranges: [{ from, to: next.id }], resume: next.id }
  }

  readChunk(table: string, range: KeyRange, maxRecords: number): ChunkRead<ModelRow> {
    const view = this.#view
    this.#view = undefined
    if (view !== undefined && view.table === table && view.next === range.from && view.to === range.to)
      return this.#part(view, table, range, maxRecords)
    this.#hook('before-low')
    const low = this.#db.end
    this.#hook('before-read')
    const inRange = this.#db
      .rowsFrom(table, range.from)
      .filter((row) => range.to === null || collate(row.id) < collate(range.to as string))
    const schema = this.#db.schema()
    this.#hook('before-high')
    const high = this.#db.end
    this.#hook('after-high')
    const source = {
      connector: 'model',
      database: 'model',
      table,
      position: String(high),
      timestampMs: 0,
      snapshot: true,
    }
    const rows = inRange.map((row): Change<ModelRow> => ({ op: 'r', before: null, after: row, key: [row.id], source }))
    return this.#part({ rows, low, high, next: null, schema, source }, table, range, maxRecords)
  }

  /** The first of the rows; the others are kept. */
  #part(read: ChunkRead<ModelRow>, table: string, { to }: KeyRange, maxRecords: number): ChunkRead<ModelRow> {
    const next = (read.rows[maxRecords]?.key[0] as string | undefined) ?? null
    if (this.#keepsViews && next !== null) this.#view = { ...read, rows: read.rows.slice(maxRecords), next, table, to }
    return { ...read, rows: read.rows.slice(0, maxRecords), next }
  }

  openLog(from: Offset): ChangeLog<ModelRow> {
    let position = from as number
    return {
      read: (maxRecords): LogPage<ModelRow> => {
        this.#hook('log')
        const entries = this.#db.log.slice(position, position + maxRecords)
        position = entries.at(-1)?.offset ?? position
        const changes = entries.map((entry) => entry.change)
        const schemas = changes.map((change) => change.schema ?? this.#db.schema())
        const offsets = entries.map((entry) => entry.offset)
        const replaced = [...offsets.keys()].filter((index) => this.#db.replacements.has(offsets[index] as number))
        return { changes, offsets, schemas, replaced, next: position, ended: false }
      },
      available: async () => {},
      close: () => {},
    }
  }

  openRouter(_table: string, bounds: readonly KeyBound[]): KeyRouter {
    const before = (key: string): number => bounds.filter((bound) => collate(bound as string) <= collate(key)).length
    return { route: (keys) => keys.map((key) => before(key[0] as string)), close: () => {} }
  }

  tableOf(change: Change<ModelRow>): string {
    return change.source.table
  }
}
