// Random but seeded work on a database: tables of many kinds of keys, one without, one of every type; transactions, rollbacks, DDL.
//
// Owns: the connections it works with.
//
// I1. It is bounded by a number of transactions, not by time.
// I2. A statement that the server refuses (a key twice, a deadlock, a column that is gone) is part of the work.

import type { MysqlConnection } from '../../src/connectors/mysql/connection.ts'
import type { Rng } from '../../src/util/rng.ts'
import { columnTypes } from './mysql-every-type.ts'
import { connectTo, type Flavour } from './mysql-process.ts'

interface KeyedTable {
  readonly name: string
  /** Column definitions of the key, and how it is declared. */
  readonly columns: string
  readonly key: readonly string[]
  /** A literal for each column of the key, out of few. */
  readonly values: (rng: Rng) => readonly string[]
  readonly suffix?: string
}

const pick = <T>(rng: Rng, list: readonly T[]): T => list[rng.int(list.length)] as T
const words = ['a', 'A', 'á', 'b', 'B ', 'ss', 'ß', 'zz', 'Zz', 'ö', 'o', '', ' ', '漢', '😀', "q'", 'x\\\\y']
const word = (rng: Rng): string => `'${pick(rng, words).replaceAll("'", "''")}'`

/** Tables whose primary keys are of all kinds. */
export const KEYED: readonly KeyedTable[] = [
  { name: 'ints', columns: 'id INT NOT NULL', key: ['id'], values: (rng) => [String(rng.int(400) - 200)] },
  {
    name: 'huge',
    columns: 'id BIGINT UNSIGNED NOT NULL',
    key: ['id'],
    values: (rng) => [String(18_446_744_073_709_551_615n - BigInt(rng.int(300)))],
  },
  {
    name: 'decimals',
    columns: 'k DECIMAL(30,4) NOT NULL',
    key: ['k'],
    values: (rng) => [`${rng.int(2) === 0 ? '-' : ''}1234567890123456789.${String(rng.int(200)).padStart(4, '0')}`],
  },
  {
    name: 'words',
    columns: 'k VARCHAR(20) NOT NULL COLLATE utf8mb4_unicode_ci, n INT NOT NULL',
    key: ['k', 'n'],
    values: (rng) => [word(rng), String(rng.int(10))],
  },
  {
    name: 'latin',
    columns: 'k CHAR(10) CHARACTER SET latin1 NOT NULL',
    key: ['k'],
    values: (rng) => [`'${pick(rng, ['k', 'K', 'é', 'E'])}${rng.int(60)}'`],
  },
  {
    name: 'bytes',
    columns: 'k VARBINARY(16) NOT NULL',
    key: ['k'],
    values: (rng) => [`x'${(rng.int(200) * 331).toString(16).padStart(6, '0')}'`],
  },
  {
    name: 'moments',
    columns: 'day DATE NOT NULL, at DATETIME(6) NOT NULL',
    key: ['day', 'at'],
    values: (rng) => [
      pick(rng, ["'0000-00-00'", "'1000-01-01'", "'2024-02-29'", "'9999-12-31'"]),
      `'2024-05-06 07:08:09.${String(rng.int(40)).padStart(6, '0')}'`,
    ],
  },
  {
    name: 'odd`name; --',
    columns: "`select` INT NOT NULL, `é``` ENUM('x','y','') NOT NULL",
    key: ['é`', 'select'],
    values: (rng) => [pick(rng, ["'x'", "'y'", "''"]), String(rng.int(60))],
    suffix: ' PARTITION BY HASH (`select`) PARTITIONS 3',
  },
]

const quote = (name: string): string => `\`${name.replaceAll('`', '``')}\``

/** Makes all tables, with some rows in each. */
export async function createTables(session: MysqlConnection, flavour: Flavour, rows: number): Promise<void> {
  for (const table of KEYED) await session.run(createSql(table))
  await session.run('CREATE TABLE keyless (a INT, b VARCHAR(20), v BIGINT)')
  const types = columnTypes(flavour).map(({ name, type }) => `${quote(name)} ${type}`)
  await session.run(`CREATE TABLE every_type (id INT NOT NULL PRIMARY KEY, v BIGINT, ${types.join(', ')})`)
  await session.run('CREATE TABLE audit (id BIGINT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(20), v BIGINT)')
  await session.run(
    'CREATE TRIGGER audit_ints AFTER UPDATE ON ints FOR EACH ROW INSERT INTO audit (what, v) VALUES (NEW.id, NEW.v)',
  )
  for (let n = 0; n < rows; n++) {
    const values = (_: unknown, index: number): string => `(${index % 7}, 'b${(index * n) % 5}', ${n})`
    await session.run(`INSERT INTO keyless VALUES ${Array.from({ length: 3 }, values).join(',')}`)
  }
}

