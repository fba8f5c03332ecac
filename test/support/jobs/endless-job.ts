// A job that never ends. Its process's id is in <data-dir>/pid once it runs.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

export default job('endless', (flow, settings) => {
  flow.onStart(() => {
    mkdirSync(settings.dataDir, { recursive: true })
    writeFileSync(join(settings.dataDir, '.pid'), String(process.pid))
    renameSync(join(settings.dataDir, '.pid'), join(settings.dataDir, 'pid'))
  })
  flow.from('numbers', generate({ make: (index) => index, perSecond: 10 })).to('out', print())
})
