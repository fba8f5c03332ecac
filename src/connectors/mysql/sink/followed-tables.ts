// FollowedTables: the target's tables of the source tables that are followed.
//
// Owns: making and altering them; which of a row's values go where.
//
// I1. Records of op `s` come before the rows that have those columns. Older ones may come behind newer ones, from another reader or
//     after a restore: see schema-evolution. Rows of a snapshot have the columns that were told at their own place in it. A column named by
//     its former name is written under its present one, and what rows lack that came before it was added as existing rows got it: both are
//     kept in the target.
// I2. Rows that are written in one batch under two plans of a table are those of different keys: a record of op `s` that changes the plan is
//     work, before which the batch is written.
//     A column that was dropped since has no place, though another one may have its name by now.
// I3. Rows come with stale neighbours while a snapshot is under way: no constraint but the key may stand in their way.
// I4. What is done to a table is decided from the table as it is, so that it can be done again after a crash at any point.

import type { Logger } from '../../../contract/runtime-context.ts'
import { MillraceError, reasonOf } from '../../../errors.ts'
import type { Change, ChangeSource, TableSchema } from '../../../record/change.ts'
import { failpoint } from '../../../util/failpoint.ts'
import { sameValue } from '../../../util/same-value.ts'
import { decideEvolution, type SchemaStep } from '../../sql/schema-evolution.ts'
import { tableName } from '../column.ts'
import { type MysqlConnection, quoteName } from '../connection.ts'
import { truncateSql } from '../origin.ts'
import { type AddedValues, addedValue } from './added-value.ts'
import type { ControlConnection } from './control-connection.ts'
import { droppedColumns, droppedSince, joinDropped, markDropped } from './dropped-columns.ts'
import type { TablesSettings } from './options.ts'
import { isOlder } from './place.ts'
import { SchemaMemory } from './schema-memory.ts'
import { classOfError } from './server-error.ts'
import { CHANGE_MODE, DEFINITION_MODE } from './sql-mode.ts'
import { TableNames, type TargetName } from './table-names.ts'
import { planTable } from './table-plan.ts'
import { columnTexts, createLikeSql, createPlainSql, readTableText, rekeySql, stepSql } from './table-sql.ts'
import { readTarget, type TargetDefinition } from './target-definition.ts'
import type { TargetTable } from './target-table.ts'
import { TYPE_RULES } from './type-rules.ts'

export interface FollowedTablesOptions {
  readonly settings: TablesSettings
  readonly control: ControlConnection
  readonly logger: Logger
}

/** A source table under its present columns. */
export interface Followed {
  readonly schema: TableSchema
  readonly target: TargetName
  readonly table: TargetTable
}

/** What is known of a source table. */
interface KnownTable {
  /** By the columns told last. */
  current: Followed
  /** By place of the snapshot: readers that read at different moments may see different columns, and their rows come mixed. */
  readonly views: Map<string, Followed>
  /** The columns at the latest of these places; undefined if the snapshot is over. */
  newest: TableSchema | undefined
}

/** Places of a table's snapshot that are remembered: more than there are readers. */
const VIEWS_MAX = 256

/** Changes the target; to be called when nothing written under the former columns is left over. */
export type TableWork = () => Promise<void>

export class FollowedTables {
  readonly #options: FollowedTablesOptions
  readonly #names: TableNames
  readonly #memory: SchemaMemory
  readonly #databases = new Map<string, Map<string, KnownTable>>()
  #lastSource: ChangeSource | undefined
  #last: Followed | undefined
  #mariadb = false

  constructor(options: FollowedTablesOptions) {
    this.#options = options
    const { connection, ledger, tables } = options.settings
    this.#names = new TableNames(tables, connection.database)
    this.#memory = new SchemaMemory(ledger)
  }

