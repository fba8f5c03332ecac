// In a process of its own: imports job files and builds their graphs, as a run would. One line of JSON for each that cannot be built.

import { pathToFileURL } from 'node:url'
import { isMillraceError, reasonOf } from '../../src/errors.ts'
import { isJob, type Job } from '../../src/graph/job.ts'

/** The job's graph, with a value for each setting that has no default. Throws what building throws. */
function build(job: Job): void {
  const settings: Record<string, string> = {}
  for (;;) {
    try {
      job.build({ settings, dataDir: 'data', mode: 'stream' })
      return
    } catch (error) {
      const key = isMillraceError(error) && error.code === 'SETTING_INVALID' ? String(error.details.key) : undefined
      if (key === undefined || Object.hasOwn(settings, key)) throw error
      // A number, a text, a list, and true.
      settings[key] = '1'
    }
  }
}

for (const file of process.argv.slice(2)) {
  try {
    const { default: job } = (await import(pathToFileURL(file).href)) as { default: unknown }
    if (!isJob(job)) throw new Error('it exports no job')
    build(job)
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ file, reason: reasonOf(error) })}\n`)
  }
}
