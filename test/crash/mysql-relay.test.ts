// MySQL to another site by a relay, as agents of the built bin, killed at random moments: one way, and both ways at once.

import { expect, it, onTestFinished } from 'vitest'
import type { MysqlConnection } from '../../src/connectors/mysql/connection.ts'
import type { HandlerSpec } from '../../src/relay/index.ts'
import { type Rng, seededRng } from '../../src/util/rng.ts'
import { LogDriver, texts } from '../src/connectors/mysql/log-driver.ts'
import { difference } from '../support/mysql-digest.ts'
import { describeServers, type TestServer } from '../support/mysql-servers.ts'
import { createTables, touchAll, Workload } from '../support/mysql-workload.ts'
import { type AgentFile, RelayAgents } from '../support/relay-agents.ts'
import type { BinProcess, ProcessResult } from '../support/run-job.ts'
import { seeds } from './storm.ts'

const full = process.env.MILLRACE_FULL === '1'
const timeout = 600_000
const kills = full ? 5 : 3
/** Ends a test that would never: what is waited for comes in seconds. */
const PATIENCE = { timeout: 300_000, interval: 250 }
const COMPLETE = /"status":"complete"/

/** An end of a direction: the password goes by the environment. */
interface End {
  readonly end: AgentFile['end']
  readonly env: Readonly<Record<string, string>>
  readonly handlers?: readonly HandlerSpec[]
}

function mysql(server: TestServer, database: string, options: object): End {
  const url = new URL(server.url(database))
  const password = decodeURIComponent(url.password)
  url.password = ''
  return {
    end: { mysql: { url: url.href, password: { env: 'DB_PASSWORD' }, ...options } },
    env: { DB_PASSWORD: password },
  }
}

/** One direction: an agent at each end, which are killed and started again. */
class Direction {
  readonly #agents: RelayAgents
  readonly #from: End
  readonly #to: End
  readonly #sites: readonly [from: string, to: string]
  #sender: BinProcess | undefined
  #receiver: BinProcess | undefined

  private constructor(
    agents: RelayAgents,
    ends: { readonly from: End; readonly to: End },
    sites: readonly [string, string],
  ) {
    this.#agents = agents
    this.#from = ends.from
    this.#to = ends.to
    this.#sites = sites
  }

  /** Closed when the test is over. */
  static async open(
    ends: { readonly from: End; readonly to: End },
    sites: readonly [string, string],
  ): Promise<Direction> {
    const agents = await RelayAgents.open()
    onTestFinished(() => agents.close())
    return new Direction(agents, ends, sites)
  }

  /** Starts what does not run. */
  async start(): Promise<void> {
    const [from, to] = this.#sites
    const file = ({ end, handlers = [] }: End, site: string): AgentFile => ({ end, handlers, relay: { site } })
    this.#receiver ??= await this.#agents.receive(file(this.#to, to), { env: this.#to.env })
    this.#sender ??= this.#agents.send(file(this.#from, from), { env: this.#from.env })
  }

