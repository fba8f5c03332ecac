// BatchNode: a keyed operator in a batch run: its input is a blocking exchange. What comes is spooled; at the end of the input the
// operator gets it key by key, with the state of one key at a time.
//
// Owns: the spool; the order of calls at the end of the input. Does not own: the operator's life and what follows the last key (the
// OperatorNode within); the state of the key at hand (one-key backend).
//
// I1. The operator sees a key's records in the order of event time, among them its timers in their places, then those left, then endOfKey,
//     then nothing of that key again.
// I2. Inputs that are not spread by key are passed on as they come, so all of them come before the first key.
// I3. Nothing of event time is passed on before the last key: then its end is.
// I4. A run that goes on after a batch run's end reads no further records: what they belong to is gone.

import type { Operator } from '../../src/contract/operator.ts'
import { MillraceError } from '../../src/errors.ts'
import type { Edge } from '../../src/graph/logical-graph.ts'
import { BATCH_RECORDS, type Batch } from '../../src/record/batch.ts'
import { MAX_WATERMARK } from '../../src/record/element.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Key } from '../../src/util/key-group.ts'
import type { Pending } from '../channel/channel.ts'
import type { KeyVisitor } from '../spool/key-merge.ts'
import { SortedSpool } from '../spool/sorted-spool.ts'
import { type OneKeyBackend, openOneKeyBackend } from '../state/open-one-key-backend.ts'
import { type ChainNode, readyPart, type SnapshotPart } from './chain-node.ts'
import { atNode } from './failure.ts'
import { endlessTimers, TIMERS_BY_TIMERS_MAX } from './firing-timers.ts'
import type { NodeMeter } from './node-meter.ts'
import { OperatorNode, type OperatorNodeOptions } from './operator-node.ts'
import type { OutputCollector } from './output-collector.ts'
import { type TaskEnvironment, workFolder } from './task-environment.ts'

/** A node has one input or two. */
const INPUTS = 2
/** What a key costs beside its records, in records: how often output is passed on and others are let in. */
const KEY_WORK = 8
const SLICE_MS = 4

interface BatchNodeOptions {
  /** Drives the operator otherwise; opens it over the backend. */
  readonly node: OperatorNode
  readonly operator: Operator
  readonly backend: OneKeyBackend
  readonly output: OutputCollector
  readonly environment: TaskEnvironment
  /** Whether records of this input are spread by key. */
  readonly isSpooled: (input: number) => boolean
  /** Lets others in; false when the task is over. */
  readonly proceed: () => Promise<boolean>
}

/** Makes the node of a keyed operator in a batch run. */
export function batchNode(
  options: OperatorNodeOptions & Pick<BatchNodeOptions, 'proceed'>,
  inputs: readonly Edge[],
): ChainNode {
  const { name, environment } = options
  const backend = openOneKeyBackend({ node: name, now: () => environment.clock.now() })
  const node = new OperatorNode({ ...options, environment: { ...environment, openBackend: () => backend } })
  const spooled = new Set(inputs.filter(({ partitioner }) => partitioner === 'hash').map(({ input }) => input))
  return new BatchNode({ ...options, node, backend, isSpooled: (input) => spooled.has(input) })
}

class BatchNode implements ChainNode, KeyVisitor {
  readonly name: string
  readonly meter: NodeMeter
  readonly #options: BatchNodeOptions
  readonly #operator: Operator
  readonly #backend: OneKeyBackend
  readonly #spool: SortedSpool
  #atKey = false
  #work = 0
  #turnAt = 0

