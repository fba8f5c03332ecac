// decide: every decision about checkpoints, pure. Facts go in, decisions come out; the coordinator carries them out.
//
// One checkpoint at a time, in these phases:
//   opening      its id is being persisted and its folder made
//   enumerating  enumerators of sources snapshot, so that a split is in the checkpoint of its enumerator or its reader, never both
//   aligning     barriers flow; subtasks acknowledge
//   persisting   every subtask acknowledged; the manifest is being written
//   committing   complete; sinks commit
// The next one begins only when all sinks have committed: what a sink still has to commit is in the latest manifest alone.
//
// I1. A checkpoint is persisted only when every subtask of the plan has acknowledged it.
// I2. Facts of another attempt, another checkpoint, an unknown subtask, or told twice change nothing.
// I3. Once persisting has begun a checkpoint is never aborted: its manifest may be on disk.
// I4. After `fail` or `end` nothing more is begun.

import type { Cause, DecideRules, Decision, Fact, FinalReason } from './facts.ts'
import type { TaskSnapshot } from './snapshot.ts'

interface InFlight {
  readonly phase: 'opening' | 'enumerating' | 'aligning' | 'persisting' | 'committing'
  /** 0 while opening. */
  readonly checkpoint: number
  readonly final: FinalReason | undefined
  /** Monotonic; of the phase from which the timeout counts. */
  readonly since: number
  /** Workers or subtasks that have yet to answer in this phase. */
  readonly awaited: ReadonlySet<string>
  readonly snapshots: readonly TaskSnapshot[]
}

export interface DecideState {
  readonly inFlight: InFlight | undefined
  readonly lastBegunAt: number
  readonly lastEndedAt: number
  readonly requested: boolean
  readonly stopping: boolean
  readonly undrained: ReadonlySet<string>
  /** Consecutive. */
  readonly failures: number
  readonly over: boolean
}

export interface Verdict<C extends Cause> {
  readonly state: DecideState
  readonly decisions: readonly Decision<C>[]
  /** Monotonic time at which to tell `tick`; undefined: nothing to wait for. */
  readonly lookAt: number | undefined
}

export function subtaskKey(task: number, subtask: number): string {
  return `${task}/${subtask}`
}

/** The state when all tasks run and no checkpoint was taken in this attempt. */
export function beginDeciding(rules: DecideRules, now: number): DecideState {
  return {
    inFlight: undefined,
    lastBegunAt: now,
    lastEndedAt: Number.NEGATIVE_INFINITY,
    requested: false,
    stopping: false,
    undrained: new Set(rules.subtasks),
    failures: 0,
    over: false,
  }
}

/** One fact, at monotonic time `now`. */
export function decide<C extends Cause>(
  rules: DecideRules,
  state: DecideState,
  fact: Fact<C>,
  now: number,
): Verdict<C> {
  const learnt = learn(rules, state, fact, now)
  const begun = beginIfDue<C>(rules, learnt.state, now)
  return {
    state: begun.state,
    decisions: [...learnt.decisions, ...begun.decisions],
    lookAt: lookAt(rules, begun.state),
  }
}

interface Step<C extends Cause> {
  readonly state: DecideState
  readonly decisions: readonly Decision<C>[]
}

function learn<C extends Cause>(rules: DecideRules, state: DecideState, fact: Fact<C>, now: number): Step<C> {
  if (state.over) return afterTheEnd(state, fact)
  if ('attempt' in fact && fact.attempt !== rules.attempt) return nothing(state)
  switch (fact.type) {
    case 'tick':
      return timeOut(rules, state, now)
    case 'request':
      return nothing({ ...state, requested: true })
    case 'stop':
      return nothing({ ...state, stopping: true })
    case 'drained':
      return nothing({ ...state, undrained: without(state.undrained, subtaskKey(fact.task, fact.subtask)) })
    case 'opened':
      return opened(rules, state, fact.checkpoint, now)
    case 'open-failed':
      if (state.inFlight?.phase !== 'opening') return nothing(state)
      return failCheckpoint(rules, state, now, fact.cause.message, fact.cause)
    case 'enumerated':
      return enumerated(rules, state, fact, now)
    case 'ack':
      return acknowledged(state, fact)
    case 'decline':
      return declined(rules, state, fact, now)
    case 'persisted':
      return persisted(rules, state, fact.checkpoint, now)
    case 'persist-failed':
      return persistFailed(rules, state, fact, now)
    case 'committed':
      return committed(state, fact, now)
    case 'attempt-failed':
      return endAttempt(state, fact.cause)
  }
}

function opened<C extends Cause>(rules: DecideRules, state: DecideState, checkpoint: number, now: number): Step<C> {
  if (state.inFlight?.phase !== 'opening') return nothing(state)
  if (rules.enumeratorWorkers.length === 0) return trigger(rules, state, checkpoint, now)
  const awaited = new Set(rules.enumeratorWorkers.map(String))
  const inFlight: InFlight = { ...state.inFlight, phase: 'enumerating', checkpoint, since: now, awaited }
  return { state: { ...state, inFlight }, decisions: [{ type: 'enumerate', checkpoint }] }
}

