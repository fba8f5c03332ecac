// TableSpool: a copy of a table without a key, taken in one view and given out from the disk.
//
// Why: nothing tells such a table's rows apart or orders them, so no second reading can go on where a first one stopped. A copy can.
//
// Owns: a folder of its own with the copy, and while it is taken a session with its view.
//
// I1. Nothing is given before the copy is complete and durable: what a checkpoint says was given can be gone on from.
// I2. All rows are as of one place in the log.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { msgpackCodec } from '../../codec/msgpack-codec.ts'
import { SegmentLog } from '../../log/segment-log.ts'
import { type Deferred, deferred } from '../../util/deferred.ts'
import type { MysqlTable, MysqlValue } from './column.ts'
import type { MysqlConnection, RawRow } from './connection.ts'
import { qualifiedName } from './key-bound.ts'
import type { MysqlOffset } from './offset.ts'
import type { TableView } from './table-views.ts'

/** What stands beside a copy. */
export interface SpoolHead {
  readonly table: MysqlTable
  readonly definition: string
  /** Where in the log the copy was taken. */
  readonly at: MysqlOffset
}

/** A record holds about so many bytes of rows, and at most so many rows. */
const RECORD_BYTES = 1024 * 1024
const RECORD_ROWS = 1024

type SpoolRecord = { readonly rows: readonly (readonly MysqlValue[])[] } | { readonly end: true }

export class TableSpool {
  readonly id: string
  readonly head: SpoolHead
  readonly #log: SegmentLog
  #isComplete: boolean
  #failure: { readonly error: unknown } | undefined
  #progress: Deferred = deferred()
  #session: MysqlConnection | undefined
  #reading: { next: number; readonly records: AsyncGenerator<{ readonly payload: Uint8Array }> } | undefined

  private constructor(id: string, head: SpoolHead, log: SegmentLog, isComplete: boolean) {
    this.id = id
    this.head = head
    this.#log = log
    this.#isComplete = isComplete
  }

  /** Begins a copy, which goes on by itself. The session is the spool's from here on. */
  static async begin<Row>(
    folder: string,
    id: string,
    { view, known }: TableView<Row>,
    session: MysqlConnection,
  ): Promise<TableSpool> {
    const head: SpoolHead = { table: known.table, definition: known.definition, at: view.high }
    await mkdir(folder, { recursive: true })
    await writeFile(headFile(folder, id), JSON.stringify(head))
    const spool = new TableSpool(id, head, await SegmentLog.open(join(folder, id)), false)
    spool.#session = session
    spool.#copy(session, known.select.sql, known.select.values).catch((error: unknown) => {
      session.close()
      spool.#failure = { error }
      spool.#progress.resolve()
    })
    return spool
  }

  /** A copy of an earlier attempt; undefined if there is none, or it was not completed. */
  static async open(folder: string, id: string): Promise<TableSpool | undefined> {
    const head = await readHead(folder, id)
    if (head === undefined) return undefined
    const log = await SegmentLog.open(join(folder, id))
    const last = log.nextSequence - 1
    for await (const { payload } of log.readFrom(Math.max(0, last)))
      if ('end' in decode(payload)) return new TableSpool(id, head, log, true)
    await log.close()
    return undefined
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Resolves when the copy has grown or is complete. Throws what ended it. */
  async grown(): Promise<void> {
    if (!this.#isComplete && this.#failure === undefined) await this.#progress.promise
    this.#progress = deferred()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** The rows of a record; undefined behind the last one. Best asked for in order. */
  async rows(record: number): Promise<readonly (readonly MysqlValue[])[] | undefined> {
    if (this.#reading?.next !== record) {
      await this.#reading?.records.return(undefined)
      this.#reading = { next: record, records: this.#log.readFrom(record) }
    }
    const { value } = await this.#reading.records.next()
    this.#reading.next += 1
    const read = decode((value as { readonly payload: Uint8Array }).payload)
    return 'end' in read ? undefined : read.rows
  }

  async close(): Promise<void> {
    this.#session?.close()
    await this.#reading?.records.return(undefined)
    await this.#log.close()
  }

  async #copy(
    session: MysqlConnection,
    columns: readonly string[],
    values: (raw: RawRow) => MysqlValue[],
  ): Promise<void> {
    const stream = session.driver.query(`SELECT ${columns.join(', ')} FROM ${qualifiedName(this.head.table)}`).stream()
    let rows: MysqlValue[][] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      this.#log.append(msgpackCodec.encode({ rows } satisfies SpoolRecord))
      rows = []
      bytes = 0
      this.#progress.resolve()
      await this.#log.ready()
    }
    for await (const raw of stream as AsyncIterable<RawRow>) {
      const row = values(raw)
      for (const value of row)
        bytes += typeof value === 'object' && value !== null ? value.byteLength : 16 + String(value).length
      rows.push(row)
      if (rows.length >= RECORD_ROWS || bytes >= RECORD_BYTES) await flush()
    }
    if (rows.length > 0) await flush()
    this.#log.append(msgpackCodec.encode({ end: true } satisfies SpoolRecord))
    await this.#log.sync()
    session.close()
    this.#isComplete = true
    this.#progress.resolve()
  }
}

function decode(payload: Uint8Array): SpoolRecord {
  return msgpackCodec.decode(payload) as SpoolRecord
}

const headFile = (folder: string, id: string): string => join(folder, `${id}.json`)

async function readHead(folder: string, id: string): Promise<SpoolHead | undefined> {
  try {
    return JSON.parse(await readFile(headFile(folder, id), 'utf8')) as SpoolHead
  } catch {
    return undefined
  }
}

/** Removes one copy. */
export async function removeSpool(folder: string, id: string): Promise<void> {
  await rm(join(folder, id), { recursive: true, force: true })
  await rm(headFile(folder, id), { force: true })
}

/** Removes the copies that were taken before a place that no table waits for any more. */
export async function removeSpools(folder: string, isPassed: (at: MysqlOffset) => boolean): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const id of names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length))) {
    const head = await readHead(folder, id)
    if (head !== undefined && isPassed(head.at)) await removeSpool(folder, id)
  }
}
