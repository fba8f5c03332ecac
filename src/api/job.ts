import { MAIN_OUTPUT } from '../contract/operator.ts'
import type { SourceFunction } from '../contract/source-function.ts'
import { type BuildInput, type BuiltJob, type Job, type JobOptions, makeJob } from '../graph/job.ts'
import { assertName } from '../graph/names.ts'
import { validateGraph, validateOptions } from '../graph/validate.ts'
import { type FunctionOrFactory, instanceOf } from '../operators/user-function.ts'
import type { WatermarkStrategy } from '../time/watermark-strategy.ts'
import { DataStream } from './data-stream.ts'
import { type Settings, SettingsReader } from './settings.ts'
import type { Flow, FromOptions, Stream } from './streams.ts'
import { typeNameOf } from './type-name.ts'
import { Wiring } from './wiring.ts'

/** Describes a job: called in every worker, so it must do the same for the same settings wherever it runs. */
export type BuildFunction = (flow: Flow, settings: Settings) => void

/**
 * A job: a named graph of sources, functions and sinks. `export default job(…)` from a file that run-job is given.
 * Nothing runs here; `build` is called when the job starts, again for each subtask, and must not depend on time or randomness.
 */
export function job(name: string, build: BuildFunction, options: JobOptions = {}): Job {
  assertName(name, 'a job')
  validateOptions(name, options)
  return makeJob({ name, options, build: (input) => buildJob(name, build, options, input) })
}

function buildJob(name: string, build: BuildFunction, options: JobOptions, input: BuildInput): BuiltJob {
  const flow = new JobFlow()
  const settings = new SettingsReader(input)
  build(flow, settings)
  settings.assertAllRead(name)
  const graph = { job: name, nodes: flow.wiring.nodes }
  validateGraph(graph, options)
  return { graph, onStart: flow.startHooks, onFinished: flow.finishedHooks }
}

/** The one implementation of Flow. */
class JobFlow implements Flow {
  readonly wiring = new Wiring()
  readonly startHooks: (() => void | Promise<void>)[] = []
  readonly finishedHooks: (() => void | Promise<void>)[] = []

  from<T>(name: string, source: FunctionOrFactory<SourceFunction<T>>, options?: FromOptions<NoInfer<T>>): Stream<T> {
    const sample = instanceOf(name, source)
    this.wiring.add({
      kind: 'source',
      name,
      type: typeNameOf(sample),
      parallelism: options?.parallelism,
      inputs: [],
      create: () => instanceOf(name, source),
      boundedness: sample.boundedness,
      replayable: sample.replayable,
      watermarks: options?.watermarks as WatermarkStrategy<unknown> | undefined,
    })
    return new DataStream<T>(this.wiring, { node: name, output: MAIN_OUTPUT, partitioner: 'forward' })
  }

  onStart(hook: () => void | Promise<void>): void {
    this.startHooks.push(hook)
  }

  onFinished(hook: () => void | Promise<void>): void {
    this.finishedHooks.push(hook)
  }
}
