// 9. Files, exactly once. Lines are read by byte offset, a malformed one goes aside with its file, line and reason. What is written
//    lies in hidden parts until the checkpoint it belongs to is complete: kill it anywhere, the published parts hold each line once.
//
//    npx run-job jobs/tour/09-files.ts && cat .millrace/tour-files-data/out/*

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { job } from 'millrace'
import { filesSink, filesSource, malformed, splitMalformed } from 'millrace/connectors/files'
import { print } from 'millrace/connectors/print'

const MEASUREMENTS = `city,celsius
Lima,19
Oslo,-4
Quito
Pune,31
`

export default job('tour-files', (flow, settings) => {
  const folder = join(settings.dataDir, 'tour-files-data')
  // Called before anything is opened, at every start: so it must be idempotent.
  flow.onStart(() => {
    mkdirSync(join(folder, 'in'), { recursive: true })
    writeFileSync(join(folder, 'in', 'measurements.csv'), MEASUREMENTS)
  })

  const lines = flow
    .from(
      'lines',
      filesSource<{ city: string; celsius: string }>({
        paths: join(folder, 'in', '*.csv'),
        format: 'csv',
        onMalformed: 'side',
      }),
    )
    .process('well-formed', splitMalformed())
  lines.side(malformed).to('malformed-lines', print({ prefix: 'malformed: ' }))
  lines
    .map('fahrenheit', ({ city, celsius }) => ({ city, fahrenheit: (Number(celsius) * 9) / 5 + 32 }))
    .to('out', filesSink({ directory: join(folder, 'out'), format: 'ndjson' }))
})