  async open(): Promise<void> {
    await this.#options.control.run(async (connection) => {
      this.#mariadb = /mariadb/i.test(String((await connection.first('SELECT VERSION()'))?.[0]))
      await this.#memory.open(connection)
    })
  }

  /** The table that a change of a row goes to. Throws SCHEMA_MISMATCH if its columns did not come yet. */
  of(source: ChangeSource): Followed {
    if (source === this.#lastSource) return this.#last as Followed
    const known = this.#known(source)
    if (known === undefined) {
      const reason = `a change came before the table's columns: give the source schemaChanges: true and rows: 'array'`
      throw new MillraceError('SCHEMA_MISMATCH', { table: tableName(source.database, source.table), reason })
    }
    const followed = (source.snapshot ? known.views.get(source.position) : undefined) ?? known.current
    this.#lastSource = source
    this.#last = followed
    return followed
  }

  isKnown(source: ChangeSource): boolean {
    return source === this.#lastSource || this.#known(source) !== undefined
  }

  /** Remembers the columns of rows whose record of op `s` came to an earlier life of this sink. */
  async recall(source: ChangeSource): Promise<void> {
    const { database, table } = this.#names.targetOf(source.database, source.table)
    await this.#options.control.run(async (connection) => {
      const schema = await this.#memory.schemaOf(connection, tableName(database, table))
      // A table that somebody dropped is made by the record of its columns, whatever is remembered of it.
      if (schema === undefined || (await readTarget(connection, database, table)) === undefined) return
      this.#keep(source, await this.#planned(connection, source, schema))
    })
  }

  /** What a record of op `s` or `t` asks to be done; undefined if that is nothing. */
  workOf(change: Change<unknown>): TableWork | undefined {
    return change.op === 't' ? this.#truncation(change.source) : this.#following(change.source, change.schema)
  }

  #truncation(source: ChangeSource): TableWork | undefined {
    const { control, logger, settings } = this.#options
    const target = this.#names.targetOf(source.database, source.table)
    const name = tableName(target.database, target.table)
    if (settings.schemaChange === 'exception')
      throw new MillraceError('SCHEMA_MISMATCH', { table: name, reason: `the source's table was truncated or dropped` })
    if (settings.schemaChange === 'lenient' || settings.schemaChange === 'ignore') {
      logger.warn(`the source's table was truncated or dropped; schemaChange ${settings.schemaChange} keeps the rows`, {
        table: name,
      })
      return undefined
    }
    return () =>
      control.run(async (connection) => {
        failpoint('sql.schema.before')
        const there = await readTarget(connection, target.database, target.table)
        if (there !== undefined) await connection.run(truncateSql(quoted(target), settings.origin))
        failpoint('sql.schema.after')
      })
  }

  #following(source: ChangeSource, schema: TableSchema | undefined): TableWork | undefined {
    if (schema === undefined || schema.columns.length === 0) return undefined
    const known = this.#known(source)
    if (known !== undefined && isSame(known.current.schema, schema)) {
      // The log's changes are behind the snapshot: what was written under other columns than theirs goes first.
      const behindViews = !source.snapshot && known.views.size > 0
      if (behindViews) {
        known.views.clear()
        known.newest = undefined
      }
      this.#keep(source, known.current)
      return behindViews ? async () => {} : undefined
    }
    return () => this.#options.control.run((connection) => this.#follow(connection, source, schema))
  }

  async #follow(connection: MysqlConnection, source: ChangeSource, told: TableSchema): Promise<void> {
    const target = this.#names.targetOf(source.database, source.table)
    const name = tableName(target.database, target.table)
    const place = { position: source.position, timestampMs: source.timestampMs }
    failpoint('sql.schema.before')
    const there = await readTarget(connection, target.database, target.table)
    // What is remembered of a table that is gone is not true of the one made now.
    if (there === undefined) await this.#memory.forget(connection, name)
    const last = await this.#memory.placeOf(connection, name)
    const older = last !== undefined && isOlder(place, last)
    const dropped = this.#drops ? joinDropped(await this.#memory.droppedOf(connection, name), told.dropped ?? []) : []
    const schema = markDropped(told, place, dropped)
    const goneSince = this.#drops ? droppedSince(told, last) : new Set<string>()
    await this.#memory.forgetNames(connection, name, goneSince)
    if (source.snapshot && !older) refuseLikelyRename(name, this.#known(source)?.newest, schema)
    if (there === undefined) await this.#create(connection, target, schema)
    else await this.#evolve(connection, there, schema, older, droppedColumns(there, schema, goneSince))
    // A column is added as it was declared then, and becomes what it is now.
    const further = schema.columns.some(({ declared }) => declared !== undefined)
    const made = further ? await readTarget(connection, target.database, target.table) : undefined
    if (made !== undefined) await this.#evolve(connection, made, schema, older)
    await this.#memory.noteNames(connection, name, schema, older)
    const added = await this.#addedValues(connection, name, schema, { older, goneSince })
    await this.#memory.note(connection, name, older ? last : place, schema, { added, dropped })
    failpoint('sql.schema.after')
    const known = this.#keep(source, await this.#planned(connection, source, schema))
    if (!older) known.newest = source.snapshot ? schema : undefined
    for (const [position, view] of known.views) {
      const isCurrent = isSame(view.schema, schema)
      const marked = markDropped(view.schema, { position, timestampMs: 0 }, dropped)
      known.views.set(position, isCurrent ? known.current : await this.#planned(connection, source, marked))
    }
  }

  /** The target loses the columns that the source loses. */
  get #drops(): boolean {
    const { schemaChange } = this.#options.settings
    return schemaChange === 'evolve' || schemaChange === 'tryEvolve'
  }

  /** How rows under these columns are written to the table as it is. */
  async #planned(connection: MysqlConnection, source: ChangeSource, schema: TableSchema): Promise<Followed> {
    const target = this.#names.targetOf(source.database, source.table)
    const present = (await readTarget(connection, target.database, target.table)) as TargetDefinition
    const name = tableName(target.database, target.table)
    const renamed = await this.#memory.renamesOf(connection, name, schema)
    const table = planTable(present, {
      schema,
      renamed,
      added: await this.#memory.addedOf(connection, name),
      mariadb: this.#mariadb,
      unique: this.#options.settings.uniqueIndexes,
    })
    return { schema, target, table }
  }

  /** What rows have that came before columns were added, of the columns that there are behind this record. */
  async #addedValues(
    connection: MysqlConnection,
    table: string,
    schema: TableSchema,
    { older, goneSince }: { readonly older: boolean; readonly goneSince: ReadonlySet<string> },
  ): Promise<AddedValues> {
    const idOf = (name: string): string => name.toLowerCase()
    const values = new Map(await this.#memory.addedOf(connection, table))
    for (const id of goneSince) values.delete(id)
    const renamed = await this.#memory.renamesOf(connection, table, schema)
    const present = new Set<string>()
    for (const column of schema.columns) {
      const id = idOf(renamed.get(column.name) ?? column.name)
      present.add(id)
      const was = (column.formerNames ?? []).map(idOf).find((former) => values.has(former))
      if (was !== undefined && !values.has(id)) values.set(id, values.get(was) as string)
      if (older && values.has(id)) continue
      const value = await addedValue(connection, this.#options.settings.ledger, column)
      if (value !== undefined) values.set(id, value)
    }
    if (!older) for (const id of [...values.keys()]) if (!present.has(id)) values.delete(id)
    return values
  }

  #known(source: ChangeSource): KnownTable | undefined {
    return this.#databases.get(source.database)?.get(source.table)
  }

  #keep(source: ChangeSource, followed: Followed): KnownTable {
    const tables = this.#databases.get(source.database) ?? new Map<string, KnownTable>()
    this.#databases.set(source.database, tables)
    const known = tables.get(source.table) ?? {
      current: followed,
      views: new Map<string, Followed>(),
      newest: undefined,
    }
    tables.set(source.table, known)
    known.current = followed
    this.#lastSource = undefined
    if (!source.snapshot) return known
    known.views.delete(source.position)
    known.views.set(source.position, followed)
    const [oldest] = known.views.keys()
    if (known.views.size > VIEWS_MAX && oldest !== undefined) known.views.delete(oldest)
    return known
  }

  async #create(connection: MysqlConnection, target: TargetName, schema: TableSchema): Promise<void> {
    await connection.run(`CREATE DATABASE IF NOT EXISTS ${quoteName(target.database)}`)
    const text = schema.definition === undefined ? undefined : readTableText(schema.definition)
    if (text !== undefined) {
      try {
        await connection.run(createLikeSql(quoted(target), text, schema.key))
        return
      } catch (error) {
        if (['connect', 'retry'].includes(classOfError(error))) throw error
        // Such as a collation that the other kind of server does not know.
        const reason = reasonOf(error)
        this.#options.logger.warn('the table is made from its declared types alone', { table: target.table, reason })
      }
    }
    await this.#alter(target, () => connection.run(createPlainSql(quoted(target), schema, this.#mariadb)))
  }

  async #evolve(
    connection: MysqlConnection,
    there: TargetDefinition,
    schema: TableSchema,
    older: boolean,
    dropped: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    const name = tableName(there.database, there.name)
    const behavior = this.#options.settings.schemaChange
    const renamed = await this.#memory.renamesOf(connection, name, schema)
    const added = await this.#memory.addedOf(connection, name)
    const columns = there.columns
      .filter((column) => !dropped.has(column.name))
      .map((column) => {
        // Rows from before it was added get what it held then.
        const isKnown = older && added.has(column.name.toLowerCase())
        return isKnown ? { ...column, optional: true } : column
      })
    const steps = decideEvolution({ schema, target: columns, behavior, older, renamed, types: TYPE_RULES })
    const isDrop = ({ kind }: SchemaStep): boolean => kind === 'drop'
    const texts = textsOf(schema)
    const changes = [
      ...[...dropped].map((gone) => stepSql({ kind: 'drop', name: gone }, there, texts)),
      ...steps.filter((step) => !isDrop(step)).map((step) => stepSql(step, there, texts)),
      // The new key may lie in columns that come, the former one in columns that go.
      ...(older || renamed.size > 0 || behavior === 'lenient' || behavior === 'ignore' ? [] : rekeySql(there, schema)),
      ...steps.filter(isDrop).map((step) => stepSql(step, there, texts)),
    ]
    if (changes.length === 0) return
    if (behavior === 'exception') {
      const reason = `the source's columns changed (${changes.join(', ')}), and schemaChange is exception`
      throw new MillraceError('SCHEMA_MISMATCH', { table: name, reason })
    }
    this.#options.logger.info('the columns change', { table: name, changes })
    const target = { database: there.database, table: there.name }
    for (const change of changes) {
      await this.#alter(target, () => runStrictly(connection, `ALTER TABLE ${quoted(target)} ${change}`))
      failpoint('sql.schema.middle')
    }
  }

  /** What the target refuses fails the job by name, or is left as it is. */
  async #alter(target: TargetName, run: () => Promise<unknown>): Promise<void> {
    const name = tableName(target.database, target.table)
    try {
      await run()
    } catch (error) {
      if (['connect', 'retry'].includes(classOfError(error))) throw error
      const reason = `it does not take the source's columns: ${reasonOf(error)}`
      if (this.#options.settings.schemaChange !== 'tryEvolve')
        throw new MillraceError('SCHEMA_MISMATCH', { table: name, reason }, error)
      this.#options.logger.warn(reason, { table: name })
    }
  }
}