  /** Rejects when an agent ends by itself. */
  async ended(): Promise<never> {
    throw endedByItself(await Promise.race([this.#sender, this.#receiver].map((bin) => bin?.result)))
  }

  /** Returns when both have taken a checkpoint: where `latest` is stands in it. */
  async running(): Promise<void> {
    await Promise.all([this.#sender?.seen(COMPLETE), this.#receiver?.seen(COMPLETE)])
  }

  /** Kills the sender, the receiver or both at a random moment, and starts them again. */
  async kill(rng: Rng): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 300 + rng.int(2500)))
    const which = rng.int(3)
    if (which !== 0) this.#receiver = await killed(this.#receiver)
    if (which !== 1) this.#sender = await killed(this.#sender)
    await this.start()
  }
}

/** A process that ended by itself has failed. */
async function killed(bin: BinProcess | undefined): Promise<undefined> {
  bin?.signal('SIGKILL')
  const result = await bin?.result
  if (result?.code !== null) throw endedByItself(result)
}

function endedByItself(result: ProcessResult | undefined): Error {
  return new Error(`an agent ended by itself, with ${result?.code}:\n${result?.stderr.slice(-6000)}`)
}

describeServers('MySQL over a relay', full ? ['mysql', 'mariadb'] : ['mariadb'], (server) => {
  it.each(seeds(1))('a database that is worked on ends equal (seed %i)', { timeout }, async (seed) => {
    const rng = seededRng(seed)
    const { flavour } = server
    const [from, to] = [await server.database('from'), await server.database('to')]
    const session = await server.connection(from)
    await createTables(session, flavour, 40)
    const workload = new Workload({
      ...{ url: server.url(from), flavour, rng: seededRng(seed + 1), truncates: true },
      ...{ connections: 3, transactionsPerDdl: 20, pauseMs: 8 },
    })
    await workload.open()
    onTestFinished(() => workload.close())
    await workload.run(60)
    const ends = {
      from: mysql(server, from, { tables: [`${from}.*`], discoveryIntervalMs: 200 }),
      to: mysql(server, to, {}),
    }
    const line = await Direction.open(ends, ['east', 'west'])
    await line.start()
    for (let n = 0; n < kills; n += 1) await Promise.all([workload.run(80), line.kill(rng)])
    await touchAll(session)
    const copy = { session: await server.connection(to), database: to }
    const left = (): Promise<string> => difference({ session, database: from }, copy)
    await Promise.race([expect.poll(left, PATIENCE).toBe(''), line.ended()])
  })

  it.each(seeds(1))('with handlers at both ends (seed %i)', { timeout }, async (seed) => {
    const rng = seededRng(seed)
    const side = await Side.open(server, 'a')
    const to = await server.database('to')
    const sent: HandlerSpec[] = [{ only: ['*.orders'], filter: { column: 'v', '>': 1 } }]
    const received: HandlerSpec[] = [
      { only: ['*.orders'], rename: { columns: { v: 'amount' }, tables: { '*': '*.big_*' } } },
      { only: ['*.log'], mask: { what: { keepLast: 2 } } },
    ]
    const ends = {
      from: { ...mysql(server, side.database, { tables: [`${side.database}.*`] }), handlers: sent },
      to: { ...mysql(server, to, {}), handlers: received },
    }
    const line = await Direction.open(ends, ['east', 'west'])
    await line.start()
    for (let n = 0; n < kills; n += 1) await Promise.all([side.work(60), line.kill(rng)])
    await side.run("INSERT INTO notes VALUES (1, 'last')")
    const { session, database } = side.view
    const tables = async (orders: string, log: string, notes: string): Promise<unknown[]> => [
      await session.query(`SELECT * FROM ${orders} ORDER BY 1, 2`),
      await session.query(`SELECT * FROM ${log} ORDER BY 1, 2, 3`),
      await session.query(`SELECT * FROM ${notes} ORDER BY 1, 2`),
    ]
    const wanted = (name: string): string => `(SELECT site, id, v AS amount FROM ${database}.${name} WHERE v > 1) one`
    const masked = `(SELECT site, CONCAT('**', RIGHT(what, 2)) AS what, v FROM ${database}.log) one`
    const expected = await tables(wanted('orders'), masked, `${database}.notes`)
    const there = (): Promise<unknown> => tables(`${to}.big_orders`, `${to}.log`, `${to}.notes`).catch(String)
    await Promise.race([expect.poll(there, PATIENCE).toEqual(expected), line.ended()])
  })

  it.each(seeds(1))(
    'both ways at once: both end equal, and nothing comes back (seed %i)',
    { timeout },
    async (seed) => {
      const rng = seededRng(seed)
      const sides = await Promise.all(['a', 'b'].map(async (name) => Side.open(server, name)))
      const [a, b] = sides as [Side, Side]
      const from = (side: Side, other: Side) =>
        mysql(server, side.database, { tables: [`${side.database}.*`], startup: 'latest', skipOrigins: [other.name] })
      const lines = await Promise.all([
        // Tables are altered and emptied at a.
        Direction.open({ from: from(a, b), to: mysql(server, b.database, { origin: 'a' }) }, ['a', 'b']),
        Direction.open({ from: from(b, a), to: mysql(server, a.database, { origin: 'b', schemaChange: 'ignore' }) }, [
          'b',
          'a',
        ]),
      ])
      for (const line of lines) await line.start()
      for (const line of lines) await line.running()
      const places = await Promise.all(sides.map(({ log }) => log.place()))
      for (let n = 0; n < kills; n += 1) {
        const works = sides.map((side) => side.work(60))
        await Promise.all([...works, (lines[rng.int(2)] as Direction).kill(rng)])
        if (n === 0) await a.run('ALTER TABLE orders ADD COLUMN extra VARCHAR(20) NULL')
        if (n === 1) await a.run('TRUNCATE TABLE notes')
      }
      await a.run("INSERT INTO notes VALUES (1, 'last')", "UPDATE orders SET v = v + 1, extra = 'x' WHERE site = 'a'")
      const equal = (): Promise<string> => difference(a.view, b.view)
      await Promise.race([expect.poll(equal, PATIENCE).toBe(''), ...lines.map((line) => line.ended())])
      for (const [index, side] of sides.entries()) {
        const wanted = (table: string): boolean => table === 'orders' || table === 'log'
        const from_ = places[index] as (typeof places)[number]
        // What is not marked is what was written here: had a change come back, there would be more.
        const own = texts(await side.log.read(from_, { wanted, skips: () => true })).filter(
          (text) => !/^[st] /.test(text),
        )
        expect(own).toHaveLength(side.written)
      }
      expect(await equal()).toBe('')
    },
  )
})

/** A site of two: its database, in which it alone changes its own rows. */
class Side {
  readonly name: string
  readonly database: string
  readonly log: LogDriver
  readonly #session: MysqlConnection
  /** Changes of rows in `orders` and `log`. */
  written = 0
  #next = 0

  private constructor(name: string, database: string, session: MysqlConnection, log: LogDriver) {
    this.name = name
    this.database = database
    this.#session = session
    this.log = log
  }

  static async open(server: TestServer, name: string): Promise<Side> {
    const database = await server.database(name)
    const session = await server.connection(database)
    await session.run('CREATE TABLE orders (site CHAR(1), id INT, v INT NOT NULL, PRIMARY KEY (site, id))')
    await session.run('CREATE TABLE log (site CHAR(1), what VARCHAR(20), v INT)')
    await session.run('CREATE TABLE notes (id INT PRIMARY KEY, what VARCHAR(20))')
    return new Side(
      name,
      database,
      session,
      await LogDriver.over(await server.connection(database), server.url(), database),
    )
  }

  get view(): { session: MysqlConnection; database: string } {
    return { session: this.#session, database: this.database }
  }

  async work(transactions: number): Promise<void> {
    for (let n = 0; n < transactions; n += 1) {
      const id = this.#next++
      const where = `WHERE site = '${this.name}'`
      await this.run(
        'BEGIN',
        `INSERT INTO orders (site, id, v) VALUES ('${this.name}', ${id}, 0)`,
        `UPDATE orders SET v = v + 1 ${where} ORDER BY id DESC LIMIT 3`,
        `INSERT INTO log VALUES ('${this.name}', 'same', ${id % 3}), ('${this.name}', 'same', ${id % 3})`,
        `DELETE FROM log ${where} AND v = ${(id + 1) % 3} LIMIT 1`,
        `DELETE FROM orders ${where} AND id = ${id - 40}`,
        'COMMIT',
      )
      if (this.name === 'a' && n % 10 === 0) await this.run(`INSERT INTO notes VALUES (${id + 10}, 'note')`)
      await new Promise((resolve) => setTimeout(resolve, 8))
    }
  }

  async run(...statements: readonly string[]): Promise<void> {
    for (const sql of statements) {
      const { affectedRows } = await this.#session.run(sql)
      if (/ (orders|log) /.test(sql) && !sql.startsWith('ALTER')) this.written += affectedRows
    }
  }
}
