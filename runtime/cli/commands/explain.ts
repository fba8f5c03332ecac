import { resolve } from 'node:path'
import { EXPLAIN_FORMATS, type ExplainFormat, explain } from '../../../src/graph/explain.ts'
import type { Job } from '../../../src/graph/job.ts'
import type { Config } from '../../config/load-config.ts'
import { largestParallelism, planJob } from '../../plan/planner.ts'
import { describeGraph } from '../../worker/describe-graph.ts'
import { loadJobFile, loadJobs } from '../../worker/load-job.ts'
import { type CommandFunction, EXIT, type Terminal } from '../command.ts'
import { misuse } from '../parse-arguments.ts'
import { checkJobFile, configOf } from '../run-request.ts'

/** `millrace explain FILE [--text|--mermaid|--dot|--json]`. */
export const explainCommand: CommandFunction = async (args, terminal) => {
  const file = args.positionals[0] ?? ''
  const wanted = EXPLAIN_FORMATS.filter((format) => args.values.get(format) === 'true')
  if (wanted.length > 1) throw misuse(wanted.map((format) => `--${format}`).join(' and '), 'give only one of these')
  const config = configOf(args, terminal)
  checkJobFile(file)
  return await printGraph({ file, jobs: args.repeated.get('job') }, config, wanted[0] ?? 'text', terminal)
}

/** Draws the graphs that this file and these settings build, chained as they would run here. Runs nothing. */
export async function printGraph(
  { file, jobs }: { readonly file: string; readonly jobs: readonly string[] | undefined },
  config: Config,
  format: ExplainFormat,
  terminal: Terminal,
): Promise<number> {
  const path = resolve(file)
  const wanted = jobs === undefined ? loadJobs(path) : Promise.all(jobs.map((name) => loadJobFile(path, name)))
  for (const job of await wanted) printJob(job, config, format, terminal)
  return EXIT.done
}

function printJob(job: Job, config: Config, format: ExplainFormat, terminal: Terminal): void {
  const mode = config.batch ? 'batch' : 'stream'
  const graph = describeGraph(job.build({ settings: config.settings, dataDir: resolve(config.dataDir), mode }).graph)
  const parallelism = config.parallelism ?? job.options.parallelism ?? 1
  const { tasks } = planJob(graph, {
    parallelism,
    workers: largestParallelism(graph, parallelism),
    ...(job.options.keyGroups !== undefined && { keyGroups: job.options.keyGroups }),
  })
  terminal.stdout.write(explain({ ...graph, chains: tasks }, format))
}
