// Every sink here, held to the list that connector authors use. What a sink does not support is stated, and compared.

import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'libsql'
import { collect } from 'millrace/connectors/collect'
import { filesSink } from 'millrace/connectors/files'
import { print } from 'millrace/connectors/print'
import { sqliteTable } from 'millrace/connectors/sqlite'
import { describe, expect, it } from 'vitest'
import { type Conformance, type SinkConformanceOptions, sinkConformance } from '../../runtime/testing/index.ts'

interface Row {
  readonly id: number
  readonly text: string
}

const ROWS: readonly Row[] = Array.from({ length: 9 }, (_, id) => ({ id, text: `row ${id}` }))
/** Three rows, each written three times. */
const VERSIONS: readonly Row[] = Array.from({ length: 9 }, (_, i) => ({ id: i % 3, text: `version ${i}` }))

const latest = (rows: readonly Row[]): readonly Row[] =>
  [...new Map(rows.map((row) => [row.id, row])).values()].sort((a, b) => a.id - b.id)

const collected: SinkConformanceOptions<Row> = {
  name: 'collect',
  kind: 'append',
  prepare: () => {
    const out: Row[] = []
    return { create: () => collect(out), read: () => [...out] }
  },
  records: ROWS,
}

const files: SinkConformanceOptions<Row> = {
  name: 'filesSink',
  kind: 'append',
  prepare: (folder) => {
    const directory = join(folder, 'out')
    return {
      create: () => filesSink<Row>({ directory, format: 'ndjson', roll: { bytes: 40 } }),
      read: () => readParts(directory),
    }
  },
  records: ROWS,
}

/** What a reader of published parts sees, in order of name. */
async function readParts(directory: string): Promise<Row[]> {
  const names = await readdir(directory).catch(() => [] as string[])
  const parts = names.filter((name) => !name.startsWith('.')).sort()
  const texts = await Promise.all(parts.map((name) => readFile(join(directory, name), 'utf8')))
  const lines = texts.join('').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Row)
}

function readTable(file: string, order: string): Row[] {
  const database = new Database(file)
  try {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'out'").get()
    return table === undefined ? [] : (database.prepare(`SELECT id, text FROM out ORDER BY ${order}`).all() as Row[])
  } finally {
    database.close()
  }
}

const upserted: SinkConformanceOptions<Row> = {
  name: 'sqliteTable with a key',
  kind: 'upsert',
  prepare: (folder) => {
    const file = join(folder, 'out.db')
    return {
      create: () => sqliteTable<Row>({ file, table: 'out', key: ['id'], create: true }),
      read: () => readTable(file, 'id'),
    }
  },
  records: VERSIONS,
  resultOf: latest,
  createBroken: (folder) => sqliteTable<Row>({ file: join(folder, 'not', 'there.db'), table: 'out', key: ['id'] }),
}

const added: SinkConformanceOptions<Row> = {
  name: 'sqliteTable without a key',
  kind: 'epoch',
  prepare: (folder) => {
    const file = join(folder, 'out.db')
    return {
      create: () => sqliteTable<Row>({ file, table: 'out', create: true }),
      read: () => readTable(file, 'rowid'),
    }
  },
  records: ROWS,
  createBroken: (folder) => sqliteTable<Row>({ file: join(folder, 'not', 'there.db'), table: 'out' }),
}

const printed: SinkConformanceOptions<Row> = {
  name: 'print',
  kind: 'upsert',
  prepare: () => ({ create: () => print(), read: () => [] }),
  records: VERSIONS,
  supports: { readable: false },
}

const wholeFiles: SinkConformanceOptions<Row> = {
  ...files,
  name: 'filesSink, one part an epoch',
  prepare: async (folder) => {
    await writeFile(join(folder, 'file'), '')
    const directory = join(folder, 'out')
    return {
      create: () => filesSink<Row>({ directory, format: 'ndjson' }),
      read: () => readParts(directory),
    }
  },
  createBroken: (folder) => filesSink<Row>({ directory: join(folder, 'file'), format: 'ndjson' }),
}

const NO_BROKEN = 'closes after an open() that failed'

/** Which parts each sink leaves out. */
const LEFT_OUT: readonly [conformance: Conformance, skipped: readonly string[]][] = [
  [sinkConformance(collected), [NO_BROKEN]],
  [sinkConformance(files), [NO_BROKEN]],
  [sinkConformance(wholeFiles), []],
  [sinkConformance(upserted), []],
  [sinkConformance(added), []],
  [
    sinkConformance(printed),
    [
      NO_BROKEN,
      'is durable after flush()',
      'takes records one by one',
      'is the same when any tail is written again',
      'is the same when everything is written again, flush by flush',
    ],
  ],
]

describe('every sink keeps its contract', () => {
  it.each(LEFT_OUT.flatMap(([{ cases }]) => cases))('$name', ({ run }) => run())

  it('in all but what its manifest leaves out', () => {
    for (const [{ skipped }, names] of LEFT_OUT) expect(skipped.map(({ name }) => name)).toEqual(names)
  })
})
