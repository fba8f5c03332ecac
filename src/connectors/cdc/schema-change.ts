import type { Change, ChangeSource, TableSchema } from '../../record/change.ts'

/** A record that says: the table's columns are these from here on. */
export function schemaChange<Row>(schema: TableSchema, source: ChangeSource): Change<Row> {
  return { op: 's', before: null, after: null, key: [], schema, source }
}

/** Equal for equal schemas. */
export function schemaText(schema: TableSchema): string {
  return JSON.stringify([
    schema.key,
    schema.columns.map(({ name, type, nullable, generated }) => [name, type, nullable, generated]),
  ])
}
