// A database in memory that sinks can write to: transactions, savepoints, and any fault at any call.

import type {
  DeadLetter,
  EpochMarker,
  ErrorClass,
  SqlDialect,
  SqlSession,
  SqlTable,
} from '../../../../src/connectors/sql/dialect.ts'

/** Keys are the first value of a row. */
export class MemoryTable implements SqlTable {
  readonly name: string
  readonly rows: 'keyed' | 'counted' | 'added'
  readonly looseKey: boolean

  constructor(name: string, rows: 'keyed' | 'counted' | 'added', looseKey = false) {
    this.name = name
    this.rows = rows
    this.looseKey = looseKey
  }

  idOf(row: readonly unknown[]): unknown {
    return JSON.stringify(this.rows === 'keyed' ? row[0] : row)
  }
}

/** An error of a given class. `applied`: what was asked is done all the same, as when the answer to a COMMIT is lost. */
export class Fault extends Error {
  readonly kind: ErrorClass
  readonly applied: boolean

  constructor(kind: ErrorClass, applied = false) {
    super(`fault: ${kind}`)
    this.kind = kind
    this.applied = applied
  }
}

interface Content {
  readonly rows: Map<string, readonly unknown[][]>
  readonly letters: DeadLetter[]
  readonly markers: Map<string, EpochMarker>
}

const copy = (content: Content): Content => ({
  rows: new Map([...content.rows].map(([name, rows]) => [name, [...rows]])),
  letters: [...content.letters],
  markers: new Map(content.markers),
})

/** Rows whose last value is this are refused. */
export const BAD = 'bad'

export class MemoryDatabase implements SqlDialect<MemoryTable> {
  content: Content = { rows: new Map(), letters: [], markers: new Map() }
  /** Called at each step; throws a Fault to make it fail. */
  fault: (step: string) => void = () => {}
  /** What transactions changed since they began, played over the content at commit. */
  commits = 0

  async connect(): Promise<SqlSession<MemoryTable>> {
    this.fault('connect')
    return new MemorySession(this)
  }

  classOf(error: unknown): ErrorClass {
    return error instanceof Fault ? error.kind : 'fatal'
  }

  explain(error: unknown): string {
    return String((error as Error).message)
  }

  rowsOf(table: MemoryTable): readonly unknown[][] {
    return this.content.rows.get(table.name) ?? []
  }
}

type Edit = (content: Content) => unknown

/** Edits are kept and played at commit: sessions that run at once touch different keys. */
class MemorySession implements SqlSession<MemoryTable> {
  readonly #database: MemoryDatabase
  #edits: Edit[] = []
  #savepoint = 0

  constructor(database: MemoryDatabase) {
    this.#database = database
  }

  async begin(): Promise<void> {
    await this.#step('begin')
    this.#edits = []
  }

  async commit(): Promise<void> {
    const apply = (): void => {
      for (const edit of this.#edits) edit(this.#database.content)
      this.#edits = []
      this.#database.commits += 1
    }
    try {
      await this.#step('commit')
    } catch (error) {
      if (error instanceof Fault && error.applied) apply()
      throw error
    }
    apply()
  }

  async rollback(): Promise<void> {
    this.#edits = []
  }

  async savepoint(): Promise<void> {
    this.#savepoint = this.#edits.length
  }

  async rollbackToSavepoint(): Promise<void> {
    this.#edits.length = this.#savepoint
  }

  async write(table: MemoryTable, rows: readonly (readonly unknown[])[]): Promise<void> {
    await this.#step('write')
    this.#edits.push(({ rows: all }) => {
      const there = new Map((all.get(table.name) ?? []).map((row) => [row[0], row]))
      if (table.rows !== 'keyed')
        return all.set(table.name, [...(all.get(table.name) ?? []), ...rows.map((r) => [...r])])
      for (const row of rows) there.set(row[0], [...row])
      return all.set(table.name, [...there.values()])
    })
    // As a server that only warns: the rows are in by then.
    if (rows.some((row) => row.at(-1) === BAD)) throw new Fault('row')
  }

  async remove(table: MemoryTable, gone: readonly (readonly unknown[])[]): Promise<void> {
    await this.#step('remove')
    this.#edits.push(({ rows }) => {
      const keys = new Set(gone.map(([key]) => key))
      rows.set(
        table.name,
        (rows.get(table.name) ?? []).filter(([key]) => !keys.has(key)),
      )
    })
  }

  async removeEqual(table: MemoryTable, row: readonly unknown[], count: number): Promise<number> {
    await this.#step('remove')
    const edit = ({ rows }: Content): number => {
      const kept: unknown[][] = []
      let removed = 0
      for (const one of rows.get(table.name) ?? [])
        if (removed < count && JSON.stringify(one) === JSON.stringify(row)) removed += 1
        else kept.push([...one])
      rows.set(table.name, kept)
      return removed
    }
    this.#edits.push(edit)
    const seen = copy(this.#database.content)
    return this.#edits.map((one) => one(seen)).at(-1) as number
  }

  async keep(letter: DeadLetter): Promise<void> {
    await this.#step('keep')
    this.#edits.push(({ letters }) => letters.push(letter))
  }

  async marker(writer: string): Promise<EpochMarker> {
    await this.#step('marker')
    const seen = copy(this.#database.content)
    for (const edit of this.#edits) edit(seen)
    return seen.markers.get(writer) ?? { epoch: -1, part: { epoch: -1, records: 0 } }
  }

  async setMarker(writer: string, marker: EpochMarker): Promise<void> {
    await this.#step('marker')
    this.#edits.push(({ markers }) => markers.set(writer, marker))
  }

  close(): void {
    this.#edits = []
  }

  async #step(name: string): Promise<void> {
    await Promise.resolve()
    this.#database.fault(name)
  }
}
