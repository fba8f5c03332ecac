import { MillraceError } from '../../errors.ts'
import { changeField } from './change-routing.ts'
import { comparisonsOf, compileCondition, type Readers } from './condition.ts'
import type { HandlerOptions } from './handlers.ts'
import { itemReaders } from './item.ts'
import { parseHandlers } from './parse-handlers.ts'
import type { Condition } from './spec.ts'

/** Which stream: that of the first rule whose condition is true, else `otherwise`. */
export interface StreamRules {
  readonly rules: readonly { readonly when: Condition; readonly to: string }[]
  readonly otherwise: string
}

const CHANGE_READERS: Readers = { column: () => () => undefined, field: changeField, header: () => () => undefined }

/**
 * The stream of a relay that each value goes by, for `relaySink({ stream: streamOf({ rules, otherwise: 'main' }, { of: 'rows' }) })`. Rows are
 * told apart by columns, changes by table (a row that moved to another stream could be overtaken there), records of Kafka by field and
 * header. Throws CONNECTOR_OPTION.
 */
export function streamOf<T>({ rules, otherwise }: StreamRules, { of }: HandlerOptions): (value: T) => string {
  if (of === 'json-records' || of === 'change-records') throw wrong('of', `expected 'rows', 'changes' or 'records'`)
  let topic = ''
  const compiled = rules.map(({ when, to }, index) => {
    const path = `rules[${index}].when`
    const [parsed] = parseHandlers([{ filter: when }], of, {
      connector: 'streamOf',
      root: ['handlers[0].filter', path],
    })
    const condition = parsed?.filter as Condition
    if (of !== 'changes')
      return {
        when: compileCondition(
          condition,
          itemReaders(() => topic),
        ),
        to,
      }
    if (comparisonsOf(condition).some(({ column, field }) => column !== undefined || field === 'op'))
      throw wrong(path, 'a row that changes would go by another stream and could be overtaken there: tell tables apart')
    return { when: compileCondition(condition, CHANGE_READERS), to }
  })
  return (value) => {
    if (of === 'records') topic = (value as { topic: string }).topic
    for (const { when, to } of compiled) if (when(value, value) === true) return to
    return otherwise
  }
}

function wrong(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: 'streamOf', reason })
}
