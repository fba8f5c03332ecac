// The columns of a table as Debezium's schema-change records say them, and back.

import type { ColumnSchema, TableSchema } from '../../../record/change.ts'
import { declaredType } from './declared-type.ts'
import { sqlTypeOf } from './sql-type.ts'

/** A column in Debezium's `tableChanges`; the last two are ours. */
export interface ColumnChange {
  readonly name: string
  readonly jdbcType?: number
  readonly typeName?: string
  readonly typeExpression?: string
  readonly length?: number | null
  readonly scale?: number | null
  readonly position?: number
  readonly optional?: boolean
  readonly generated?: boolean
  readonly renamedFrom?: string
  readonly formerNames?: readonly string[]
}

/** One entry of `tableChanges`. */
export function tableChange(database: string, table: string, { columns, key }: TableSchema): object {
  const id = [database, table].map((name) => `"${name.replaceAll('"', '""')}"`).join('.')
  const described = {
    defaultCharsetName: null,
    primaryKeyColumnNames: key,
    columns: columns.map(columnChange),
    comment: null,
  }
  return { type: 'ALTER', id, table: described }
}

function columnChange(column: ColumnSchema, index: number): ColumnChange {
  const { name, type, nullable, generated, renamedFrom, formerNames } = column
  const declared = declaredType(type)
  const [length = null, scale = null] = declared.numbers
  return {
    name,
    jdbcType: sqlTypeOf(declared),
    typeName: `${declared.base}${declared.unsigned ? ' unsigned' : ''}`.toUpperCase(),
    typeExpression: type,
    length,
    scale,
    position: index + 1,
    optional: nullable,
    generated,
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
    ...(formerNames === undefined ? {} : { formerNames }),
  }
}

/** A column as a record of op `s` tells it. */
export function columnOf(change: ColumnChange): ColumnSchema {
  const { name, typeExpression, typeName, length, scale, optional, generated, renamedFrom, formerNames } = change
  const type = typeExpression ?? typeName ?? ''
  const sizes = [length, scale].filter((size) => size !== undefined && size !== null)
  return {
    name,
    // Debezium's own leave the sizes out of the expression.
    type: type.includes('(') || sizes.length === 0 ? type : `${type}(${sizes.join(',')})`,
    nullable: optional ?? true,
    generated: generated ?? false,
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
    ...(formerNames === undefined ? {} : { formerNames }),
  }
}
