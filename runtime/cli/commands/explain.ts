import { resolve } from 'node:path'
import { EXPLAIN_FORMATS, type ExplainFormat, explain } from '../../../src/graph/explain.ts'
import type { Config } from '../../config/load-config.ts'
import { largestParallelism, planJob } from '../../plan/planner.ts'
import { describeGraph } from '../../worker/describe-graph.ts'
import { loadJobFile } from '../../worker/load-job.ts'
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
  return await printGraph(file, config, wanted[0] ?? 'text', terminal)
}

/** Draws the graph that this file and these settings build, chained as it would run here. Runs nothing. */
export async function printGraph(
  file: string,
  config: Config,
  format: ExplainFormat,
  terminal: Terminal,
): Promise<number> {
  const job = await loadJobFile(resolve(file))
  const mode = config.batch ? 'batch' : 'stream'
  const graph = describeGraph(job.build({ settings: config.settings, dataDir: resolve(config.dataDir), mode }).graph)
  const parallelism = config.parallelism ?? job.options.parallelism ?? 1
  const { tasks } = planJob(graph, {
    parallelism,
    workers: largestParallelism(graph, parallelism),
    ...(job.options.keyGroups !== undefined && { keyGroups: job.options.keyGroups }),
  })
  terminal.stdout.write(explain({ ...graph, chains: tasks }, format))
  return EXIT.done
}