function enumerated<C extends Cause>(
  rules: DecideRules,
  state: DecideState,
  fact: { readonly worker: number; readonly checkpoint: number },
  now: number,
): Step<C> {
  const inFlight = inPhase(state, 'enumerating', fact.checkpoint)
  if (inFlight === undefined) return nothing(state)
  const awaited = without(inFlight.awaited, String(fact.worker))
  if (awaited.size > 0) return nothing({ ...state, inFlight: { ...inFlight, awaited } })
  return trigger(rules, state, fact.checkpoint, now)
}

/** What was asked for until now is served by this barrier, and whether it is the last one is settled here. */
function trigger<C extends Cause>(rules: DecideRules, state: DecideState, checkpoint: number, now: number): Step<C> {
  const final = finalReason(state)
  const inFlight: InFlight = {
    phase: 'aligning',
    checkpoint,
    final,
    since: state.inFlight?.phase === 'enumerating' ? state.inFlight.since : now,
    awaited: new Set(rules.subtasks),
    snapshots: [],
  }
  return { state: { ...state, inFlight, requested: false }, decisions: [{ type: 'trigger', checkpoint, final }] }
}

function acknowledged<C extends Cause>(
  state: DecideState,
  fact: { readonly checkpoint: number; readonly snapshot: TaskSnapshot },
): Step<C> {
  const inFlight = inPhase(state, 'aligning', fact.checkpoint)
  const key = subtaskKey(fact.snapshot.task, fact.snapshot.subtask)
  if (inFlight === undefined || !inFlight.awaited.has(key)) return nothing(state)
  const awaited = without(inFlight.awaited, key)
  const snapshots = [...inFlight.snapshots, fact.snapshot]
  if (awaited.size > 0) return nothing({ ...state, inFlight: { ...inFlight, awaited, snapshots } })
  const { checkpoint, final } = inFlight
  return {
    state: { ...state, inFlight: { ...inFlight, phase: 'persisting', awaited, snapshots } },
    decisions: [{ type: 'persist', checkpoint, final, snapshots }],
  }
}

function declined<C extends Cause>(
  rules: DecideRules,
  state: DecideState,
  fact: { readonly checkpoint: number; readonly task: number; readonly subtask: number; readonly cause: C },
  now: number,
): Step<C> {
  const inFlight = inPhase(state, 'aligning', fact.checkpoint) ?? inPhase(state, 'enumerating', fact.checkpoint)
  if (inFlight === undefined || !rules.subtasks.includes(subtaskKey(fact.task, fact.subtask))) return nothing(state)
  return failCheckpoint(rules, state, now, fact.cause.message, fact.cause)
}

function persisted<C extends Cause>(rules: DecideRules, state: DecideState, checkpoint: number, now: number): Step<C> {
  const inFlight = inPhase(state, 'persisting', checkpoint)
  if (inFlight === undefined) return nothing(state)
  const awaited = new Set(rules.workers.map(String))
  return {
    state: {
      ...state,
      failures: 0,
      inFlight: { ...inFlight, phase: 'committing', since: now, awaited, snapshots: [] },
    },
    decisions: [{ type: 'complete', checkpoint, final: inFlight.final }],
  }
}

/** Not knowing whether a manifest is on disk, only a restart, which looks, goes on from the right one. */
function persistFailed<C extends Cause>(
  rules: DecideRules,
  state: DecideState,
  fact: { readonly checkpoint: number; readonly unknown: boolean; readonly cause: C },
  now: number,
): Step<C> {
  const inFlight = inPhase(state, 'persisting', fact.checkpoint)
  if (inFlight === undefined) return nothing(state)
  if (fact.unknown) return fail(state, fact.checkpoint, fact.cause.message, fact.cause)
  return failCheckpoint(rules, state, now, fact.cause.message, fact.cause)
}

function committed<C extends Cause>(
  state: DecideState,
  fact: { readonly worker: number; readonly checkpoint: number },
  now: number,
): Step<C> {
  const inFlight = inPhase(state, 'committing', fact.checkpoint)
  if (inFlight === undefined) return nothing(state)
  const awaited = without(inFlight.awaited, String(fact.worker))
  if (awaited.size > 0) return nothing({ ...state, inFlight: { ...inFlight, awaited } })
  const { checkpoint, final } = inFlight
  const settled: Decision<C> = { type: 'settled', checkpoint }
  const next = { ...state, inFlight: undefined, lastEndedAt: now }
  if (final === undefined) return { state: next, decisions: [settled] }
  return { state: { ...next, over: true }, decisions: [settled, { type: 'end', checkpoint, reason: final }] }
}

