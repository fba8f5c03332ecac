import Libsql from 'libsql'

/** Every value of every table with its storage class, in bytes, by table. */
export function contentsOf(file: string): Record<string, string[]> {
  const database = new Libsql(file, { timeout: 10_000 } as Libsql.Options)
  const all = (sql: string): string[] =>
    (database.prepare(sql).raw(true).all() as string[][]).map(([text]) => String(text))
  try {
    const tables = all(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_millrace_%' ORDER BY 1`,
    )
    const found = tables.map((table) => {
      const columns = all(`SELECT name FROM pragma_table_xinfo('${table.replaceAll("'", "''")}') WHERE hidden <> 1`)
      const values = columns
        .map((column) => `"${column.replaceAll('"', '""')}"`)
        .map((column) => `typeof(${column}) || ' ' || ifnull(hex(CAST(${column} AS BLOB)), '')`)
      return [table, all(`SELECT ${values.join(` || ', ' || `)} FROM "${table.replaceAll('"', '""')}" ORDER BY 1`)]
    })
    return Object.fromEntries(found)
  } finally {
    database.close()
  }
}