const createSql = ({ name, columns, key, suffix = '' }: KeyedTable): string =>
  `CREATE TABLE ${quote(name)} (${columns}, v BIGINT NOT NULL DEFAULT 0, a VARCHAR(60), u INT NULL, PRIMARY KEY (${key.map(quote).join(', ')}), KEY (v)) CHARACTER SET utf8mb4${suffix}`

/** What one connection does next: statements, in order. */
type Work = readonly string[]

/** Statements against the tables of createTables. */
export class Statements {
  readonly #rng: Rng
  readonly #flavour: Flavour
  readonly #truncates: boolean
  /** Columns that ALTER TABLE added, by table; what is not there any more is tried nevertheless. */
  readonly #added: { table: string; column: string }[] = []
  #serial = 0

  constructor({ rng, flavour, truncates }: Pick<WorkloadOptions, 'rng' | 'flavour' | 'truncates'>) {
    this.#rng = rng
    this.#flavour = flavour
    this.#truncates = truncates
  }

  /** One transaction, committed or not. */
  transaction(): Work {
    const rng = this.#rng
    if (rng.int(3) === 0) return [this.#statement()]
    const work = ['BEGIN', ...Array.from({ length: 1 + rng.int(6) }, () => this.#statement())]
    if (rng.int(6) === 0)
      work.push('SAVEPOINT s', this.#statement(), this.#statement(), 'ROLLBACK TO s', this.#statement())
    work.push(rng.int(7) === 0 ? 'ROLLBACK' : 'COMMIT')
    return work
  }

  /** One change of the tables themselves. */
  ddl(): Work {
    const rng = this.#rng
    const table = pick(rng, KEYED)
    const name = table.name
    const alter = `ALTER TABLE ${quote(name)}`
    const column = `x${this.#serial++}`
    const known = this.#added.length === 0 ? undefined : pick(rng, this.#added)
    const alterKnown = known === undefined ? undefined : `ALTER TABLE ${quote(known.table)}`
    const type = pick(rng, ['INT', 'BIGINT UNSIGNED', 'VARCHAR(30)', 'DECIMAL(12,3)', "ENUM('p','q')", 'DATETIME(3)'])
    const add = (sql: string): Work => {
      this.#added.push({ table: name, column })
      return [sql]
    }
    const choices: (() => Work)[] = [
      () => add(`${alter} ADD COLUMN ${column} ${type} NULL`),
      () =>
        add(`${alter} ADD COLUMN ${column} VARCHAR(20) NOT NULL DEFAULT 'd' ${pick(rng, ['FIRST', 'AFTER v', ''])}`),
      () => add(`${alter} ADD COLUMN ${column} INT NOT NULL DEFAULT 7`),
      () => [`${alter} MODIFY COLUMN a VARCHAR(${60 + rng.int(60)})`],
      () => [`${alter} MODIFY COLUMN u ${pick(rng, ['INT', 'BIGINT', 'VARCHAR(30)'])} NULL`],
      () => this.#newTable(),
    ]
    if (this.#truncates)
      choices.push(
        () => [`TRUNCATE TABLE ${quote(pick(rng, [name, 'keyless', 'audit']))}`],
        () => [`DROP TABLE ${quote(name)}`, createSql(table)],
      )
    if (known !== undefined && alterKnown !== undefined)
      choices.push(
        () => [`${alterKnown} DROP COLUMN ${known.column}`],
        () => this.#dropAndAdd(known.column, alterKnown),
        () => this.#rename(known),
        () => [`${alterKnown} MODIFY COLUMN ${known.column} ${pick(rng, ['VARCHAR(40)', 'TEXT'])} NULL`],
      )
    return pick(rng, choices)()
  }

  /** Another column of the same name, in one statement or in two. */
  #dropAndAdd(column: string, alter: string): Work {
    const rng = this.#rng
    const drop = `DROP COLUMN ${column}`
    const add = `ADD COLUMN ${column} ${pick(rng, ['VARCHAR(30) NULL', "VARCHAR(40) NOT NULL DEFAULT 'n'", 'INT NOT NULL DEFAULT 9'])}`
    return pick(rng, [
      [`${alter} ${drop}, ${add}`],
      [`${alter} ${add}, ${drop}`],
      [`${alter} ${drop}`, `${alter} ${add}`],
    ])
  }

  #rename(known: { table: string; column: string }): Work {
    const to = `y${this.#serial++}`
    const sql = `ALTER TABLE ${quote(known.table)} RENAME COLUMN ${known.column} TO ${to}`
    known.column = to
    return [sql]
  }

  #newTable(): Work {
    const name = `new_${this.#rng.int(4)}`
    const rows = Array.from({ length: 20 }, (_, id) => `(${id}, ${id}, 'n')`).join(',')
    return [
      `CREATE TABLE IF NOT EXISTS ${name} (id INT PRIMARY KEY, v BIGINT, a TEXT)`,
      `INSERT IGNORE INTO ${name} VALUES ${rows}`,
      `UPDATE ${name} SET v = v + 1 WHERE id % 3 = ${this.#rng.int(3)}`,
      `DELETE FROM ${name} WHERE id = ${this.#rng.int(20)}`,
    ]
  }

  #statement(): string {
    const rng = this.#rng
    switch (rng.int(10)) {
      case 0:
        return this.#keyless()
      case 1:
      case 2:
        return this.#everyType()
      case 3:
        return this.#onAdded()
      default:
        return this.#keyed(pick(rng, KEYED))
    }
  }

  #keyed(table: KeyedTable): string {
    const rng = this.#rng
    const name = quote(table.name)
    const columns = `(${table.key.map(quote).join(', ')}, v, a, u)`
    const row = (): string =>
      `(${[...table.values(rng), rng.int(1000), word(rng), pick(rng, ['NULL', '1', '-7'])].join(', ')})`
    const rows = (): string => Array.from({ length: 1 + rng.int(8) }, row).join(', ')
    const where = (): string => {
      const values = table.values(rng)
      return table.key.map((column, index) => `${quote(column)} = ${values[index]}`).join(' AND ')
    }
    const keySet = (): string => {
      const values = table.values(rng)
      return table.key.map((column, index) => `${quote(column)} = ${values[index]}`).join(', ')
    }
    return pick<() => string>(rng, [
      () => `INSERT IGNORE INTO ${name} ${columns} VALUES ${rows()}`,
      () => `INSERT IGNORE INTO ${name} ${columns} VALUES ${rows()}`,
      () => `REPLACE INTO ${name} ${columns} VALUES ${rows()}`,
      () =>
        `INSERT INTO ${name} ${columns} VALUES ${rows()} ON DUPLICATE KEY UPDATE v = ${name}.v + 1, a = ${word(rng)}`,
      () => `UPDATE ${name} SET v = v + 1, a = ${word(rng)} WHERE ${where()}`,
      () => `UPDATE ${name} SET v = v + 1, u = ${rng.int(50)} WHERE v % 7 = ${rng.int(7)} ORDER BY v LIMIT 20`,
      () => `UPDATE IGNORE ${name} SET v = v + 1, ${keySet()} WHERE ${where()}`,
      () => `UPDATE IGNORE ${name} SET ${keySet()} WHERE v % 11 = ${rng.int(11)} LIMIT 3`,
      () => `DELETE FROM ${name} WHERE ${where()}`,
      () => `DELETE FROM ${name} WHERE v % 13 = ${rng.int(13)} LIMIT 10`,
    ])()
  }

