// LiveReporter: the view in a terminal, redrawn in place.
//
// Owns: the folded view, the timer that redraws it, and stdout's write while it shares the terminal with the view.
// Does not own: the lines (view.ts), the cursor (live-screen.ts).
//
// I1. At most one drawing in DRAW_EVERY_MS, whatever happens in the job.
// I2. After end() stdout is as it was and nothing is drawn any more.

import { StringDecoder } from 'node:string_decoder'
import type { RunEvent, RunResult } from '../control/run-types.ts'
import type { NodeMetrics } from '../metrics/node-metrics.ts'
import type { GraphDescription } from '../plan/physical-plan.ts'
import type { Terminal } from './command.ts'
import { eventLine } from './event-line.ts'
import { isMisuse } from './exit-code.ts'
import { failureText } from './failure-text.ts'
import { LiveScreen } from './live-screen.ts'
import type { Reporter } from './reporter.ts'
import { summaryText } from './summary.ts'
import { renderView } from './view.ts'
import { foldEvent, foldGraph, foldMetrics, initialView, keptCheckpoint, type ViewState } from './view-state.ts'

const DRAW_EVERY_MS = 200
/** A terminal that does not tell its size. */
const DEFAULT_SIZE = { columns: 80, rows: 24 }

export interface LiveReporterOptions {
  readonly job: string
  readonly verbose: boolean
  readonly color: boolean
  readonly terminal: Terminal
  readonly now: () => number
}

export class LiveReporter implements Reporter {
  readonly #options: LiveReporterOptions
  readonly #screen: LiveScreen
  readonly #timer: NodeJS.Timeout
  readonly #draw = (): void => this.#screen.draw(renderView(this.#view, this.#size()))
  readonly #writeStdout: (text: string) => unknown
  readonly #releaseStdout: () => void
  #view: ViewState
  #toldFailure: string | undefined

  constructor(options: LiveReporterOptions) {
    const { stdout, stderr } = options.terminal
    this.#options = options
    this.#view = initialView(options.job, options.now())
    this.#screen = new LiveScreen({
      get columns() {
        return stderr.columns || DEFAULT_SIZE.columns
      },
      write: (text) => stderr.write(text),
    })
    const plainWrite = stdout.write.bind(stdout)
    this.#writeStdout = (text) => plainWrite(text)
    this.#releaseStdout = stdout.isTTY ? divert(stdout, (text) => this.#screen.feed(text, this.#writeStdout)) : () => {}
    this.#timer = setInterval(this.#draw, DRAW_EVERY_MS)
    stderr.on('resize', this.#draw)
  }

  graph(graph: GraphDescription): void {
    this.#view = foldGraph(this.#view, graph)
  }

  event(event: RunEvent): void {
    this.#view = foldEvent(this.#view, event)
    if (event.type === 'restored') this.say(`${event.job} goes on from checkpoint ${event.checkpoint}`)
    if (event.type === 'log' && (event.level !== 'debug' || this.#options.verbose)) this.say(eventLine(event))
    if (event.type === 'failure') {
      this.#toldFailure = event.failure.message
      this.#screen.print(
        failureText(
          event.failure,
          { restartInMs: event.restartInMs, checkpoint: keptCheckpoint(this.#view) },
          this.#options,
        ),
      )
    }
  }

  metrics(metrics: readonly NodeMetrics[]): void {
    this.#view = foldMetrics(this.#view, metrics, this.#options.now())
  }

  say(text: string): void {
    this.#screen.print(`${text}\n`)
  }

  end(result: RunResult): void {
    const { stderr } = this.#options.terminal
    clearInterval(this.#timer)
    stderr.off('resize', this.#draw)
    this.#screen.end(this.#writeStdout)
    this.#releaseStdout()
    if (result.failure !== undefined && result.failure.message !== this.#toldFailure) {
      stderr.write(failureText(result.failure, { checkpoint: result.lastCheckpoint }, this.#options))
    }
    if (result.attempts > 0 || !isMisuse(result.failure?.code))
      stderr.write(summaryText(this.#view, result, this.#options.color))
  }

  #size(): { columns: number; rows: number; color: boolean; nowMs: number } {
    const { terminal, color, now } = this.#options
    // A row is left for the cursor; the last column is left free, for some terminals wrap when it is filled.
    const columns = Math.max(1, (terminal.stderr.columns || DEFAULT_SIZE.columns) - 1)
    const rows = Math.max(1, (terminal.stderr.rows || DEFAULT_SIZE.rows) - 1)
    return { columns, rows, color, nowMs: now() }
  }
}

/** Whatever is written to the stream goes to `print` as text instead. Returns what undoes it. */
function divert(stream: NodeJS.WriteStream, print: (text: string) => void): () => void {
  const before = stream.write
  const decoder = new StringDecoder('utf8')
  stream.write = ((chunk: string | Uint8Array, encodingOrDone?: unknown, done?: unknown) => {
    const encoding = typeof encodingOrDone === 'string' ? (encodingOrDone as BufferEncoding) : 'utf8'
    print(decoder.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk)))
    const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done
    if (typeof callback === 'function') queueMicrotask(() => callback())
    return true
  }) as typeof stream.write
  return () => {
    stream.write = before
  }
}
