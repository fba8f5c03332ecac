import { constants } from 'node:os'
import { parse, resolve } from 'node:path'
import { EXPLAIN_FORMATS } from '../../../src/graph/explain.ts'
import type { Config } from '../../config/load-config.ts'
import type { Run, RunResult } from '../../control/run-types.ts'
import { type CommandFunction, EXIT, type Terminal } from '../command.ts'
import { exitCodeOf } from '../exit-code.ts'
import { watchNpx } from '../npx-watch.ts'
import { wantsColor } from '../paint.ts'
import { misuse } from '../parse-arguments.ts'
import type { Reporter } from '../reporter.ts'
import { checkJobFile, configOf, runOptions } from '../run-request.ts'
import { StopSignals } from '../stop-signals.ts'

/** `run-job FILE`: runs the job to its end, tells how it goes, stops it on a signal. */
export const runCommand: CommandFunction = async (args, terminal) => {
  const [file] = args.positionals
  if (file === undefined) throw misuse('FILE', 'it is missing: run-job FILE --from-checkpoint lists what there is')
  const config = configOf(args, terminal)
  checkJobFile(file)
  if (args.values.has('explain')) {
    const { printGraph } = await import('./explain.ts')
    const format = EXPLAIN_FORMATS.find((name) => name === args.values.get('explain')) ?? 'text'
    return await printGraph(file, config, format, terminal)
  }
  if (args.bare.has('from-checkpoint')) {
    const { offerCheckpoints } = await import('./checkpoints.ts')
    return await offerCheckpoints(file, config, terminal)
  }
  const options = runOptions(config, args)
  const [{ run }, reporter] = await Promise.all([import('../../control/run.ts'), reporterFor(file, config, terminal)])
  const result = await follow(run(resolve(file), options), reporter, terminal)
  if (result.failure?.code === 'CHECKPOINT_NOT_FOUND') {
    const { offerCheckpoints } = await import('./checkpoints.ts')
    await offerCheckpoints(file, config, terminal)
  }
  if (result.state === 'finished' || result.state === 'stopped') return EXIT.done
  return exitCodeOf(result.failure?.code)
}

async function follow(run: Run, reporter: Reporter, terminal: Terminal): Promise<RunResult> {
  let lastCheckpoint: number | undefined
  const signals = new StopSignals({
    run,
    stdout: terminal.stdout,
    say: (text) => reporter.say(text),
    lastCheckpoint: () => lastCheckpoint,
  })
  signals.listen()
  // As safe as kill -9, which is what happened to npx.
  const unwatch = watchNpx(() => process.exit(128 + constants.signals.SIGKILL))
  // A graph that cannot be built is told by the result; this promise is for the view only.
  run.graph.then(({ graph }) => reporter.graph(graph)).catch(() => {})
  run.events$.subscribe((event) => {
    if (event.type === 'checkpoint' && event.checkpoint.status === 'complete') lastCheckpoint = event.checkpoint.id
    if (event.type === 'restored') lastCheckpoint = event.checkpoint
    reporter.event(event)
  })
  run.metrics$.subscribe((metrics) => reporter.metrics(metrics))
  const result = await run.result
  signals.release()
  unwatch()
  reporter.end(result)
  return result
}

/** A view where a person looks at a terminal; lines everywhere else. */
async function reporterFor(file: string, config: Config, terminal: Terminal): Promise<Reporter> {
  const { env, stderr } = terminal
  const { verbose, json, quiet } = config
  const color = wantsColor(stderr, env)
  const common = { job: parse(file).name, verbose, color, now: () => Date.now() }
  const dumb = env.TERM === 'dumb' || (env.CI !== undefined && env.CI !== '' && env.CI !== 'false')
  if (stderr.isTTY === true && !dumb && !json && !quiet) {
    const { LiveReporter } = await import('../live-reporter.ts')
    return new LiveReporter({ ...common, terminal })
  }
  const { LineReporter } = await import('../line-reporter.ts')
  const form = json ? 'json' : quiet ? 'quiet' : 'human'
  return new LineReporter({ ...common, form, write: (text) => stderr.write(text) })
}
