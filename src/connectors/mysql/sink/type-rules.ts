// How declared types relate: which are the same written differently, which hold all values of another.

import type { TypeRules } from '../../sql/schema-evolution.ts'
import { isSpatial } from '../column.ts'
import { labelsOf } from './target-definition.ts'

const INTEGERS = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint']
const TEXTS = ['tinytext', 'text', 'mediumtext', 'longtext']
const BLOBS = ['tinyblob', 'blob', 'mediumblob', 'longblob']
const BYTES_MAX = [255, 65_535, 16_777_215, 4_294_967_295]

interface Declared {
  readonly name: string
  readonly numbers: readonly number[]
  readonly unsigned: boolean
  readonly labels: readonly string[]
}

/** Declared types of MySQL and MariaDB. */
export const TYPE_RULES: TypeRules = {
  same: (a, b) => textOf(read(a)) === textOf(read(b)),
  widens: (from, to) => widens(read(from), read(to)),
}

function read(type: string): Declared {
  const lower = type.trim().toLowerCase()
  const word = /^\w+/.exec(lower)?.[0] ?? ''
  // One spelling for each, and no display widths: they say nothing of the values.
  const name = isSpatial(word)
    ? 'geometry'
    : word === 'integer'
      ? 'int'
      : word === 'json'
        ? 'longtext'
        : word === 'numeric'
          ? 'decimal'
          : word
  const isNumbered = !INTEGERS.includes(name) && name !== 'year' && name !== 'enum' && name !== 'set'
  const numbers = isNumbered ? (/\((\d+)(?:,(\d+))?\)/.exec(lower)?.slice(1) ?? []).filter(Boolean).map(Number) : []
  const isLabelled = name === 'enum' || name === 'set'
  const unsigned = !isLabelled && /\b(unsigned|zerofill)\b/.test(lower)
  return { name, numbers: withDefaults(name, numbers), unsigned, labels: isLabelled ? labelsOf(type) : [] }
}

function withDefaults(name: string, numbers: readonly number[]): readonly number[] {
  const [first, second = 0] = numbers
  if (name === 'decimal') return [first ?? 10, second]
  if (name === 'bit' || name === 'char' || name === 'binary') return [first ?? 1]
  if (/^(time|datetime|timestamp)$/.test(name)) return [first ?? 0]
  return numbers
}

function textOf({ name, numbers, unsigned, labels }: Declared): string {
  return JSON.stringify([name, numbers, unsigned, labels])
}

function widens(from: Declared, to: Declared): boolean {
  const rank = (ranks: readonly string[]): readonly [number, number] => [
    ranks.indexOf(from.name),
    ranks.indexOf(to.name),
  ]
  const [size = 0] = from.numbers
  const [toSize = 0] = to.numbers
  const isNumber = INTEGERS.includes(from.name) && INTEGERS.includes(to.name)
  if (isNumber) return widensInteger(from, to)
  if (from.name === 'decimal' && to.name === 'decimal') return widensDecimal(from, to)
  if (from.name === 'float' && to.name === 'double') return to.numbers.length === 0
  if (from.name === to.name) {
    if (from.name === 'enum' || from.name === 'set') return from.labels.every((label) => to.labels.includes(label))
    return (
      ['char', 'varchar', 'binary', 'varbinary', 'bit', 'time', 'datetime', 'timestamp'].includes(from.name) &&
      size <= toSize
    )
  }
  if (from.name === 'char' && to.name === 'varchar') return size <= toSize
  for (const ranks of [TEXTS, BLOBS]) {
    const [was, is] = rank(ranks)
    if (was >= 0 && is >= 0) return was <= is
    const source = ranks === TEXTS ? /^(char|varchar)$/ : /^(binary|varbinary)$/
    // A character takes 4 bytes at most.
    if (is >= 0 && source.test(from.name)) return size * (ranks === TEXTS ? 4 : 1) <= (BYTES_MAX[is] as number)
  }
  return false
}

function widensInteger(from: Declared, to: Declared): boolean {
  const [was, is] = [INTEGERS.indexOf(from.name), INTEGERS.indexOf(to.name)]
  if (from.unsigned === to.unsigned) return was <= is
  return from.unsigned && was < is
}

function widensDecimal(from: Declared, to: Declared): boolean {
  const [digits = 0, scale = 0] = from.numbers
  const [toDigits = 0, toScale = 0] = to.numbers
  return scale <= toScale && digits - scale <= toDigits - toScale && (!to.unsigned || from.unsigned)
}
