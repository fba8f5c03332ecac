import { extname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMillraceError, MillraceError, reasonOf } from '../../src/errors.ts'
import { isJob, type Job } from '../../src/graph/job.ts'

const NEEDS_TRANSPILING = new Set(['.ts', '.mts', '.cts', '.tsx'])

let registered = false

/** The job of a file, or the one of this name. Throws JOB_FILE, JOB_NOT_FOUND, JOB_SEVERAL. */
export async function loadJobFile(file: string, name?: string): Promise<Job> {
  const jobs = await loadJobs(file)
  const names = jobs.map((job) => job.name).join(', ')
  const [found, other] = name === undefined ? jobs : jobs.filter((job) => job.name === name)
  if (found === undefined) throw new MillraceError('JOB_FILE', { file, reason: `has no job "${name}", but ${names}` })
  if (other !== undefined) throw new MillraceError('JOB_SEVERAL', { file, jobs: names })
  return found
}

/** Imports a job file's default export, one job or several. TypeScript is transpiled on the way in. Throws JOB_FILE, JOB_NOT_FOUND. */
export async function loadJobs(file: string): Promise<readonly Job[]> {
  let module: { readonly default?: unknown }
  try {
    if (NEEDS_TRANSPILING.has(extname(file))) await registerTypeScript()
    // import: the job is the user's file
    module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown }
  } catch (error) {
    if (isMillraceError(error)) throw error
    throw new MillraceError('JOB_FILE', { file, reason: whyNotLoaded(error) }, error)
  }
  const jobs = Array.isArray(module.default) ? (module.default as readonly unknown[]) : [module.default]
  if (jobs.length === 0 || !jobs.every(isJob)) throw new MillraceError('JOB_NOT_FOUND', { file })
  const twice = jobs.find(({ name }, index) => jobs.findIndex((job) => job.name === name) !== index)
  if (twice !== undefined) throw new MillraceError('JOB_FILE', { file, reason: `has two jobs "${twice.name}"` })
  return jobs
}

/** Connectors leave their drivers to whoever uses them: say how to get one. */
function whyNotLoaded(error: unknown): string {
  const reason = reasonOf(error)
  const name = /^Cannot find package '([^']+)'/.exec(reason)?.[1]
  if (name !== undefined) return `package "${name}" is not installed: npm i ${name}`
  if (!reason.startsWith('Cannot require() ES Module')) return reason
  return 'it is taken for CommonJS: put "type": "module" into its package.json, or let its name end in .mts'
}

/** Once per thread, and only when needed: loading the transpiler takes longer than starting a small job. */
async function registerTypeScript(): Promise<void> {
  if (registered) return
  registered = true
  const { register } = await import('tsx/esm/api')
  register()
}