  constructor(options: BatchNodeOptions) {
    const { node, environment } = options
    this.#options = options
    this.name = node.name
    this.meter = node.meter
    this.#operator = options.operator
    this.#backend = options.backend
    this.#spool = new SortedSpool({
      inputs: INPUTS,
      bytesMax: environment.cacheBytes,
      folder: workFolder(environment, node.name, environment.subtask),
      node: node.name,
      ...(environment.fileSystem === undefined ? {} : { fileSystem: environment.fileSystem }),
    })
  }

  get stateBytes(): number {
    return this.#spool.residentBytes + this.#backend.residentBytes
  }

  open(): Promise<void> {
    return this.#options.node.open()
  }

  push(batch: Batch, input: number): Pending {
    const { node, environment, isSpooled } = this.#options
    if (environment.batchEnded !== undefined) throw this.#thrown(this.#late(environment.batchEnded))
    if (!isSpooled(input)) return node.push(batch, input)
    this.meter.recordsIn += batch.values.length
    return this.#spool.add(batch, input)?.catch((error: unknown) => {
      throw this.#thrown(error)
    })
  }

  watermark(): undefined {}

  status(): undefined {}

  endOfInput(): Promise<void> {
    return this.#replay()
  }

  drain(): Pending {
    return this.#options.node.drain()
  }

  nextTimer(): undefined {}

  fireTimers(): undefined {}

  finishEpoch(checkpoint: number): Pending {
    return this.#options.node.finishEpoch(checkpoint)
  }

  /** State is gone when the last checkpoint comes, and the spool is in none. */
  freeze(): SnapshotPart {
    return readyPart(undefined)
  }

  complete(checkpoint: number): Pending {
    return this.#options.node.complete(checkpoint)
  }

  async close(): Promise<void> {
    try {
      await this.#options.node.close()
    } finally {
      await this.#spool.close()
    }
  }

  /** For the spool: records of one key. */
  records(batch: Batch, input: number): Pending {
    const key = (batch.keys as readonly Key[])[0] as Key
    if (!this.#atKey) this.#begin(key)
    const processing = this.#process(batch, input)
    const time = batch.timestamps?.at(-1)
    if (time === undefined) return processing
    // Those that follow are no earlier: nothing is late, and what is over (a window) need not wait for the key's last record.
    return processing === undefined ? this.#advance(key, time - 1) : processing.then(() => this.#advance(key, time - 1))
  }

  /** For the spool: that was the key's last record. */
  endOfKey(key: Key): Pending {
    const firing = this.#advance(key, MAX_WATERMARK)
    return firing === undefined ? this.#endKey(key) : firing.then(() => this.#endKey(key))
  }

  #process(batch: Batch, input: number): Pending {
    let working: void | Promise<void>
    try {
      working = this.#operator.process(batch, this.#options.output, input)
    } catch (error) {
      throw this.#thrown(error)
    }
    return working === undefined ? this.#worked(batch.values.length) : this.#afterwards(working, batch.values.length)
  }

  async #replay(): Promise<void> {
    const { node, environment, output } = this.#options
    this.#turnAt = environment.clock.monotonic()
    await this.#spool.replay(this).catch((error: unknown) => {
      throw this.#thrown(error)
    })
    this.#logSpilled()
    await output.flush()
    await node.watermark(MAX_WATERMARK)
    await node.endOfInput()
  }

  #logSpilled(): void {
    const { subtask, listener } = this.#options.environment
    const bytes = this.#spool.spilledBytes
    if (bytes > 0) listener.log('debug', 'records waited on disk', { node: this.name, subtask, bytes })
  }

  #begin(key: Key): void {
    this.#atKey = true
    this.#backend.begin(key)
  }

  #endKey(key: Key): Pending {
    try {
      this.#operator.endOfKey?.(key, this.#options.output)
    } catch (error) {
      throw this.#thrown(error)
    }
    this.#backend.end()
    this.#atKey = false
    failpoint('batch.key.after')
    return this.#worked(KEY_WORK)
  }

  /** Event time of the key reaches `to`: what is due fires, at the end all. */
  #advance(key: Key, to: number): Pending {
    const { timers } = this.#backend
    timers.watermark = to
    const fires = to === MAX_WATERMARK ? timers.size > 0 : timers.due
    return fires ? this.#fireTimers(key, 2 * timers.size + TIMERS_BY_TIMERS_MAX) : undefined
  }

  /** At most `limit`, those of event time first. */
  #fireTimers(key: Key, limit: number): Pending {
    const { timers } = this.#backend
    for (let left = limit; left > 0; left -= 1) {
      const event = timers.takeDue()
      const time = event ?? (timers.watermark === MAX_WATERMARK ? timers.takeProcessing() : undefined)
      if (time === undefined) return undefined
      this.#fire(time, event === undefined ? 'processing' : 'event', key)
      const pausing = this.#worked(1)
      if (pausing !== undefined) return pausing.then(() => this.#fireTimers(key, left - 1))
    }
    throw endlessTimers(this.name, key)
  }

  #fire(time: number, domain: 'event' | 'processing', key: Key): void {
    try {
      this.#operator.onTimer?.(time, domain, key, this.#options.output)
    } catch (error) {
      throw this.#thrown(error)
    }
  }

  /** Passes output on and lets others in, each after some work. */
  #worked(records: number): Pending {
    this.#work += records
    if (this.#work < BATCH_RECORDS) return undefined
    this.#work = 0
    const flushing = this.#options.output.flush()
    if (this.#options.environment.clock.monotonic() - this.#turnAt < SLICE_MS) return flushing
    return flushing === undefined ? this.#letIn() : flushing.then(() => this.#letIn())
  }

  async #letIn(): Promise<void> {
    const { environment, proceed } = this.#options
    // Nobody hears of it: the task is over.
    if (!(await proceed())) throw new MillraceError('TASK_FAILED', { reason: 'it was ended' })
    this.#turnAt = environment.clock.monotonic()
  }

  async #afterwards(working: Promise<void>, records: number): Promise<void> {
    try {
      await working
    } catch (error) {
      throw this.#thrown(error)
    }
    await this.#worked(records)
  }

  #thrown(error: unknown): unknown {
    return atNode(this.name, 'operator', error)
  }

  #late(checkpoint: number): MillraceError {
    return new MillraceError('RESTORE_MODE', {
      checkpoint,
      was: 'batch',
      now: 'batch',
      reason: `node "${this.name}" kept no state when that run ended, and now gets records that came since`,
    })
  }
}
