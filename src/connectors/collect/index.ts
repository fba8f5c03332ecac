import { CollectSink } from './sink.ts'

export { CollectSink } from './sink.ts'

/**
 * A sink into an array of this process, for tests and embedders: `const out: Order[] = []`, then `.to('out', collect(out))`.
 * Records appear when the checkpoint they belong to is complete, exactly once however often the job restarts in this process.
 * Runs on worker threads each have an array of their own: use it with jobs that run in this thread.
 */
export function collect<T>(into: T[]): CollectSink<T> {
  return new CollectSink(into)
}
