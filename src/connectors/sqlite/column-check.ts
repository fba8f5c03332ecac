// Whether a value fits a column, by the column's affinity. SQLite itself would store nearly anything anywhere.

import { isDecimal } from '../../util/decimal.ts'
import { isInvalidText, unbindable } from './value.ts'

type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC'

/** SQLite's own rules, in its order. */
function affinityOf(declaredType: string): Affinity {
  const type = declaredType.toUpperCase()
  if (type.includes('INT')) return 'INTEGER'
  if (type.includes('CHAR') || type.includes('CLOB') || type.includes('TEXT')) return 'TEXT'
  if (type.includes('BLOB') || type === '' || type === 'ANY') return 'BLOB'
  if (type.includes('REAL') || type.includes('FLOA') || type.includes('DOUB')) return 'REAL'
  return 'NUMERIC'
}

/** Why a value does not belong into a column of this type, or undefined if it does. NULL is the database's affair. */
export function misfit(value: unknown, declaredType: string): string | undefined {
  const reason = unbindable(value)
  if (reason !== undefined) return reason
  if (value === null || value === undefined) return undefined
  const affinity = affinityOf(declaredType)
  if (isDecimal(value)) {
    const exact = affinity === 'TEXT' || affinity === 'BLOB'
    return exact ? undefined : 'a Decimal, which SQLite would round there: declare the column TEXT'
  }
  const kind =
    value instanceof Uint8Array ? 'blob' : typeof value === 'string' || isInvalidText(value) ? 'text' : 'number'
  if (affinity === 'BLOB' || affinity === 'NUMERIC') return undefined
  if (affinity === 'TEXT') return kind === 'text' ? undefined : `a ${kind}`
  if (kind !== 'number') return `a ${kind}`
  return affinity === 'INTEGER' && typeof value === 'number' && !Number.isInteger(value)
    ? 'a number with a fraction'
    : undefined
}

/** The type of a column made for a value like this one; undefined if none can hold it. */
export function typeFor(value: unknown): string | undefined {
  if (unbindable(value) !== undefined) return undefined
  if (value === null || value === undefined) return ''
  if (value instanceof Uint8Array) return 'BLOB'
  if (typeof value === 'string' || isInvalidText(value) || isDecimal(value)) return 'TEXT'
  return typeof value === 'number' ? 'NUMERIC' : 'INTEGER'
}