function timeOut<C extends Cause>(rules: DecideRules, state: DecideState, now: number): Step<C> {
  const inFlight = state.inFlight
  if (inFlight === undefined || now < inFlight.since + rules.timeoutMs) return nothing(state)
  if (inFlight.phase === 'enumerating' || inFlight.phase === 'aligning') {
    const reason = `not complete within ${rules.timeoutMs} ms: ${inFlight.awaited.size} have yet to answer`
    return failCheckpoint<C>(rules, state, now, reason, undefined)
  }
  if (inFlight.phase !== 'committing') return nothing(state)
  const reason = `complete, but not committed by every sink within ${rules.timeoutMs} ms`
  return fail<C>(state, inFlight.checkpoint, reason, undefined)
}

/**
 * The checkpoint in flight came to nothing. Too many in a row fail the job, and so does a failed last one: its barrier has
 * already stopped the sources.
 */
function failCheckpoint<C extends Cause>(
  rules: DecideRules,
  state: DecideState,
  now: number,
  reason: string,
  cause: C | undefined,
): Step<C> {
  const inFlight = state.inFlight
  if (inFlight === undefined) return nothing(state)
  const failures = state.failures + 1
  const checkpoint = inFlight.phase === 'opening' ? undefined : inFlight.checkpoint
  const aborts: Decision<C>[] = checkpoint === undefined ? [] : [{ type: 'abort', checkpoint, reason }]
  const next = { ...state, inFlight: undefined, lastEndedAt: now, failures }
  const final = inFlight.phase !== 'opening' && inFlight.final !== undefined
  if (!final && failures <= rules.tolerableFailures) return { state: next, decisions: aborts }
  const failed = fail<C>(next, checkpoint, reason, cause)
  return { state: failed.state, decisions: [...aborts, ...failed.decisions] }
}

/** What can no longer complete is aborted; what may be on disk is left to the restart. */
function endAttempt<C extends Cause>(state: DecideState, cause: C): Step<C> {
  const inFlight = state.inFlight
  const failed = fail<C>({ ...state, inFlight: undefined }, inFlight?.checkpoint || undefined, cause.message, cause)
  if (inFlight?.phase !== 'enumerating' && inFlight?.phase !== 'aligning') return failed
  const abort: Decision<C> = { type: 'abort', checkpoint: inFlight.checkpoint, reason: cause.message }
  return { state: failed.state, decisions: [abort, ...failed.decisions] }
}

/** A folder that was made for a checkpoint which nobody waits for any more is not left behind. */
function afterTheEnd<C extends Cause>(state: DecideState, fact: Fact<C>): Step<C> {
  if (fact.type !== 'opened') return nothing(state)
  return { state, decisions: [{ type: 'abort', checkpoint: fact.checkpoint, reason: 'the attempt ended' }] }
}

function beginIfDue<C extends Cause>(rules: DecideRules, state: DecideState, now: number): Step<C> {
  const due = dueAt(rules, state)
  if (due === undefined || now < due) return nothing(state)
  const inFlight: InFlight = {
    phase: 'opening',
    checkpoint: 0,
    final: undefined,
    since: now,
    awaited: new Set(),
    snapshots: [],
  }
  return { state: { ...state, inFlight, lastBegunAt: now }, decisions: [{ type: 'open' }] }
}

/** When the next checkpoint may begin; undefined while one is in flight or nothing will ever begin. */
function dueAt(rules: DecideRules, state: DecideState): number | undefined {
  if (state.over || state.inFlight !== undefined) return undefined
  if (finalReason(state) !== undefined) return Number.NEGATIVE_INFINITY
  const rested = state.lastEndedAt + rules.minPauseMs
  return state.requested ? rested : Math.max(rested, state.lastBegunAt + rules.intervalMs)
}

function lookAt(rules: DecideRules, state: DecideState): number | undefined {
  const inFlight = state.inFlight
  if (inFlight === undefined) {
    const due = dueAt(rules, state)
    return due === Number.POSITIVE_INFINITY ? undefined : due
  }
  const waits = inFlight.phase === 'enumerating' || inFlight.phase === 'aligning' || inFlight.phase === 'committing'
  return waits && Number.isFinite(rules.timeoutMs) ? inFlight.since + rules.timeoutMs : undefined
}

function finalReason(state: DecideState): FinalReason | undefined {
  if (state.undrained.size === 0) return 'drained'
  return state.stopping ? 'stop' : undefined
}

function inPhase(state: DecideState, phase: InFlight['phase'], checkpoint: number): InFlight | undefined {
  const { inFlight } = state
  return inFlight?.phase === phase && inFlight.checkpoint === checkpoint ? inFlight : undefined
}

function fail<C extends Cause>(
  state: DecideState,
  checkpoint: number | undefined,
  reason: string,
  cause: C | undefined,
): Step<C> {
  return {
    state: { ...state, inFlight: undefined, over: true },
    decisions: [{ type: 'fail', checkpoint, reason, cause }],
  }
}

function nothing<C extends Cause>(state: DecideState): Step<C> {
  return { state, decisions: [] }
}

function without(set: ReadonlySet<string>, item: string): ReadonlySet<string> {
  if (!set.has(item)) return set
  const rest = new Set(set)
  rest.delete(item)
  return rest
}
