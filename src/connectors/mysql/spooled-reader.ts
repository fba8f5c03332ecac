// SpooledReader: gives out tables without a key, each from a copy that was taken in one view.
//
// Owns: the copy being taken or given out; the folder of copies, with the other readers of the node.
//
// I1. What is given goes on from the same copy after a restore, or not at all: another copy would have other rows in another order.

import { randomUUID } from 'node:crypto'
import { MillraceError } from '../../errors.ts'
import type { ChunkRead, KeyRange } from '../cdc/index.ts'
import type { MysqlValue } from './column.ts'
import type { MysqlBound } from './key-bound.ts'
import type { MysqlOffset } from './offset.ts'
import { readOf } from './snapshot-reader.ts'
import { removeSpool, removeSpools, TableSpool } from './table-spool.ts'
import { describeTable, type KnownTable, type TableViews, type TableViewsOptions } from './table-views.ts'

const MARK = 'spool'

/** A place in a copy: `spool`, its id, the record, the row in the record. */
export function isSpoolBound(bound: MysqlBound): boolean {
  return bound[0] === MARK
}

/** The copy that is under way. */
interface Current<Row> {
  readonly spool: TableSpool
  readonly known: Pick<KnownTable<Row>, 'table' | 'shape'>
  /** The record read last. */
  record: number
  rows: readonly (readonly MysqlValue[])[] | undefined
}

export class SpooledReader<Row> {
  readonly #views: TableViews<Row>
  readonly #folder: string
  readonly #shapeOf: TableViewsOptions<Row>['shapeOf']
  #current: Current<Row> | undefined

  constructor(views: TableViews<Row>, folder: string, shapeOf: TableViewsOptions<Row>['shapeOf']) {
    this.#views = views
    this.#folder = folder
    this.#shapeOf = shapeOf
  }

  /** The next rows of a table; none, and where to go on, while its copy is being taken. Undefined if the table is gone. */
  async read(name: string, range: KeyRange, maxRecords: number): Promise<ChunkRead<Row> | undefined> {
    const from = range.from as MysqlBound | null
    if (from === null) return await this.#begin(name)
    const [, id = '', record, at] = from
    const current = await this.#open(id)
    const place = { record: Number(record), at: Number(at) }
    if (current === undefined && place.record === 0 && place.at === 0) return await this.#begin(name)
    if (current === undefined) throw this.#lost(name, id)
    if (current.spool.isComplete) return await this.#rows(current, place, maxRecords)
    await current.spool.grown()
    return this.#read(current, [], [...from])
  }

  /** Removes the copies that were taken before a place that no table's reading began at. */
  async release(isPassed: (at: MysqlOffset) => boolean): Promise<void> {
    await removeSpools(this.#folder, isPassed)
  }

  async close(): Promise<void> {
    await this.#current?.spool.close()
    this.#current = undefined
  }

  async #begin(name: string): Promise<ChunkRead<Row> | undefined> {
    await this.close()
    const session = await this.#views.connect()
    const opened = await this.#views.open(name, session, true)
    if (opened === undefined) {
      session.close()
      return undefined
    }
    const spool = await TableSpool.begin(this.#folder, randomUUID(), opened, session)
    const current = { spool, known: opened.known, record: -1, rows: undefined }
    this.#current = current
    return this.#read(current, [], [MARK, spool.id, '0', '0'])
  }

  async #open(id: string): Promise<Current<Row> | undefined> {
    if (this.#current?.spool.id === id) return this.#current
    await this.close()
    const spool = await TableSpool.open(this.#folder, id)
    if (spool === undefined) {
      await removeSpool(this.#folder, id)
      return undefined
    }
    const { table, definition } = spool.head
    this.#current = { spool, known: describeTable(table, definition, this.#shapeOf), record: -1, rows: undefined }
    return this.#current
  }

  async #rows(
    current: Current<Row>,
    { record, at }: { readonly record: number; readonly at: number },
    maxRecords: number,
  ): Promise<ChunkRead<Row>> {
    if (current.record !== record) current.rows = await current.spool.rows(record)
    current.record = record
    if (current.rows === undefined) {
      const read = this.#read(current, [], null)
      await this.close()
      return read
    }
    const end = at + maxRecords
    const isWhole = end >= current.rows.length
    const next = [MARK, current.spool.id, String(isWhole ? record + 1 : record), String(isWhole ? 0 : end)]
    return this.#read(current, current.rows.slice(at, end), next)
  }

  #read(
    { spool, known }: Current<Row>,
    values: readonly (readonly MysqlValue[])[],
    next: MysqlBound | null,
  ): ChunkRead<Row> {
    const { at } = spool.head
    return { ...readOf(values, known, { low: at, high: at, next }), keyless: true }
  }

  #lost(name: string, id: string): MillraceError {
    return new MillraceError('LOG_GONE', {
      node: '?',
      place: `the copy of table ${name}`,
      reason: `it has no key, so its rows are given from a copy, and ${this.#folder} has no copy ${id} any more (was it moved to another machine?)`,
    })
  }
}