/** The definition says where AUTO_INCREMENT stands too: that is no change. */
function isSame(a: TableSchema, b: TableSchema): boolean {
  return sameValue(a.columns, b.columns) && sameValue(a.key, b.key) && sameValue(a.dropped, b.dropped)
}

/**
 * Between two chunks that are read for the first time one column went and another came: perhaps it was renamed, and what the first chunk
 * wrote into it would stay behind. Throws SCHEMA_MISMATCH.
 */
function refuseLikelyRename(table: string, before: TableSchema | undefined, schema: TableSchema): void {
  if (before === undefined) return
  const linked = (a: TableSchema, b: TableSchema): Set<string> =>
    new Set(
      [...a.columns, ...b.columns].flatMap(({ formerNames = [], name }) =>
        formerNames.length > 0 ? [...formerNames, name] : [],
      ),
    )
  const links = linked(before, schema)
  const missingIn = (from: TableSchema, other: TableSchema): string | undefined =>
    from.columns.find(({ name }) => !links.has(name) && !other.columns.some((column) => column.name === name))?.name
  const [gone, came] = [missingIn(before, schema), missingIn(schema, before)]
  if (gone === undefined || came === undefined) return
  const reason = `while it is read in full, column "${gone}" went and "${came}" came: if that is one column with another name, the rows that were read before would lose its values. Read it anew with --fresh`
  throw new MillraceError('SCHEMA_MISMATCH', { table, reason })
}

function quoted({ database, table }: TargetName): string {
  return `${quoteName(database)}.${quoteName(table)}`
}

/** Strictly: values that the changed column would cut are an error. */
async function runStrictly(connection: MysqlConnection, sql: string): Promise<void> {
  await connection.run(`SET SESSION sql_mode = '${CHANGE_MODE}'`)
  try {
    await connection.run(sql)
  } finally {
    await connection.run(`SET SESSION sql_mode = '${DEFINITION_MODE}'`).catch(() => {})
  }
}

function textsOf({ definition }: TableSchema): ReadonlyMap<string, string> | undefined {
  const text = definition === undefined ? undefined : readTableText(definition)
  return text === undefined ? undefined : columnTexts(text)
}
