// Any CSV or NDJSON files into a SQLite table, then their new lines and new files as they come. Types are inferred from a sample,
// the first time; lines that do not fit go to a folder of their own, with file, line and reason.
//
//   npx run-job jobs/files-to-table.ts --set from='data/*.csv' --set to=B.db --set table=t
//
// --set key=id            rows with the same key replace each other; without a key every row is added, exactly once
// --set types=a:integer   types by column: integer, real or text; instead of inferred ones
// --set bad=DIR           where lines go that do not fit; default: <to>.bad
// --set format=csv        csv or ndjson; default: by the name
// --set delimiter=;       of CSV; `tab` for a tab
// --set pad               CSV lines with too few fields are taken as having empty ones at their end

import { job } from 'millrace'
import { filesSink, filesSource, malformed, splitMalformed } from 'millrace/connectors/files'
import { sqliteTable } from 'millrace/connectors/sqlite'
import { fileOptions, parseTypes } from './files-to-table/file-options.ts'
import { type Row, TargetTable } from './files-to-table/target-table.ts'

export default job('files-to-table', (flow, settings) => {
  const file = settings.string('to')
  const table = settings.string('table')
  const key = settings.list('key', [])
  const types = parseTypes(settings.list('types', []))
  const files = fileOptions({
    from: settings.string('from'),
    format: settings.string('format', ''),
    delimiter: settings.string('delimiter', ''),
    pad: settings.boolean('pad', false),
  })
  const target = new TargetTable({ file, table, key })
  flow.onStart(() => target.create(files, types))

  const rows = flow
    .from('files', filesSource({ ...files, follow: true, onMalformed: 'side', schema: target }))
    .process('rows', () => splitMalformed<Row>())
  rows.to('table', sqliteTable({ file, table, ...(key.length > 0 && { key }) }))
  rows.side(malformed).to('bad', filesSink({ directory: settings.string('bad', `${file}.bad`), format: 'ndjson' }))
})
