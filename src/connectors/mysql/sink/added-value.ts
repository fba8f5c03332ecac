// What the rows that exist get in a column that is added: rows told later, from before that, get it too.

import type { ColumnSchema } from '../../../record/change.ts'
import type { MysqlConnection } from '../connection.ts'
import { textLiteral } from './literal-text.ts'
import { ownTables, PROBE } from './own-tables.ts'
import { classOfError } from './server-error.ts'
import { readTarget } from './target-definition.ts'

/** By name of the column, in lower case: a literal for sessions of sinks. */
export type AddedValues = ReadonlyMap<string, string>

/** Of the whole server. */
const LOCK = 'millrace_probe'
const LOCK_WAIT_SECONDS = 50

const BINARY = /^(binary|varbinary|tinyblob|blob|mediumblob|longblob|vector)$/

/** As the server says, which knows its defaults: a column is added to a table with one row. Undefined if it cannot be told so. */
export async function addedValue(
  connection: MysqlConnection,
  ledger: string,
  { declared, generated }: ColumnSchema,
): Promise<string | undefined> {
  if (declared === undefined || generated) return undefined
  const { probe } = ownTables(ledger)
  // Other sinks may be about the same.
  const [isMine] = (await connection.first('SELECT GET_LOCK(?, ?)', [LOCK, LOCK_WAIT_SECONDS])) ?? []
  if (Number(isMine) !== 1) throw new Error(`${probe} was in use for ${LOCK_WAIT_SECONDS} s`)
  try {
    await connection.run(`DROP TABLE IF EXISTS ${probe}`) // of a process that was killed
    await connection.run(`CREATE TABLE ${probe} (millrace_n INT PRIMARY KEY)`)
    await connection.run(`INSERT INTO ${probe} VALUES (1)`)
    await connection.run(`ALTER TABLE ${probe} ADD COLUMN x ${declared}`)
    const made = await readTarget(connection, ledger, PROBE)
    const kind = made?.columns.find((column) => column.name === 'x')?.kind ?? ''
    const isBinary = BINARY.test(kind)
    const select = isBinary ? 'HEX(x)' : kind === 'bit' ? 'x + 0' : 'CAST(x AS CHAR)'
    const [value] = (await connection.first(`SELECT ${select} FROM ${probe}`)) ?? []
    if (value === null || value === undefined) return 'NULL'
    return isBinary ? `x'${value}'` : kind === 'bit' ? String(value) : textLiteral(String(value))
  } catch (error) {
    if (['connect', 'retry'].includes(classOfError(error))) throw error
    // Such as a default made of other columns.
    return undefined
  } finally {
    await connection.run(`DROP TABLE IF EXISTS ${probe}`).catch(() => {})
    await connection.query('SELECT RELEASE_LOCK(?)', [LOCK]).catch(() => {})
  }
}
