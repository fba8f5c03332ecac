// Events, metrics and results as a run would give them, for tests of whatever shows them.

import type { CheckpointInfo, RunResult } from '../../runtime/control/run-types.ts'
import type { NodeMetrics } from '../../runtime/metrics/node-metrics.ts'
import type { GraphDescription, NodeDescription } from '../../runtime/plan/physical-plan.ts'
import type { FailureInfo } from '../../runtime/worker/messages.ts'

/** Metrics of one subtask that has done nothing yet, but for what is given. */
export function nodeMetrics(node: string, more: Partial<NodeMetrics> = {}): NodeMetrics {
  return {
    node,
    subtask: 0,
    recordsIn: 0,
    recordsOut: 0,
    bytesOut: 0,
    busy: 0,
    backPressured: 0,
    idle: 1,
    watermark: undefined,
    stateBytes: 0,
    counters: {},
    gauges: {},
    progress: [],
    ...more,
  }
}

/** A line of nodes: the first a source, the last a sink. */
export function graphOf(job: string, ...names: readonly string[]): GraphDescription {
  return { job, nodes: names.map((name, index) => nodeOf(name, index, names)) }
}

export function completeCheckpoint(id: number, startedAt: number, more: Partial<CheckpointInfo> = {}): CheckpointInfo {
  return {
    id,
    status: 'complete',
    startedAt,
    endedAt: startedAt + 84,
    stateBytes: 12_900_000,
    newBytes: 1_200_000,
    pauseMs: 3,
    reason: undefined,
    ...more,
  }
}

export function userFailure(more: Partial<FailureInfo> = {}): FailureInfo {
  return {
    code: 'USER_FUNCTION',
    domain: 'user',
    retry: 'restart',
    message: `Node "totals" threw on { id: 7 }: Cannot read properties of null (reading 'cents')`,
    node: 'totals',
    subtask: 1,
    at: undefined,
    stack: `TypeError: Cannot read properties of null (reading 'cents')\n    at deltas (/app/job.ts:3:9)`,
    record: '{ id: 7 }',
    ...more,
  }
}

export function resultOf(state: RunResult['state'], more: Partial<RunResult> = {}): RunResult {
  return { state, failure: undefined, lastCheckpoint: undefined, attempts: 1, durationMs: 12_345, metrics: [], ...more }
}

function nodeOf(name: string, index: number, names: readonly string[]): NodeDescription {
  const kind = index === 0 ? 'source' : index === names.length - 1 ? 'sink' : 'operator'
  const from = names[index - 1]
  return {
    name,
    kind,
    type: kind,
    parallelism: undefined,
    keyed: false,
    states: [],
    inputs: from === undefined ? [] : [{ from, output: '', partitioner: 'forward', input: 0 }],
    boundedness: kind === 'source' ? 'bounded' : undefined,
    guarantee: kind === 'sink' ? 'upsert' : undefined,
    sinkKind: kind === 'sink' ? 'upsert' : undefined,
    rewindable: kind === 'sink' ? true : undefined,
  }
}
