// A job that passes every step that can be crashed at: two parallel sources, a two-input keyed function with value and map
// state and event timers, a hash exchange, and the three kinds of sinks, one of which keeps its own marker.

import { join } from 'node:path'
import Database from 'libsql'
import { type Collector, CoProcessFunction, EpochSinkFunction, job, UpsertSinkFunction } from 'millrace'
import { filesSink } from 'millrace/connectors/files'
import { PacedSource } from './paced-source.ts'

interface Reading {
  readonly meter: string
  readonly part: string
  readonly n: number
}

/** A reading with its place among the readings of its meter and part, as counted in state. */
interface Counted extends Reading {
  readonly place: number
  readonly sum: number
}

/** Counts per part in map state and sums in value state: a lost, repeated or reordered record shows in what it emits. */
class Count extends CoProcessFunction<string, Reading, Reading, Counted> {
  readonly #places = this.mapState<string, number>('places')
  readonly #sums = this.mapState<string, number>('sums')
  readonly #total = this.valueState<number>('total')

  override process1(reading: Reading, _context: unknown, out: Collector<Counted>): void {
    this.#count(reading, out)
  }

  override process2(reading: Reading, _context: unknown, out: Collector<Counted>): void {
    this.#count(reading, out)
  }

  #count(reading: Reading, out: Collector<Counted>): void {
    const place = (this.#places.get(reading.part) ?? 0) + 1
    const sum = (this.#sums.get(reading.part) ?? 0) + reading.n
    this.#places.set(reading.part, place)
    this.#sums.set(reading.part, sum)
    this.#total.set((this.#total.get() ?? 0) + reading.n)
    out.emit({ ...reading, place, sum })
  }
}

/** Rows without a key, with the epoch's marker in the same transaction. */
class Ledger extends EpochSinkFunction<Counted> {
  readonly #file: string
  #db: Database.Database | undefined

  constructor(file: string) {
    super()
    this.#file = file
  }

  override open(): void {
    this.#db = new Database(this.#file, { timeout: 20_000 })
  }

  lastEpoch(writer: string): number {
    const row = this.#db?.prepare('SELECT epoch FROM marker WHERE writer = ?').get(writer) as
      | { epoch: number }
      | undefined
    return row?.epoch ?? -1
  }

  async apply(writer: string, epoch: number, batches: AsyncIterable<readonly Counted[]>): Promise<void> {
    const db = this.#db as Database.Database
    const lines: string[] = []
    for await (const batch of batches) lines.push(...batch.map((record) => JSON.stringify(record)))
    db.exec('BEGIN IMMEDIATE')
    const insert = db.prepare('INSERT INTO out VALUES (?)')
    for (const line of lines) insert.run(line)
    db.prepare('INSERT INTO marker VALUES (?, ?) ON CONFLICT DO UPDATE SET epoch = excluded.epoch').run(writer, epoch)
    db.exec('COMMIT')
  }

  override close(): void {
    this.#db?.close()
  }
}

/** The last sum of each meter and part. */
class Latest extends UpsertSinkFunction<Counted> {
  readonly #file: string
  #db: Database.Database | undefined

  constructor(file: string) {
    super()
    this.#file = file
  }

  override open(): void {
    this.#db = new Database(this.#file, { timeout: 20_000 })
  }

  write(records: readonly Counted[]): void {
    const db = this.#db as Database.Database
    db.exec('BEGIN IMMEDIATE')
    const upsert = db.prepare(
      'INSERT INTO latest VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET place = excluded.place, sum = excluded.sum',
    )
    for (const { meter, part, place, sum } of records) upsert.run(`${meter}/${part}`, place, sum)
    db.exec('COMMIT')
  }

  flush(): void {}

  override close(): void {
    this.#db?.close()
  }
}

/** Made before any sink opens: switching to WAL does not wait for others who do the same. */
function createTable(file: string, schema: string): void {
  const db = new Database(file)
  db.exec(`PRAGMA journal_mode = WAL; ${schema}`)
  db.close()
}

const LEDGER = `CREATE TABLE IF NOT EXISTS out (line TEXT);
  CREATE TABLE IF NOT EXISTS marker (writer TEXT PRIMARY KEY, epoch INTEGER)`
const LATEST = 'CREATE TABLE IF NOT EXISTS latest (id TEXT PRIMARY KEY, place INTEGER, sum INTEGER)'

export default job(
  'every-step',
  (flow, settings) => {
    const count = settings.number('count', 3_000)
    const perSecond = settings.number('rate', 3_000)
    const perCheckpoint = settings.number('perCheckpoint', Number.POSITIVE_INFINITY)
    const ledger = join(settings.dataDir, 'ledger.db')
    const latest = join(settings.dataDir, 'latest.db')
    flow.onStart(() => {
      createTable(ledger, LEDGER)
      createTable(latest, LATEST)
    })
    const source = (name: string, splits: number) =>
      flow
        .from(
          name,
          new PacedSource<Reading>(
            {
              count,
              perSecond,
              splits,
              make: (i) => ({ meter: `m${(i * 7919) % 211}`, part: `${name}-${i % splits}`, n: i }),
            },
            perCheckpoint,
          ),
        )
        .keyBy(`${name}-meter`, (reading) => reading.meter)
    const counted = source('left', 2)
      .connect(source('right', 3))
      .process('count', () => new Count())
    counted.to('parts', filesSink<Counted>({ directory: join(settings.dataDir, 'parts'), format: 'ndjson' }))
    counted.to('ledger', () => new Ledger(ledger))
    counted.keyBy('again', ({ meter, part }) => [meter, part]).to('latest', () => new Latest(latest))
  },
  { checkpoint: { intervalMs: 100, retain: 1 }, restart: { strategy: 'none' } },
)
