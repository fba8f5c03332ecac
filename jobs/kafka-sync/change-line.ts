import type { Change } from 'millrace'
import type { MysqlValue } from 'millrace/connectors/mysql'

/** A change as one JSON value: rows are lists, in the order of `columns` as told last; bytes are base64. */
export function changeLine({
  op,
  before,
  after,
  key,
  oldKey,
  schema,
  source,
}: Change<MysqlValue[]>): Record<string, unknown> {
  const { database, table, position, timestampMs, transaction } = source
  return {
    op,
    table: `${database}.${table}`,
    key: plain(key as readonly MysqlValue[]),
    ...(oldKey !== undefined && { oldKey: plain(oldKey as readonly MysqlValue[]) }),
    before: before === null ? null : plain(before),
    after: after === null ? null : plain(after),
    position,
    ...(transaction !== undefined && { transaction }),
    ...(timestampMs > 0 && { at: new Date(timestampMs).toISOString() }),
    ...(schema !== undefined && {
      columns: schema.columns.map(({ name, type }) => ({ name, type })),
      keyColumns: schema.key,
    }),
  }
}

function plain(values: readonly MysqlValue[]): unknown[] {
  return values.map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value))
}
