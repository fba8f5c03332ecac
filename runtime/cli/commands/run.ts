import { constants } from 'node:os'
import { parse, resolve } from 'node:path'
import { EXPLAIN_FORMATS } from '../../../src/graph/explain.ts'
import type { Config } from '../../config/load-config.ts'
import type { Run, RunResult } from '../../control/run-types.ts'
import { type CommandFunction, EXIT, type Terminal } from '../command.ts'
import { exitCodeOf } from '../exit-code.ts'
import { watchNpx } from '../npx-watch.ts'
import { wantsColor } from '../paint.ts'
import { type Arguments, misuse } from '../parse-arguments.ts'
import type { Reporter } from '../reporter.ts'
import { checkJobFile, configOf, runOptions } from '../run-request.ts'
import { StopSignals } from '../stop-signals.ts'
import { watchSupervisor } from '../supervise.ts'

/** `run-job FILE`. */
export const runCommand: CommandFunction = async (args, terminal) => {
  const [file] = args.positionals
  if (file === undefined) throw misuse('FILE', 'it is missing: run-job FILE --from-checkpoint lists what there is')
  return await runFile({ file, typed: `run-job ${file}`, label: parse(file).name }, args, terminal)
}

/**
 * Runs the job of a file to its end, tells how it goes, stops it on a signal. Of several, each in a process of its own. `typed`: the command
 * line without options, for hints. `label`: what the job is called until its name is known.
 */
export async function runFile(
  { file, typed, label }: { readonly file: string; readonly typed: string; readonly label: string },
  args: Arguments,
  terminal: Terminal,
): Promise<number> {
  const config = configOf(args, terminal)
  checkJobFile(file)
  if (args.values.has('explain')) {
    const { printGraph } = await import('./explain.ts')
    const format = EXPLAIN_FORMATS.find((name) => name === args.values.get('explain')) ?? 'text'
    return await printGraph({ file, jobs: args.repeated.get('job') }, config, format, terminal)
  }
  if (args.bare.has('from-checkpoint')) {
    const { offerCheckpoints } = await import('./checkpoints.ts')
    return await offerCheckpoints({ file, typed, job: args.repeated.get('job')?.[0] }, config, terminal)
  }
  const named = args.repeated.get('job') ?? []
  const several = async (): Promise<number> => {
    const { superviseJobs } = await import('../supervise.ts')
    return await superviseJobs(resolve(file), { args, config, terminal })
  }
  if (named.length > 1) return await several()
  const options = { ...runOptions(config, args), ...(named[0] !== undefined && { job: named[0] }) }
  const { run } = await import('../../control/run.ts')
  const result = await follow(run(resolve(file), options), () => reporterFor(label, config, terminal), terminal)
  if (result.failure?.code === 'JOB_SEVERAL') return await several()
  if (result.failure?.code === 'CHECKPOINT_NOT_FOUND') {
    const { offerCheckpoints } = await import('./checkpoints.ts')
    await offerCheckpoints({ file, typed, job: named[0] }, config, terminal)
  }
  if (result.state === 'finished' || result.state === 'stopped') return EXIT.done
  return exitCodeOf(result.failure?.code)
}

/** Nothing is told of a file that turns out to have several jobs. */
async function follow(run: Run, makeReporter: () => Promise<Reporter>, terminal: Terminal): Promise<RunResult> {
  let lastCheckpoint: number | undefined
  let reporter: Reporter | undefined
  const said: string[] = []
  const signals = new StopSignals({
    run,
    stdout: terminal.stdout,
    say: (text) => (reporter === undefined ? void said.push(text) : reporter.say(text)),
    lastCheckpoint: () => lastCheckpoint,
  })
  signals.listen()
  // As safe as kill -9, which is what happened to whoever started this process.
  const end = (): void => process.exit(128 + constants.signals.SIGKILL)
  const unwatch = [watchNpx(end), watchSupervisor(end)]
  // A graph that cannot be built is told by the result.
  const planned = await Promise.race([run.graph.catch(() => undefined), run.result])
  const refused = planned !== undefined && 'graph' in planned ? undefined : await run.result
  if (refused?.failure?.code !== 'JOB_SEVERAL') {
    const teller = await makeReporter()
    reporter = teller
    if (planned !== undefined && 'graph' in planned) teller.graph(planned.graph)
    // Replays what there was.
    run.events$.subscribe((event) => {
      if (event.type === 'checkpoint' && event.checkpoint.status === 'complete') lastCheckpoint = event.checkpoint.id
      if (event.type === 'restored') lastCheckpoint = event.checkpoint
      teller.event(event)
    })
    run.metrics$.subscribe((metrics) => teller.metrics(metrics))
    for (const text of said) teller.say(text)
  }
  const result = await run.result
  signals.release()
  for (const stop of unwatch) stop()
  reporter?.end(result)
  return result
}

/** A view where a person looks at a terminal; lines everywhere else. */
async function reporterFor(job: string, config: Config, terminal: Terminal): Promise<Reporter> {
  const { env, stderr } = terminal
  const { verbose, json, quiet } = config
  const color = wantsColor(stderr, env)
  const common = { job, verbose, color, now: () => Date.now() }
  const dumb = env.TERM === 'dumb' || (env.CI !== undefined && env.CI !== '' && env.CI !== 'false')
  if (stderr.isTTY === true && !dumb && !json && !quiet) {
    const { LiveReporter } = await import('../live-reporter.ts')
    return new LiveReporter({ ...common, terminal })
  }
  const { LineReporter } = await import('../line-reporter.ts')
  const form = json ? 'json' : quiet ? 'quiet' : 'human'
  return new LineReporter({ ...common, form, write: (text) => stderr.write(text) })
}
