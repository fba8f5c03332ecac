// The tables that sinks keep in the target for themselves.

import { type MysqlConnection, quoteName } from '../connection.ts'
import { originTable } from '../origin.ts'

/** Names, quoted, with their database. */
export interface OwnTables {
  readonly epochs: string
  readonly renames: string
  readonly schemas: string
  readonly deadLetters: string
  /** There only while the server is asked what a new column holds. */
  readonly probe: string
}

/** Name of that table. */
export const PROBE = 'millrace_probe'

/** What a sink's own tables are called that are in this database. */
export function ownTables(ledger: string): OwnTables {
  const table = (name: string): string => `${quoteName(ledger)}.\`millrace_${name}\``
  return {
    epochs: table('epochs'),
    renames: table('renames'),
    schemas: table('schemas'),
    deadLetters: table('dead_letters'),
    probe: `${quoteName(ledger)}.${quoteName(PROBE)}`,
  }
}

const NAME = 'VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL'
const TABLE = 'VARCHAR(140) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL'

/** How far each writer is, for exactly-once delivery. */
export async function makeEpochs(connection: MysqlConnection, ledger: string): Promise<void> {
  await make(
    connection,
    ledger,
    `${ownTables(ledger).epochs} (writer VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,
      epoch BIGINT NOT NULL, part_epoch BIGINT NOT NULL, part_records BIGINT NOT NULL) ENGINE=InnoDB`,
  )
}

/** What became of columns: renames, where in the source's log a table's columns were told last, and the columns of the rows that came last. */
export async function makeSchemas(connection: MysqlConnection, ledger: string): Promise<void> {
  const { renames, schemas } = ownTables(ledger)
  await make(
    connection,
    ledger,
    `${renames} (tbl ${TABLE}, was ${NAME}, now ${NAME}, nth INT NOT NULL, PRIMARY KEY (tbl, was))`,
  )
  await make(
    connection,
    ledger,
    `${schemas} (tbl ${TABLE}, position VARCHAR(255) NOT NULL, at_ms BIGINT NOT NULL, row_schema LONGTEXT NOT NULL,
      PRIMARY KEY (tbl)) CHARACTER SET utf8mb4`,
  )
}

/** Rows that their tables refused. */
export async function makeDeadLetters(connection: MysqlConnection, ledger: string): Promise<void> {
  await make(
    connection,
    ledger,
    `${ownTables(ledger).deadLetters} (id CHAR(40) CHARACTER SET ascii PRIMARY KEY, at DATETIME(3) NOT NULL,
      node VARCHAR(100) NOT NULL, tbl ${TABLE}, op VARCHAR(10) NOT NULL, reason TEXT NOT NULL,
      row_json LONGTEXT NOT NULL) CHARACTER SET utf8mb4 ENGINE=InnoDB`,
  )
}

/** Rows that say whose a transaction is: see origin. */
export async function makeOrigin(connection: MysqlConnection, ledger: string, origin: string): Promise<void> {
  await make(
    connection,
    ledger,
    `${originTable(ledger, origin)} (slot INT NOT NULL PRIMARY KEY, marks BIGINT NOT NULL) ENGINE=InnoDB`,
  )
}

async function make(connection: MysqlConnection, ledger: string, table: string): Promise<void> {
  const [database] = (await connection.first('SELECT DATABASE()')) as [string | null]
  if (database !== ledger) await connection.run(`CREATE DATABASE IF NOT EXISTS ${quoteName(ledger)}`)
  await connection.run(`CREATE TABLE IF NOT EXISTS ${table}`)
}
