// What the live view and the summary know of a run: events and metrics folded into one value. Pure.

import type { CheckpointInfo, JobState, RunEvent } from '../control/run-types.ts'
import { type NodeTotals, totalsByNode } from '../metrics/aggregate.ts'
import type { NodeMetrics } from '../metrics/node-metrics.ts'
import { addSample, EMPTY_WINDOW, type RateWindow, ratePerSecond } from '../metrics/rate-window.ts'
import type { GraphDescription } from '../plan/physical-plan.ts'
import type { FailureInfo } from '../worker/messages.ts'

export type NodeKind = 'source' | 'operator' | 'sink'

export interface NodeView {
  readonly name: string
  readonly kind: NodeKind
  /** Undefined until the first metrics have come. */
  readonly totals: NodeTotals | undefined
  /** Of what goes in; of what comes out for a source. */
  readonly records: RateWindow
  /** Of each progress item, by its name. */
  readonly items: ReadonlyMap<string, RateWindow>
}

export interface ViewState {
  readonly job: string
  readonly state: JobState
  readonly startedAtMs: number
  /** The checkpoint that the present attempt began from. */
  readonly restoredFrom: number | undefined
  readonly nodes: readonly NodeView[]
  readonly lastCheckpoint: CheckpointInfo | undefined
  readonly pendingCheckpoint: CheckpointInfo | undefined
  readonly completeCheckpoints: number
  readonly failedCheckpoints: number
  readonly restarts: number
  readonly lastFailure: { readonly failure: FailureInfo; readonly atMs: number } | undefined
  /** When the next attempt begins, while the job waits for it. */
  readonly restartAtMs: number | undefined
}

export function initialView(job: string, startedAtMs: number): ViewState {
  return {
    job,
    state: 'created',
    startedAtMs,
    restoredFrom: undefined,
    nodes: [],
    lastCheckpoint: undefined,
    pendingCheckpoint: undefined,
    completeCheckpoints: 0,
    failedCheckpoints: 0,
    restarts: 0,
    lastFailure: undefined,
    restartAtMs: undefined,
  }
}

/** The graph is known: every node gets its line. */
export function foldGraph(view: ViewState, graph: GraphDescription): ViewState {
  const known = new Map(view.nodes.map((node) => [node.name, node]))
  const nodes = graph.nodes.map(({ name, kind }) => ({ ...(known.get(name) ?? emptyNode(name)), kind }))
  return { ...view, job: graph.job, nodes }
}

/** One event; those the view does not show leave it as it is. */
export function foldEvent(view: ViewState, event: RunEvent): ViewState {
  switch (event.type) {
    case 'state':
      return foldState({ ...view, job: event.job }, event.state)
    case 'restored':
      return { ...view, restoredFrom: event.checkpoint }
    case 'checkpoint':
      return foldCheckpoint(view, event.checkpoint)
    case 'failure':
      return {
        ...view,
        lastFailure: { failure: event.failure, atMs: event.at },
        restartAtMs: event.restartInMs === undefined ? undefined : event.at + event.restartInMs,
      }
    default:
      return view
  }
}

/** The metrics of every subtask, as they are now. */
export function foldMetrics(view: ViewState, metrics: readonly NodeMetrics[], atMs: number): ViewState {
  const totals = new Map(totalsByNode(metrics).map((node) => [node.node, node]))
  const known = view.nodes.map((node) => foldNode(node, totals.get(node.name), atMs))
  const names = new Set(view.nodes.map(({ name }) => name))
  const others = [...totals.values()].filter(({ node }) => !names.has(node))
  return { ...view, nodes: [...known, ...others.map((node) => foldNode(emptyNode(node.node), node, atMs))] }
}

/** Where the job would go on from: the checkpoint it took last, or began from. */
export function keptCheckpoint({ lastCheckpoint, restoredFrom }: ViewState): number | undefined {
  return lastCheckpoint?.id ?? restoredFrom
}

/** Records per second through a node. */
export function nodeRate(node: NodeView): number {
  return ratePerSecond(node.records)
}

function emptyNode(name: string): NodeView {
  return { name, kind: 'operator', totals: undefined, records: EMPTY_WINDOW, items: new Map() }
}

function foldState(view: ViewState, state: JobState): ViewState {
  const waits = state === 'restarting' || state === 'failing'
  return {
    ...view,
    state,
    restarts: view.restarts + (state === 'restarting' ? 1 : 0),
    restartAtMs: waits ? view.restartAtMs : undefined,
    pendingCheckpoint: waits ? undefined : view.pendingCheckpoint,
  }
}

function foldCheckpoint(view: ViewState, checkpoint: CheckpointInfo): ViewState {
  if (checkpoint.status === 'in-progress') return { ...view, pendingCheckpoint: checkpoint }
  const pendingCheckpoint = view.pendingCheckpoint?.id === checkpoint.id ? undefined : view.pendingCheckpoint
  if (checkpoint.status === 'failed') {
    return { ...view, pendingCheckpoint, failedCheckpoints: view.failedCheckpoints + 1 }
  }
  return {
    ...view,
    pendingCheckpoint,
    lastCheckpoint: checkpoint,
    completeCheckpoints: view.completeCheckpoints + 1,
  }
}

function foldNode(node: NodeView, totals: NodeTotals | undefined, atMs: number): NodeView {
  if (totals === undefined) return node
  const items = new Map(
    totals.progress.map(({ item, done }) => [item, addSample(node.items.get(item) ?? EMPTY_WINDOW, atMs, done)]),
  )
  const count = node.kind === 'source' ? totals.recordsOut : totals.recordsIn
  return { ...node, totals, records: addSample(node.records, atMs, count), items }
}
