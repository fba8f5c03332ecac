import type { RunEvent, RunResult } from '../control/run-types.ts'
import type { NodeMetrics } from '../metrics/node-metrics.ts'
import type { GraphDescription } from '../plan/physical-plan.ts'

/** Tells a person or a program how a run is going. */
export interface Reporter {
  graph(graph: GraphDescription): void
  event(event: RunEvent): void
  metrics(metrics: readonly NodeMetrics[]): void
  /** A line of the command line's own. */
  say(text: string): void
  /** The last call: tells the result. */
  end(result: RunResult): void
}
