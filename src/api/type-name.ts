/** What the picture calls a source or sink: its class's name, without the role: SqliteTableSink -> sqliteTable. */
export function typeNameOf(fn: object): string {
  const name = fn.constructor.name.replace(/(Source|Sink)?(Function)?$/, '') || 'custom'
  return name.charAt(0).toLowerCase() + name.slice(1)
}
