// LineReporter: one line at each event, for pipes, log files and programs.
//
// Owns: the folded view (for the summary) and when the last metrics line was.
// Does not own: the form of a line (event-line.ts, failure-text.ts, summary.ts).
//
// I1. Metrics take at most one line in METRICS_EVERY_MS.
// I2. In `json` every line is one JSON object with `at`, `job` and `type`, and nothing else is written.

import type { RunEvent, RunResult } from '../control/run-types.ts'
import { totalsByNode } from '../metrics/aggregate.ts'
import type { NodeMetrics } from '../metrics/node-metrics.ts'
import type { GraphDescription } from '../plan/physical-plan.ts'
import { asJson, eventLine, metricsLine } from './event-line.ts'
import { isMisuse } from './exit-code.ts'
import { failureText } from './failure-text.ts'
import type { Reporter } from './reporter.ts'
import { summaryText } from './summary.ts'
import { foldEvent, foldGraph, foldMetrics, initialView, keptCheckpoint, type ViewState } from './view-state.ts'

const METRICS_EVERY_MS = 10_000

export interface LineReporterOptions {
  readonly job: string
  readonly form: 'human' | 'json' | 'quiet'
  readonly verbose: boolean
  readonly color: boolean
  readonly write: (text: string) => unknown
  readonly now: () => number
}

export class LineReporter implements Reporter {
  readonly #options: LineReporterOptions
  #view: ViewState
  #metricsAtMs: number
  #toldFailure: string | undefined

  constructor(options: LineReporterOptions) {
    this.#options = options
    this.#metricsAtMs = options.now()
    this.#view = initialView(options.job, options.now())
  }

  graph(graph: GraphDescription): void {
    this.#view = foldGraph(this.#view, graph)
  }

  event(event: RunEvent): void {
    this.#view = foldEvent(this.#view, event)
    if (event.type === 'failure') this.#toldFailure = event.failure.message
    const { form, write } = this.#options
    if (form === 'json') write(`${asJson(event)}\n`)
    else if (event.type === 'failure') this.#failure(event)
    else if (form === 'human' ? this.#isTold(event) : isError(event)) write(`${eventLine(event)}\n`)
  }

  metrics(metrics: readonly NodeMetrics[]): void {
    const { form, write, now } = this.#options
    const atMs = now()
    this.#view = foldMetrics(this.#view, metrics, atMs)
    if (form === 'quiet' || atMs - this.#metricsAtMs < METRICS_EVERY_MS) return
    this.#metricsAtMs = atMs
    if (form === 'human') write(`${metricsLine(this.#view, atMs)}\n`)
    else write(`${asJson({ at: atMs, job: this.#view.job, type: 'metrics', nodes: totalsByNode(metrics) })}\n`)
  }

  say(text: string): void {
    const { form, write, now } = this.#options
    if (form !== 'json') write(`${text}\n`)
    else write(`${asJson({ at: now(), job: this.#view.job, type: 'note', message: text })}\n`)
  }

  end(result: RunResult): void {
    const { form, write, now, color, verbose } = this.#options
    if (form === 'json') {
      const nodes = totalsByNode(result.metrics)
      write(`${asJson({ at: now(), job: this.#view.job, type: 'result', ...result, metrics: nodes })}\n`)
      return
    }
    if (result.failure !== undefined && result.failure.message !== this.#toldFailure) {
      write(failureText(result.failure, { checkpoint: result.lastCheckpoint }, { color, verbose }))
    }
    if (result.attempts > 0 || !isMisuse(result.failure?.code)) write(summaryText(this.#view, result, color))
  }

  /** The lines for a person's eye come before the one for the log's reader. */
  #failure(event: RunEvent & { readonly type: 'failure' }): void {
    const { form, write, color, verbose } = this.#options
    write(
      failureText(
        event.failure,
        { restartInMs: event.restartInMs, checkpoint: keptCheckpoint(this.#view) },
        { color, verbose },
      ),
    )
    if (form === 'human') write(`${eventLine(event)}\n`)
  }

  /** Without --verbose: no debug lines, and of each checkpoint only how it ended. */
  #isTold(event: RunEvent): boolean {
    if (this.#options.verbose) return true
    if (event.type === 'log') return event.level !== 'debug'
    return event.type === 'checkpoint' ? event.checkpoint.status !== 'in-progress' : event.type !== 'committed'
  }
}

function isError(event: RunEvent): boolean {
  return event.type === 'log' && event.level === 'error'
}
