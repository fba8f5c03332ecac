// Which target table a source table goes to.

import { MillraceError } from '../../../errors.ts'

/** A table of the target. */
export interface TargetName {
  readonly database: string
  readonly table: string
}

interface Route {
  readonly source: RegExp
  readonly database: string
  readonly table: string
}

/** By routes, the first that fits; else into `database`, or the one of the same name. Throws CONNECTOR_OPTION, SCHEMA_MISMATCH. */
export class TableNames {
  readonly #routes: readonly Route[]
  readonly #database: string | undefined
  readonly #sources = new Map<string, string>()

  constructor(tables: Readonly<Record<string, string>>, database: string | undefined) {
    this.#database = database
    this.#routes = Object.entries(tables).map(([source, target]) => {
      const [toDatabase, toTable] = partsOf(target, source)
      return { source: patternOf(source), database: toDatabase, table: toTable }
    })
  }

  targetOf(database: string, table: string): TargetName {
    const route = this.#routes.find(({ source }) => source.test(`${database}.${table}`))
    const fill = (pattern: string, name: string): string => pattern.replaceAll('*', () => name)
    const target =
      route === undefined
        ? { database: this.#database ?? database, table }
        : { database: fill(route.database, database), table: fill(route.table, table) }
    this.#claim(`${database}.${table}`, `${target.database}.${target.table}`)
    return target
  }

  /** Truncating one of two that share a table would take the other's rows with it. */
  #claim(source: string, target: string): void {
    const other = this.#sources.get(target)
    this.#sources.set(target, other ?? source)
    if (other === undefined || other === source) return
    const reason = `both ${other} and ${source} go there: give each a table of its own with the option tables`
    throw new MillraceError('SCHEMA_MISMATCH', { table: target, reason })
  }
}

function partsOf(target: string, source: string): [string, string] {
  const parts = target.split('.')
  if (parts.length === 2 && parts.every((part) => part !== '')) return parts as [string, string]
  const reason = 'expected database.table, each a name or *'
  throw new MillraceError('CONNECTOR_OPTION', { path: `tables.${source}`, connector: 'mysqlTables', reason })
}

function patternOf(source: string): RegExp {
  const text = source.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '[^]*')
  return new RegExp(`^${text}$`)
}
