// Every source here, held to the list that connector authors use. What a source does not support is stated, and compared.

import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'libsql'
import { defineSource, fromArray, fromObservable } from 'millrace'
import { filesSource } from 'millrace/connectors/files'
import { generate } from 'millrace/connectors/generate'
import { sqliteChanges } from 'millrace/connectors/sqlite'
import { Observable } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type Conformance, type SourceConformanceOptions, sourceConformance } from '../../runtime/testing/index.ts'
import type { Change } from '../../src/record/change.ts'

interface Row {
  readonly file: string
  readonly n: number
}

const FILES = ['a', 'b', 'c']
const ROWS: readonly Row[] = FILES.flatMap((file) => Array.from({ length: 5 }, (_, n) => ({ file, n })))
const TEXT_ROWS = ROWS.map(({ file, n }) => ({ file, n: String(n) }))
const place = ({ file, n }: { readonly file: string; readonly n: number | string }): [string, number] => [
  file,
  Number(n),
]

/** One file for each letter. */
async function writeFiles(
  folder: string,
  ending: string,
  textOf: (rows: readonly Row[]) => string | Uint8Array,
): Promise<string> {
  const directory = join(folder, 'in')
  await mkdir(directory)
  for (const file of FILES) {
    await writeFile(join(directory, `${file}.${ending}`), textOf(ROWS.filter((row) => row.file === file)))
  }
  return join(directory, `*.${ending}`)
}

const ndjson = (rows: readonly Row[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const csv = (rows: readonly Row[]): string => `file,n\n${rows.map(({ file, n }) => `${file},${n}\n`).join('')}`

const generated: SourceConformanceOptions<Row> = {
  name: 'generate',
  prepare: () => ({
    create: () => generate({ make: (i) => ROWS[i] as Row, count: ROWS.length, perSecond: 2_000, splits: 3 }),
    expected: ROWS,
  }),
  supports: { end: 'itself' },
}

const array: SourceConformanceOptions<Row> = {
  name: 'fromArray',
  prepare: () => ({ create: () => fromArray(ROWS), expected: ROWS }),
  supports: { end: 'itself' },
}

const defined: SourceConformanceOptions<Row> = {
  name: 'defineSource',
  prepare: () => ({
    create: () =>
      defineSource<Row, number>({
        splits: () => Object.fromEntries(FILES.map((file) => [file, 0])),
        read: (position, limit, split) => {
          const records = ROWS.filter(({ file }) => file === split).slice(position, position + limit)
          return records.length === 0 ? 'idle' : { records, position: position + records.length }
        },
      }),
    expected: ROWS,
  }),
  supports: { end: 'in batch mode' },
  createBroken: () =>
    defineSource<Row, number>({
      start: 0,
      read: () => 'idle',
      open: () => {
        throw new Error('nobody there')
      },
    }),
  orderOf: place,
}

/** Pushes what happens now: to the first who subscribes, and never again. */
function pushedOnce(): () => Observable<Row> {
  let pushed = false
  return () =>
    new Observable((subscriber) => {
      if (!pushed) for (const row of ROWS) subscriber.next(row)
      pushed = true
    })
}

const observable: SourceConformanceOptions<Row> = {
  name: 'fromObservable with a log',
  prepare: () => {
    const factory = pushedOnce()
    return { create: () => fromObservable(factory, { log: true }), expected: ROWS }
  },
  supports: { end: 'never' },
  orderOf: place,
}

const missing = (folder: string): string => join(folder, 'nothing', 'there.ndjson')

const ndjsonFiles: SourceConformanceOptions<Row> = {
  name: 'filesSource (ndjson)',
  prepare: async (folder) => {
    const paths = await writeFiles(folder, 'ndjson', ndjson)
    return { create: () => filesSource<Row>({ paths, format: 'ndjson' }), expected: ROWS }
  },
  supports: { end: 'itself' },
  createBroken: (folder) => filesSource<Row>({ paths: missing(folder), format: 'ndjson' }),
  orderOf: place,
}

const csvFiles: SourceConformanceOptions<Record<string, string>> = {
  name: 'filesSource (csv)',
  prepare: async (folder) => {
    const paths = await writeFiles(folder, 'csv', csv)
    return { create: () => filesSource({ paths, format: 'csv' }), expected: TEXT_ROWS }
  },
  supports: { end: 'itself' },
  createBroken: (folder) => filesSource({ paths: missing(folder), format: 'csv' }),
  orderOf: (row) => place(row as unknown as Row),
}

const gzippedFiles: SourceConformanceOptions<Row> = {
  name: 'filesSource (gzip)',
  prepare: async (folder) => {
    const paths = await writeFiles(folder, 'ndjson.gz', (rows) => gzipSync(ndjson(rows)))
    return { create: () => filesSource<Row>({ paths, format: 'ndjson' }), expected: ROWS }
  },
  supports: { end: 'itself' },
  orderOf: place,
}

const followedFiles: SourceConformanceOptions<Row> = {
  name: 'filesSource (follow)',
  prepare: async (folder) => {
    const paths = await writeFiles(folder, 'ndjson', ndjson)
    return { create: () => filesSource<Row>({ paths, format: 'ndjson', follow: true }), expected: ROWS }
  },
  supports: { end: 'in batch mode' },
  orderOf: place,
}

/** A table of 13 rows, read in chunks of 4. */
function shop(folder: string): { readonly file: string; readonly rows: readonly Row[] } {
  const file = join(folder, 'shop.db')
  const rows = ROWS.slice(0, 13).map((row, i) => ({ ...row, n: i }))
  const database = new Database(file)
  database.exec('CREATE TABLE orders (n INTEGER PRIMARY KEY, file TEXT)')
  const insert = database.prepare('INSERT INTO orders (n, file) VALUES (?, ?)')
  for (const { n, file: name } of rows) insert.run(n, name)
  database.close()
  return { file, rows }
}

const changes: SourceConformanceOptions<Partial<Change<Row>>> = {
  name: 'sqliteChanges',
  prepare: (folder) => {
    const { file, rows } = shop(folder)
    const create = () => sqliteChanges<Row>({ file, tables: ['orders'], chunkSize: 4 })
    return { create, expected: rows.map((after) => ({ op: 'r' as const, after: { n: after.n, file: after.file } })) }
  },
  supports: { end: 'in batch mode' },
  createBroken: (folder) => sqliteChanges<Row>({ file: join(folder, 'not', 'there.db') }),
  identityOf: ({ op, after }) => ({ op, after: { ...after } }),
}

/** Which parts each source leaves out. */
const LEFT_OUT: readonly [conformance: Conformance, skipped: readonly string[]][] = [
  [sourceConformance(generated), ['closes after a failure', 'waits for more when it has given everything']],
  [sourceConformance(array), ['closes after a failure', 'waits for more when it has given everything']],
  [sourceConformance(defined), []],
  [sourceConformance(observable), ['closes after a failure']],
  [sourceConformance(ndjsonFiles), ['waits for more when it has given everything']],
  [sourceConformance(csvFiles), ['waits for more when it has given everything']],
  [sourceConformance(gzippedFiles), ['closes after a failure', 'waits for more when it has given everything']],
  [sourceConformance(followedFiles), ['closes after a failure']],
  [sourceConformance(changes), []],
]

describe('every source keeps its contract', () => {
  it.each(LEFT_OUT.flatMap(([{ cases }]) => cases))('$name', ({ run }) => run())

  it('in all but what its manifest leaves out', () => {
    for (const [{ skipped }, names] of LEFT_OUT) expect(skipped.map(({ name }) => name)).toEqual(names)
  })
})
