// OperatorNode: one operator of a chain, with its keyed state, timers and outputs.
//
// Owns: the operator; its backend; the order of calls. Does not own: what reads its outputs (targets).
//
// I1. The operator's methods never overlap, and after a throw only close is called (the task stops driving the chain).
// I2. No promise is made when nothing needs waiting for: state resident, operator synchronous, targets with room.
// I3. What a call put out has been passed on before the next call.

import type { Operator, OperatorContext } from '../../src/contract/operator.ts'
import type { Batch } from '../../src/record/batch.ts'
import { MAX_WATERMARK } from '../../src/record/element.ts'
import { keyGroupRange } from '../../src/util/key-group.ts'
import type { Pending } from '../channel/channel.ts'
import { OWN_WATERMARK, type StateHandle } from '../checkpoint/snapshot.ts'
import type { KeyedBackend, KeyedSnapshot } from '../state/keyed-backend.ts'
import { type ChainNode, nodeSnapshot, readyPart, type SnapshotPart } from './chain-node.ts'
import { atNode } from './failure.ts'
import { FiringTimers } from './firing-timers.ts'
import { decode, encode } from './msgpack.ts'
import type { NodeMeter } from './node-meter.ts'
import type { OutputCollector } from './output-collector.ts'
import { nodeContext, type TaskEnvironment, workFolder } from './task-environment.ts'

export interface OperatorNodeOptions {
  readonly name: string
  readonly operator: Operator
  readonly keyed: boolean
  readonly output: OutputCollector
  readonly meter: NodeMeter
  readonly environment: TaskEnvironment
  /** Ends the loop's sleep. */
  readonly wake: () => void
  /** Lets the event loop turn if the task has held it long enough. */
  readonly breathe: () => Pending
}

/** Drives one operator. */
export class OperatorNode implements ChainNode {
  readonly name: string
  readonly meter: NodeMeter
  readonly #operator: Operator
  readonly keyed: boolean
  readonly #out: OutputCollector
  readonly #environment: TaskEnvironment
  readonly #wake: () => void
  readonly #breathe: () => Pending
  #backend: KeyedBackend | undefined
  #timers: FiringTimers | undefined
  #watermark = Number.NEGATIVE_INFINITY
  /** Of this attempt: what was reached before a restore is passed on again, for readers know nothing of it. */
  #told = Number.NEGATIVE_INFINITY
  #drainAsked = false
  #ended = false

  constructor(options: OperatorNodeOptions) {
    this.name = options.name
    this.meter = options.meter
    this.#operator = options.operator
    this.keyed = options.keyed
    this.#out = options.output
    this.#environment = options.environment
    this.#wake = options.wake
    this.#breathe = options.breathe
  }

  get stateBytes(): number {
    return this.#backend?.residentBytes ?? 0
  }

  async open(): Promise<void> {
    const environment = this.#environment
    const restore = environment.restoreOf(this.name)
    if (this.keyed) {
      this.#backend = openBackend(environment, this.name)
      this.#timers = new FiringTimers(this.#backend, this.name)
      const handles: readonly StateHandle[] = restore?.keyed ?? []
      await this.#backend.open(handles.map((handle) => ({ folder: restore?.folder ?? '', handle })))
    }
    this.#watermark = restore?.watermarks?.[OWN_WATERMARK] ?? Number.NEGATIVE_INFINITY
    this.#backend?.advanceWatermark(this.#watermark)
    const context: OperatorContext = {
      ...nodeContext(environment, this.name, this.meter),
      keyed: this.#timers,
      restored: (restore?.operator ?? []).map(decode),
      wake: () => {
        this.#drainAsked = true
        this.#wake()
      },
    }
    await this.#guard(() => this.#operator.open?.(context))
  }

