// RunFeed: what a run tells the world: its states, events, checkpoints and metrics, as Observables and in the event log.
//
// Owns: the current state, the subjects, the latest metrics of each worker.
// Does not own: when anything happens (job-manager).
//
// I1. States follow the table in job-state.
// I2. Subjects replay to late subscribers: the state, and the last EVENTS_REPLAYED events and checkpoints.
// I3. Every event names the job. Those from before its file is loaded wait for the name; if it fails before, the file's is used.

import { BehaviorSubject, ReplaySubject, Subject } from 'rxjs'
import type { Clock } from '../../src/util/clock.ts'
import { type CheckpointSize, sizeOfCheckpoint } from '../checkpoint/checkpoint-size.ts'
import type { CheckpointProgress } from '../checkpoint/coordinator.ts'
import type { TaskSnapshot } from '../checkpoint/snapshot.ts'
import { totalsByNode } from '../metrics/aggregate.ts'
import type { NodeMetrics } from '../worker/messages.ts'
import { EventLog } from './event-log.ts'
import { moveTo } from './job-state.ts'
import type { CheckpointInfo, JobState, RunEvent } from './run-types.ts'

const EVENTS_REPLAYED = 1_000
const EVENT_FILE_BYTES_MAX = 8 * 1024 * 1024

type EventBody = RunEvent extends infer E ? (E extends unknown ? Omit<E, 'at' | 'job'> : never) : never

interface Unnamed {
  readonly at: number
  readonly body: EventBody
}

export class RunFeed {
  readonly state$ = new BehaviorSubject<JobState>('created')
  readonly events$ = new ReplaySubject<RunEvent>(EVENTS_REPLAYED)
  readonly checkpoints$ = new ReplaySubject<CheckpointInfo>(EVENTS_REPLAYED)
  readonly metrics$ = new Subject<readonly NodeMetrics[]>()
  readonly #clock: Clock
  #job: string
  /** Events that wait for the job's name; undefined once it is known. */
  #unnamed: Unnamed[] | undefined = []
  #log: EventLog | undefined
  /** Events from before the job's folder was known. */
  #early: RunEvent[] = []
  #metricsByWorker = new Map<number, readonly NodeMetrics[]>()
  #reported = new Set<number>()
  /** The files of the checkpoint before, to tell how many bytes are new in the next. */
  #known: CheckpointSize['files'] | undefined
  lastCheckpoint: number | undefined

  /** `title`: what to call the job if its name never becomes known. */
  constructor(clock: Clock, title: string) {
    this.#clock = clock
    this.#job = title
  }

  get state(): JobState {
    return this.state$.value
  }

  /** The job's name is known. */
  named(job: string): void {
    this.#job = job
    const waiting = this.#unnamed ?? []
    this.#unnamed = undefined
    for (const { at, body } of waiting) this.#tell(at, body)
  }

  get job(): string {
    return this.#job
  }

  /** From now on events are kept in this file too, with those there were. */
  keepIn(path: string): void {
    this.#log = new EventLog({ path, fileBytesMax: EVENT_FILE_BYTES_MAX, linesMax: 10_000 })
    for (const event of this.#early.splice(0)) this.#log.append(event)
  }

  emit(body: EventBody): void {
    const at = this.#clock.now()
    if (this.#unnamed !== undefined && body.type === 'failure') this.named(this.#job)
    if (this.#unnamed === undefined) this.#tell(at, body)
    else this.#unnamed.push({ at, body })
  }

  #tell(at: number, body: EventBody): void {
    const event = { at, job: this.#job, ...body } as RunEvent
    if (this.#log === undefined) this.#early.push(event)
    else if (event.type !== 'log' || event.level !== 'debug') this.#log.append(event)
    this.events$.next(event)
  }

  move(to: JobState, attempt: number): void {
    const state = moveTo(this.state, to)
    this.emit({ type: 'state', state, attempt })
    this.state$.next(state)
  }

  /** The attempt begins from this checkpoint. */
  restored(checkpoint: number, folder: string, tasks: readonly TaskSnapshot[]): void {
    this.emit({ type: 'restored', checkpoint, folder })
    this.lastCheckpoint = checkpoint
    this.#known = sizeOfCheckpoint(tasks, undefined).files
  }

  checkpoint(progress: CheckpointProgress): void {
    const { id, status, startedAt, endedAt, reason, snapshots } = progress
    const size = sizeOfCheckpoint(snapshots, this.#known)
    const pauseMs = Math.max(0, ...snapshots.map((snapshot) => snapshot.times.pauseMs))
    const { stateBytes, newBytes } = size
    const checkpoint = { id, status, startedAt, endedAt, stateBytes, newBytes, pauseMs, reason }
    if (status === 'complete') {
      this.lastCheckpoint = id
      this.#known = size.files
    }
    this.emit({ type: 'checkpoint', checkpoint })
    this.checkpoints$.next(checkpoint)
  }

  /** A worker's report. All are passed on together once each of `workers` has reported again. */
  metrics(worker: number, nodes: readonly NodeMetrics[], workers: number): void {
    this.#metricsByWorker.set(worker, nodes)
    this.#reported.add(worker)
    if (this.#reported.size < workers) return
    this.#reported.clear()
    this.metrics$.next([...this.#metricsByWorker.values()].flat())
  }

  forgetMetrics(): void {
    this.#metricsByWorker.clear()
    this.#reported.clear()
  }

  /** One entry for each node, over its subtasks. */
  totals(): readonly NodeMetrics[] {
    const all = [...this.#metricsByWorker.values()].flat()
    return totalsByNode(all).map(({ subtasks: _, ...totals }) => ({ ...totals, subtask: 0 }))
  }

  async end(): Promise<void> {
    if (this.#unnamed !== undefined) this.named(this.#job)
    await this.#log?.flush()
    for (const subject of [this.state$, this.events$, this.checkpoints$, this.metrics$]) subject.complete()
  }
}
