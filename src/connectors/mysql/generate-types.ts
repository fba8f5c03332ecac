// TypeScript types of rows, as mysqlChanges gives them by the same options. What a value becomes is said by column-form alone.

import { z } from 'zod'
import type { GenerateTypes, TypesRequest } from '../../contract/generate-types.ts'
import { MillraceError } from '../../errors.ts'
import { nearest } from '../../util/nearest.ts'
import { parseOptions } from '../cdc/parse-options.ts'
import { Catalogue } from './catalogue.ts'
import { type MysqlTable, tableName } from './column.ts'
import { quotedText } from './column-form.ts'
import { MysqlConnection, parseConnectionOptions, type TlsOptions } from './connection.ts'
import { qualified, tableTest } from './options.ts'
import { type RowColumn, rowColumns } from './row-shape.ts'
import { serverInfo } from './server.ts'
import { type ShapeSettings, shapeFields, shapeOptions } from './shape-options.ts'

const CONNECTOR = 'millrace types'

/** A comma parts patterns. */
const patterns = z
  .string()
  .transform((text) => text.split(','))
  .optional()

const { columns: _, ...shared } = shapeFields
const fields = z.strictObject({
  ...shared,
  include: patterns,
  exclude: patterns,
  tls: z.enum(['true', 'false']).optional(),
  ca: z.string().optional(),
})

interface Described {
  readonly table: MysqlTable
  readonly columns: readonly RowColumn[]
  readonly comment: string
  readonly columnComments: ReadonlyMap<string, string>
}

/** An interface (or, by rows: 'array', a tuple) for each table. Throws CONNECTOR_OPTION for a name that no table has. */
export const generateTypes: GenerateTypes = async (request) => {
  const { include, exclude, tls, ca, ...rest } = parseOptions(fields, request.options, CONNECTOR)
  const settings = shapeOptions({ ...rest, columns: { include, exclude } })
  const connection = await connect(request, ca === undefined ? tls === 'true' : { ca })
  try {
    const tables = await describe(connection, request, settings)
    return declarations(tables, settings)
  } finally {
    connection.close()
  }
}

async function connect({ url, password }: TypesRequest, tls: boolean | TlsOptions): Promise<MysqlConnection> {
  const options = { url, tls, ...(password !== undefined && { password }) }
  const settings = parseConnectionOptions(options, CONNECTOR)
  try {
    return await MysqlConnection.open(settings)
  } catch (error) {
    const place = `${settings.host}:${settings.port}`
    const reason = `no session with ${place} as ${settings.user}: ${error instanceof Error ? error.message : String(error)}`
    throw new MillraceError('CONNECTOR_OPTION', { path: 'url', connector: CONNECTOR, reason }, error)
  }
}

async function describe(
  connection: MysqlConnection,
  { url, tables }: TypesRequest,
  settings: ShapeSettings,
): Promise<Described[]> {
  const { database } = parseConnectionOptions({ url }, CONNECTOR)
  const catalogue = new Catalogue(connection, await serverInfo(connection))
  const foldsCase = await catalogue.foldsCase()
  const asked = qualified(tables, database)
  const all = await catalogue.tables(() => true)
  const names = all.map(({ database, name }) => tableName(database, name))
  for (const pattern of asked) if (!pattern.startsWith('!')) checkFound(pattern, names, foldsCase)
  const isWanted = tableTest(asked, foldsCase)
  const described: Described[] = []
  for (const { database, name } of all.filter((_, index) => isWanted(names[index] as string))) {
    const table = await catalogue.table(database, name)
    if (table === undefined) continue
    const columns = rowColumns(table, settings)
    described.push({ table, columns, ...(await comments(connection, table)) })
  }
  const byName = (one: Described): string => tableName(one.table.database, one.table.name)
  return described.sort((a, b) => (byName(a) < byName(b) ? -1 : 1))
}

function checkFound(pattern: string, names: readonly string[], foldsCase: boolean): void {
  if (names.some(tableTest([pattern], foldsCase))) return
  const near = nearest(pattern, names) ?? names.find((name) => name.endsWith(pattern.slice(pattern.lastIndexOf('.'))))
  const hint = near === undefined ? 'this account sees none like it' : `did you mean ${near}?`
  throw new MillraceError('CONNECTOR_OPTION', {
    path: 'tables',
    connector: CONNECTOR,
    reason: `there is no table ${pattern} (${hint})`,
  })
}

async function comments(connection: MysqlConnection, { database, name }: MysqlTable) {
  const where = 'WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?'
  const [table] = await connection.query(`SELECT TABLE_COMMENT FROM information_schema.TABLES ${where}`, [
    database,
    name,
  ])
  const columns = await connection.query(
    `SELECT COLUMN_NAME, COLUMN_COMMENT FROM information_schema.COLUMNS ${where}`,
    [database, name],
  )
  return { comment: String(table?.[0] ?? ''), columnComments: new Map(columns as [string, string][]) }
}

/** Names that are other types. */
const TAKEN = ['Date', 'Decimal', 'Uint8Array']

function declarations(tables: readonly Described[], settings: ShapeSettings): string {
  const taken = new Set(TAKEN)
  const texts = tables.map((one) => declaration(one, typeName(one.table, taken), settings))
  const usesDecimal = tables.some(({ columns }) => columns.some(({ form }) => form.type === 'Decimal'))
  return [...(usesDecimal ? ["import type { Decimal } from 'millrace'\n"] : []), ...texts].join('\n')
}

function declaration({ table, columns, comment, columnComments }: Described, name: string, settings: ShapeSettings) {
  const key = table.key.length === 0 ? 'No primary key.' : `Primary key: ${table.key.join(', ')}.`
  const head = `/** ${docText(`${tableName(table.database, table.name)}${comment === '' ? '' : `: ${comment}`}. ${key}`)} */`
  const isArray = settings.rows === 'array'
  const lines = columns.map(({ column, form, type }) => {
    const comment = columnComments.get(column.name)
    const said = comment ? `${type}: ${comment}` : type
    const value = column.nullable ? withNull(form.type) : form.type
    // No labels: there are names that cannot be one.
    if (isArray) return `  /** ${docText(`${column.name} ${said}`)} */\n  ${value},`
    return `  /** ${docText(said)} */\n  readonly ${propertyName(column.name)}: ${value}`
  })
  return isArray
    ? `${head}\nexport type ${name} = readonly [\n${lines.join('\n')}\n]\n`
    : `${head}\nexport interface ${name} {\n${lines.join('\n')}\n}\n`
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

function propertyName(name: string): string {
  return IDENTIFIER.test(name) ? name : quotedText(name)
}

function withNull(type: string): string {
  return type === 'unknown' || / \| null$/.test(type) ? type : `${type} | null`
}

/** On one line, and not the end of the comment. */
function docText(text: string): string {
  return text.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ').trim()
}

/** `shop.order_items` is ShopOrderItems: with its database, so that a table of another one does not change it. */
function typeName({ database, name }: MysqlTable, taken: Set<string>): string {
  const words = `${database} ${name}`.match(/[\p{L}\p{N}]+/gu) ?? ['table']
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
  const plain = /^\p{ID_Start}/u.test(joined) ? joined : `T${joined}`
  let unique = plain
  for (let number = 2; taken.has(unique); number++) unique = `${plain}${number}`
  taken.add(unique)
  return unique
}