  #keyless(): string {
    const rng = this.#rng
    return pick(rng, [
      `INSERT INTO keyless VALUES (${rng.int(9)}, ${word(rng)}, 0), (${rng.int(9)}, NULL, 0), (NULL, NULL, NULL)`,
      `INSERT INTO keyless SELECT a, b, v FROM keyless WHERE a = ${rng.int(9)} LIMIT 5`,
      `UPDATE keyless SET v = v + 1 WHERE a = ${rng.int(9)} LIMIT ${1 + rng.int(9)}`,
      `DELETE FROM keyless WHERE a = ${rng.int(9)} LIMIT ${1 + rng.int(6)}`,
      `DELETE FROM keyless WHERE a IS NULL LIMIT 2`,
    ])
  }

  #everyType(): string {
    const rng = this.#rng
    const settable = columnTypes(this.#flavour).filter(({ values }) => values.length > 0)
    if (rng.int(3) > 0) {
      const values = settable.map((column) => (rng.int(8) === 0 ? 'NULL' : pick(rng, column.values)))
      return `REPLACE INTO every_type (id, v, ${settable.map(({ name }) => quote(name)).join(', ')}) VALUES (${rng.int(60)}, 0, ${values.join(', ')})`
    }
    const column = pick(rng, settable)
    return `UPDATE every_type SET v = v + 1, ${quote(column.name)} = ${pick(rng, column.values)} WHERE id % 5 = ${rng.int(5)}`
  }

  #onAdded(): string {
    if (this.#added.length === 0) return this.#keyless()
    const { table, column } = pick(this.#rng, this.#added)
    const value = pick(this.#rng, ['NULL', "'5'", "'p'", "'2024-01-02 03:04:05.678'", 'DEFAULT'])
    return `UPDATE ${quote(table)} SET v = v + 1, ${column} = ${value} WHERE v % 5 = ${this.#rng.int(5)}`
  }
}

/** What a workload is made of. */
export interface WorkloadOptions {
  readonly url: string
  readonly flavour: Flavour
  readonly rng: Rng
  readonly connections: number
  /** Changes of tables, on a connection of its own; one for so many transactions of each other connection. */
  readonly transactionsPerDdl: number
  /** Whether DDL also empties tables. */
  readonly truncates: boolean
  /** Rest of each connection between two transactions. */
  readonly pauseMs: number
}

/** Several connections that work at once. */
export class Workload {
  readonly #options: WorkloadOptions
  readonly #statements: Statements
  #sessions: MysqlConnection[] = []

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#statements = new Statements(options)
  }

  async open(): Promise<void> {
    const { url, connections } = this.#options
    this.#sessions = await Promise.all(Array.from({ length: connections + 1 }, () => connectTo(url)))
    for (const session of this.#sessions)
      await session.run('SET SESSION innodb_lock_wait_timeout = 2, lock_wait_timeout = 5')
  }

  /** So many transactions on each connection, and DDL beside them. */
  async run(transactions: number): Promise<void> {
    const { transactionsPerDdl, pauseMs } = this.#options
    const [ddl, ...others] = this.#sessions
    const many = async (session: MysqlConnection | undefined, count: number, next: () => Work): Promise<void> => {
      for (let n = 0; n < count; n++) {
        await perform(session as MysqlConnection, next())
        await new Promise((resolve) => setTimeout(resolve, (pauseMs * transactions) / count))
      }
    }
    await Promise.all([
      many(ddl, Math.floor(transactions / transactionsPerDdl), () => this.#statements.ddl()),
      ...others.map((session) => many(session, transactions, () => this.#statements.transaction())),
    ])
  }

  close(): void {
    for (const session of this.#sessions) session.close()
  }
}

/** Errors that concurrent work and DDL make: I2. Anything else is a fault of the test. */
const EXPECTED = new Set([
  1048, 1050, 1051, 1054, 1060, 1062, 1072, 1091, 1146, 1205, 1213, 1264, 1265, 1364, 1366, 1406, 1412, 1526, 1020,
  1292, 1305, 1690,
])

async function perform(session: MysqlConnection, work: Work): Promise<void> {
  for (const sql of work) {
    try {
      await session.run(sql)
    } catch (error) {
      const number = (error as { errno?: number }).errno ?? 0
      if (!EXPECTED.has(number)) throw new Error(`${(error as Error).message} (${number}): ${sql}`)
    }
  }
}

/**
 * Changes a row of every table that has one. Columns that changed are told by the next row, or at the end of the log, which a batch run on a
 * server that others write to seldom meets.
 */
export async function touchAll(session: MysqlConnection): Promise<void> {
  for (const [table] of await session.query('SHOW TABLES'))
    await session.run(`UPDATE ${quote(String(table))} SET v = COALESCE(v, 0) + 1 LIMIT 1`)
}
