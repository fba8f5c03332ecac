// What is known of the tables in the log: by the bytes of their maps, so that a map that says the same costs a comparison.

import type { TableSchema } from '../../record/change.ts'
import type { MysqlTable, MysqlValue } from './column.ts'

/** What the readers ask the catalogue: a table's columns as they are now, and its SHOW CREATE TABLE. */
export interface TableCatalogue {
  table(database: string, name: string): Promise<MysqlTable | undefined>
  definition(database: string, name: string): Promise<string | undefined>
}

/** How the log makes rows of values: a RowShape. */
export interface LogShape<Row> {
  readonly schema: TableSchema
  row(values: readonly MysqlValue[]): Row
  key(values: readonly MysqlValue[]): readonly unknown[]
}

/** What TableReaders needs of the port; it also takes the server's Charsets. */
export interface TableReadersSettings<Row> {
  readonly catalogue: TableCatalogue
  readonly mariadb: boolean
  /** `renames`: columns renamed since the table's columns were told last, as [from, to]; `former`: its schema before. */
  readonly shapeOf: (table: MysqlTable, definition: string | undefined) => LogShape<Row>
}