  push(batch: Batch, input: number): Pending {
    this.meter.recordsIn += batch.values.length
    if (this.#backend !== undefined && batch.keys !== undefined) {
      const fetching = this.#backend.prefetch(batch.keys)
      if (fetching !== undefined) return fetching.then(() => this.#process(batch, input))
    }
    return this.#process(batch, input)
  }

  /** Begins to fetch the states of a batch that comes soon. */
  prefetchAhead(batch: Batch): void {
    this.#backend?.prefetchAhead(batch)
  }

  /** One that says no more than an earlier one is passed over; what was reached before a restore still holds. */
  watermark(timestamp: number): Pending {
    const reached = Math.max(timestamp, this.#watermark)
    if (reached <= this.#told) return undefined
    this.#told = reached
    this.#watermark = reached
    this.#backend?.advanceWatermark(reached)
    const firing = this.#fire('event', reached)
    const rest = (): Pending => this.#call(() => this.#tellWatermark(reached))
    return firing === undefined ? rest() : firing.then(rest)
  }

  status(idle: boolean): Pending {
    return this.#call(() => {
      this.#operator.status?.(idle, this.#out)
      if (this.#operator.ownsWatermarks !== true) this.#out.idle(idle)
    })
  }

  nextTimer(): number | undefined {
    return this.#ended ? undefined : this.#backend?.nextTimer('processing')
  }

  fireTimers(now: number): Pending {
    return this.#ended ? undefined : this.#fire('processing', now)
  }

  drain(): Pending {
    if (!this.#drainAsked) return undefined
    this.#drainAsked = false
    return this.#call(() => this.#operator.drain?.(this.#out))
  }

  endOfInput(): Pending {
    this.#ended = true
    return this.#call(() => {
      const ending = this.#operator.endOfInput?.(this.#out)
      if (this.#operator.ownsWatermarks !== true) return ending
      return andThen(ending, () => this.#out.watermark(MAX_WATERMARK))
    })
  }

  finishEpoch(checkpoint: number): Pending {
    const finish = (): Pending => this.#call(() => this.#operator.finishEpoch?.(checkpoint, this.#out))
    const draining = this.drain()
    return draining === undefined ? finish() : draining.then(finish)
  }

  freeze(): SnapshotPart {
    const operator = this.#snapshotOperator()
    const frozen = this.#backend?.freeze()
    const watermarks = this.#keptWatermark
    const snapshot = { ...nodeSnapshot(this.name, this.#environment.subtask), operator, watermarks }
    if (frozen === undefined) return readyPart(operator === undefined ? undefined : snapshot)
    return keyedPart(frozen, `${this.name}-${this.#environment.subtask}`, (keyed) => ({ ...snapshot, keyed }))
  }

  complete(checkpoint: number): Pending {
    return this.#guard(() => this.#operator.checkpointComplete?.(checkpoint))
  }

  async close(): Promise<void> {
    try {
      await this.#guard(() => this.#operator.close?.())
    } finally {
      await this.#backend?.close()
    }
  }

  /** The end of event time is none to go on from: a job that ended may be started again with more to read. */
  get #keptWatermark(): Record<string, number> {
    return Number.isFinite(this.#watermark) && this.#watermark < MAX_WATERMARK
      ? { [OWN_WATERMARK]: this.#watermark }
      : {}
  }

  #tellWatermark(timestamp: number): void | Promise<void> {
    const told = this.#operator.watermark?.(timestamp, this.#out)
    return this.#operator.ownsWatermarks === true ? told : andThen(told, () => this.#out.watermark(timestamp))
  }

  #snapshotOperator(): Uint8Array | undefined {
    try {
      const state = this.#operator.snapshot?.()
      return state === undefined ? undefined : encode(state)
    } catch (error) {
      throw atNode(this.name, 'operator', error)
    }
  }

  #process(batch: Batch, input: number): Pending {
    let working: void | Promise<void>
    try {
      working = this.#operator.process(batch, this.#out, input)
    } catch (error) {
      throw atNode(this.name, 'operator', error)
    }
    return working === undefined ? this.#out.flush() : this.#afterwards(working)
  }

  /** Calls the operator, then passes on what it put out. */
  #call(work: () => void | Promise<void>): Pending {
    const working = this.#guard(work)
    return working === undefined ? this.#out.flush() : working.then(() => this.#out.flush())
  }

  async #afterwards(working: Promise<void>): Promise<void> {
    try {
      await working
    } catch (error) {
      throw atNode(this.name, 'operator', error)
    }
    await this.#out.flush()
  }

  #guard(work: () => void | Promise<void>): Pending {
    try {
      const working = work()
      return working?.catch((error: unknown) => {
        throw atNode(this.name, 'operator', error)
      })
    } catch (error) {
      throw atNode(this.name, 'operator', error)
    }
  }

  #fire(domain: 'event' | 'processing', upTo: number): Pending {
    const operator = this.#operator
    if (this.#timers === undefined || operator.onTimer === undefined || !this.#timers.isDue(domain, upTo))
      return undefined
    return this.#timers.fireDue(domain, upTo, {
      fire: ({ key, timestamp }) => {
        try {
          operator.onTimer?.(timestamp, domain, key, this.#out)
        } catch (error) {
          throw atNode(this.name, 'operator', error)
        }
      },
      flush: () => this.#out.flush(),
      breathe: this.#breathe,
    })
  }
}

function andThen(first: void | Promise<void>, next: () => void): void | Promise<void> {
  return first === undefined ? next() : first.then(next)
}

function openBackend(environment: TaskEnvironment, node: string): KeyedBackend {
  const { subtask, parallelism, keyGroups, cacheBytes, clock } = environment
  return environment.openBackend({
    node,
    subtask,
    keyGroups,
    range: keyGroupRange(subtask, parallelism, keyGroups),
    workFolder: workFolder(environment, node, subtask),
    cacheBytes,
    now: () => clock.now(),
  })
}

/** A part that encodes in slices and then writes into a folder of its own. */
export function keyedPart<S>(
  frozen: KeyedSnapshot,
  folderName: string,
  snapshotWith: (handle: StateHandle) => S,
): { encodeSlice(budgetMs: number): boolean; finish(folder: string): Promise<S>; abandon(): void } {
  return {
    encodeSlice: (budgetMs) => frozen.encodeSlice(budgetMs),
    finish: async (folder) => snapshotWith(await frozen.finish(folder, folderName)),
    abandon: () => frozen.abandon(),
  }
}
