// Stopwatch: wall clock and processor time of this process between the first record and the last result.
//
// Owns: when it was started and last stopped.
// Does not own: what is measured.

/** Started by the source's first record, stopped by each batch that reaches the sink: what counts is the last. */
export class Stopwatch {
  #started: { readonly atMs: number; readonly cpu: NodeJS.CpuUsage } | undefined
  #stopped: { readonly atMs: number; readonly cpuMicros: number } | undefined

  /** The first call counts. */
  start(): void {
    this.#started ??= { atMs: performance.now(), cpu: process.cpuUsage() }
  }

  /** The last call counts. */
  stop(): void {
    if (this.#started === undefined) return
    const { user, system } = process.cpuUsage(this.#started.cpu)
    this.#stopped = { atMs: performance.now(), cpuMicros: user + system }
  }

  get elapsed(): { readonly seconds: number; readonly cpuSeconds: number } {
    if (this.#started === undefined || this.#stopped === undefined)
      throw new Error('the stopwatch was not started and stopped')
    return {
      seconds: (this.#stopped.atMs - this.#started.atMs) / 1000,
      cpuSeconds: this.#stopped.cpuMicros / 1e6,
    }
  }
}
