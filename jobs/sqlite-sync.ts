// Any SQLite database into another one, in full, then every change as it comes: row for row, storage class by storage class.
//
//   npx run-job jobs/sqlite-sync.ts --set from=A.db --set to=B.db
//
// --set tables=a,b*,!c    which tables; default: all
// --batch                 ends when it has caught up; started again, it catches up from there
//
// Triggers in A keep the change log (connectors/sqlite/README.md). Tables are made in B as they are in A, without UNIQUE
// constraints beside the key, and with a plain index for a key that may hold NULLs; views, and indexes as plain ones, are made at the
// end of a batch and at each start. A table that is dropped in A stays in B, empty. Virtual tables (full-text search and the like) are
// skipped, and named.

import { job } from 'millrace'
import { sqliteChanges, sqliteTables } from 'millrace/connectors/sqlite'
import { checkFiles, copyIndexesAndViews } from './sqlite-sync/schema-objects.ts'

export default job('sqlite-sync', (flow, settings) => {
  const from = settings.string('from')
  const to = settings.string('to')
  const tables = settings.list('tables', [])
  flow.onStart(() => {
    checkFiles(from, to)
    copyIndexesAndViews(from, to)
  })

  flow
    .from(
      'from',
      // Rows as arrays, integers as bigints, text as it is, NULLs in keys: nothing is lost whatever the schema.
      sqliteChanges({
        file: from,
        tables,
        rows: 'array',
        integers: 'bigint',
        invalidText: 'keep',
        nullableKeys: 'rowid',
        schemaChanges: true,
      }),
    )
    .to('to', sqliteTables({ file: to }), { parallelism: 1 })

  flow.onFinished(() => copyIndexesAndViews(from, to))
})
