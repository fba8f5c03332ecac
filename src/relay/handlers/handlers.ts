// The functions that handlers are, and the factories that a job calls.

import type { ProcessFunction } from '../../contract/process-function.ts'
import type { Change } from '../../record/change.ts'
import { ChangeColumns } from './change-columns.ts'
import { ChangeNames } from './change-names.ts'
import { ChangeRouting } from './change-routing.ts'
import { isOfChanges } from './check-handler.ts'
import { columnWork } from './column-plan.ts'
import { ChangeRecordsFunction, ChangesFunction, RecordsFunction, RowsFunction } from './functions.ts'
import { type Item, ItemColumns, ItemNames, ItemRouting, TopicNames } from './item.ts'
import { compileMask } from './masking.ts'
import { parseHandlers, type SpecPlace } from './parse-handlers.ts'
import { routesOf } from './routes.ts'
import type { Condition, HandledAs, HandlerSpec, Masks, ParsedHandler, Projection, Renaming, Routing } from './spec.ts'
import type { Emit, Stage } from './stage.ts'

/** What handlers have to know of the records. */
export interface HandlerOptions {
  /** What the records are. */
  readonly of: HandledAs
}

/** The same for a single handler. */
export interface SingleHandlerOptions extends HandlerOptions {
  /** Patterns of `database.table`, or of topics, with `*`, `?` and `!` to leave out: others pass as they are. Default: all. */
  readonly only?: readonly string[]
}

/**
 * Handlers, one behind the other, for `stream.process(name, handlers([…], { of: 'changes' }))`. Throws CONNECTOR_OPTION with the path of what is
 * wrong, such as `handlers[2].filter.column`. Running, it throws SCHEMA_MISMATCH for columns that are not there.
 */
export function handlers<T>(specs: readonly HandlerSpec[], { of }: HandlerOptions): () => ProcessFunction<T, T> {
  return make<T>(specs, of, { connector: 'handlers' })
}

/** Records for which the condition is true; of a changelog, what changes in the rows for which it is. Throws CONNECTOR_OPTION. */
export function where<T>(condition: Condition, options: SingleHandlerOptions): () => ProcessFunction<T, T> {
  return single<T>('where', { filter: condition }, options)
}

/** Some columns only. Throws CONNECTOR_OPTION. */
export function project<T>(projection: Projection, options: SingleHandlerOptions): () => ProcessFunction<T, T> {
  return single<T>('project', { project: projection }, options)
}

/** Other names for columns, tables or topics. Throws CONNECTOR_OPTION. */
export function rename<T>(renaming: Renaming, options: SingleHandlerOptions): () => ProcessFunction<T, T> {
  return single<T>('rename', { rename: renaming }, options)
}

/** Values that are not to be seen. Throws CONNECTOR_OPTION; where it opens, also for a secret that is not there or too short. */
export function mask<T>(masks: Masks, options: SingleHandlerOptions): () => ProcessFunction<T, T> {
  return single<T>('mask', { mask: masks }, options)
}

/** Each record to the table or topic that the first true rule says. Throws CONNECTOR_OPTION. */
export function route<T>(routing: Routing, options: SingleHandlerOptions): () => ProcessFunction<T, T> {
  return single<T>('route', { route: routing }, options)
}

function single<T>(
  connector: string,
  spec: HandlerSpec,
  { of, only }: SingleHandlerOptions,
): () => ProcessFunction<T, T> {
  const whole = only === undefined ? spec : { ...spec, only }
  return make<T>([whole], of, { connector, root: ['handlers[0]', ''] })
}

function make<T>(specs: readonly HandlerSpec[], of: HandledAs, place: SpecPlace): () => ProcessFunction<T, T> {
  const parsed = parseHandlers(specs, of, place)
  // What a function of the given records is, the caller says by T.
  return () => functionOf(parsed, of) as unknown as ProcessFunction<T, T>
}

type MakeStage<T> = (emit: Emit<T>) => Stage<T>

function functionOf(specs: readonly ParsedHandler[], of: HandledAs): unknown {
  if (!isOfChanges(of)) {
    const stages = (): MakeStage<Item>[] => specs.flatMap(itemStages)
    return of === 'rows' ? new RowsFunction(stages) : new RecordsFunction(stages, of === 'json-records')
  }
  const stages = (): MakeStage<Change<unknown>>[] => specs.flatMap(changeStages)
  if (of === 'changes') return new ChangesFunction(stages)
  const topics = specs.flatMap(({ rename: renaming, only }) =>
    renaming?.topics === undefined ? [] : [new TopicNames(renaming.topics, only)],
  )
  return new ChangeRecordsFunction(stages, (topic) => topics.reduce((name, names) => names.of(name), topic))
}

function itemStages(spec: ParsedHandler): MakeStage<Item>[] {
  const { only, rename: renaming } = spec
  const routes = routesOf(spec)
  const work = columnWork(spec, compileMask)
  const names = renaming?.topics
  return [
    ...(routes === undefined ? [] : [(emit: Emit<Item>) => new ItemRouting(routes, only, emit)]),
    ...(work === undefined ? [] : [(emit: Emit<Item>) => new ItemColumns(work, only, emit)]),
    ...(names === undefined ? [] : [(emit: Emit<Item>) => new ItemNames(names, only, emit)]),
  ]
}

function changeStages(spec: ParsedHandler): MakeStage<Change<unknown>>[] {
  const { only, rename: renaming } = spec
  const routes = routesOf(spec)
  const work = columnWork(spec, compileMask)
  const names = renaming?.tables
  return [
    ...(routes === undefined ? [] : [(emit: Emit<Change<unknown>>) => new ChangeRouting(routes, only, emit)]),
    ...(work === undefined ? [] : [(emit: Emit<Change<unknown>>) => new ChangeColumns(work, only, emit)]),
    ...(names === undefined ? [] : [(emit: Emit<Change<unknown>>) => new ChangeNames(names, only, emit)]),
  ]
}
