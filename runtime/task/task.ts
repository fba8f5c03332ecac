// Task: one subtask of one chain: a loop that reads, drives the chain, and answers its mailbox.
//
// Owns: the loop, the mailbox, the task's life (opened, running, cancelled, closed).
// Does not own: alignment (input-gate), operators (operator-chain), what happens after a freeze (task-snapshots).
//
// I1. One thing at a time: a mail, a batch, a control element, timers; outside events only post.
// I2. At a barrier: nodes finish their epoch and are frozen in order, then the barrier goes out on every edge, then records go on.
// I3. A task never ends by itself: after the end of its input it goes on passing barriers until it is cancelled.
// I4. After the first failure nothing is driven any more; it is reported once; cancel() still closes every node.
// I5. The loop lets the event loop turn at least every SLICE_MS of work, batches of user code that take longer excepted.

import { type Barrier, type Element, END_OF_INPUT, MAX_WATERMARK } from '../../src/record/element.ts'
import type { Clock } from '../../src/util/clock.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Pending } from '../channel/channel.ts'
import type { NodeMetrics } from '../metrics/node-metrics.ts'
import { failureOf } from './failure.ts'
import type { InputGate } from './input-gate.ts'
import type { Mail, Mailbox } from './mailbox.ts'
import type { OperatorChain } from './operator-chain.ts'
import type { SourceNode } from './source-node.ts'
import type { TaskEnvironment } from './task-environment.ts'
import { nodeMetrics } from './task-metrics.ts'
import type { EnumeratorMessage } from './task-port.ts'
import { TaskSnapshots } from './task-snapshots.ts'
import type { TimeShares } from './time-shares.ts'

/** The longest the loop works without letting messages in; also the longest a record waits to fill a batch. */
const SLICE_MS = 4
/** Encoding of a snapshot between batches gets half as long as the work since the last slice took, within these. */
const ENCODE_MS_MIN = 1
const ENCODE_MS_MAX = 20
/** How long a cancelled loop may take to notice before its nodes are closed under it. */
const LEAVE_GRACE_MS = 200
/** A close that takes longer is left to itself. */
const CLOSE_TIMEOUT_MS = 5000

/** Built by buildTask. */
export class Task {
  readonly #environment: TaskEnvironment
  readonly #clock: Clock
  readonly #chain: OperatorChain
  readonly #gate: InputGate | undefined
  readonly #mailbox: Mailbox
  readonly #shares: TimeShares
  readonly #snapshots: TaskSnapshots
  /** By alignment group: what the source has not been told yet. */
  readonly #slowest = new Map<string, number>()
  #loop: Promise<void> = Promise.resolve()
  #opening: Promise<void> = Promise.resolve()
  #cancelled = false
  #failed = false
  #ended = false
  #sliceStart = 0
  #encodedAt = 0

  constructor(options: {
    readonly environment: TaskEnvironment
    readonly chain: OperatorChain
    /** Undefined for a source. */
    readonly gate: InputGate | undefined
    readonly mailbox: Mailbox
    readonly shares: TimeShares
  }) {
    this.#environment = options.environment
    this.#clock = options.environment.clock
    this.#chain = options.chain
    this.#gate = options.gate
    this.#mailbox = options.mailbox
    this.#shares = options.shares
    this.#snapshots = new TaskSnapshots(options.environment, {
      stateBytes: () => options.chain.nodes.reduce((sum, node) => sum + node.stateBytes, 0),
      wake: () => options.mailbox.wake(),
    })
  }

  /** Opens and restores every node. After a failure cancel() closes what was opened. */
  open(): Promise<void> {
    const opening = this.#chain.open()
    this.#opening = opening.catch(() => {})
    return opening
  }

  start(): void {
    this.#chain.source?.start()
    this.#loop = this.#run().catch((error: unknown) => this.fail(error))
  }

  /** Resolves when the enumerator hosted here, if any, has taken its snapshot. */
  async snapshotEnumerator(checkpoint: number): Promise<void> {
    await this.#chain.source?.enumerator?.snapshot(checkpoint)
  }

  get hostsEnumerator(): boolean {
    return this.#chain.source?.enumerator !== undefined
  }

  /** For sources: emit the barrier. Other tasks get it through their channels. */
  trigger(barrier: Barrier): void {
    const { source } = this.#chain
    if (source === undefined) return
    this.#post(async () => {
      if (barrier.final) source.pauseFor(barrier.id)
      await this.#barrier(barrier, 0)
    })
    source.enumerator?.triggered(barrier.id)
  }

  /** `kept`: it can be restored. Of another one only enumerators hear. */
  complete(checkpoint: number, kept: boolean): void {
    if (!kept) {
      this.#chain.source?.enumerator?.complete(checkpoint)
      return this.#environment.listener.committed(checkpoint)
    }
    this.#post(async () => {
      await this.#chain.complete(checkpoint)
      // Not awaited: commits of epochs go on beside the stream.
      this.#chain.committed().then(
        () => this.#environment.listener.committed(checkpoint),
        (error: unknown) => this.fail(error),
      )
    })
  }

  /** After the last commit of a run whose input ended. Beside the loop, which cancel() must not wait for. Whether it went well. */
  async drained(): Promise<boolean> {
    try {
      await this.#chain.drained()
    } catch (error) {
      this.fail(error)
    }
    return !this.#over
  }

  abort(checkpoint: number): void {
    // At once: a loop that has ended reads no mail.
    this.#chain.source?.enumerator?.triggered(checkpoint)
    this.#post(() => {
      this.#gate?.abort(checkpoint)
      this.#snapshots.abort(checkpoint)
      this.#chain.source?.abort(checkpoint)
      return undefined
    })
  }

  /** A message to the reader or the enumerator hosted here. */
  receive(message: EnumeratorMessage): void {
    const { source } = this.#chain
    // Readers of other subtasks may be open, and report what they restored, before the enumerator here is there.
    if (message.to === 'enumerator') void this.#opening.then(() => source?.enumerator?.receive(message))
    else this.#post(() => source?.receive(message))
  }

  /** How far the slowest sources of alignment groups have come. */
  align(groups: readonly { readonly group: string; readonly least: number }[]): void {
    const { source } = this.#chain
    if (source === undefined) return
    // Only the latest counts: one mail, however often this is told while the source is held up.
    const posted = this.#slowest.size > 0
    for (const { group, least } of groups) this.#slowest.set(group, least)
    if (posted) return
    this.#post(() => {
      for (const [group, least] of this.#slowest) source.align(group, least)
      this.#slowest.clear()
      return undefined
    })
  }

  /** Reports the first failure and drives nothing more. */
  fail(error: unknown): void {
    if (this.#failed || this.#cancelled) return
    this.#failed = true
    this.#mailbox.wake()
    const { subtask, listener } = this.#environment
    listener.failed(failureOf(error, { node: undefined, subtask }))
  }

  metrics(): NodeMetrics[] {
    return nodeMetrics(this.#chain, this.#environment.subtask, this.#shares.take())
  }

  /** Ends the loop and closes every node, whatever it is doing. Never rejects; what close() throws is logged. */
  async cancel(): Promise<void> {
    this.#cancelled = true
    this.#gate?.close()
    for (const edge of this.#chain.edges) edge.close()
    this.#mailbox.wake()
    // What is still being opened would come open after its close.
    await this.#within(this.#opening, CLOSE_TIMEOUT_MS)
    await this.#within(this.#loop, LEAVE_GRACE_MS)
    await Promise.all(this.#chain.nodes.map((node) => this.#close(node.name, node.close())))
    await this.#within(this.#snapshots.settle() ?? this.#loop, LEAVE_GRACE_MS)
  }

  get #over(): boolean {
    return this.#cancelled || this.#failed
  }

  #post(mail: Mail): void {
    if (!this.#over) this.#mailbox.post(mail)
  }

  async #run(): Promise<void> {
    this.#sliceStart = this.#clock.monotonic()
    this.#encodedAt = this.#sliceStart
    this.#shares.become('busy')
    while (!this.#over) {
      while (!this.#mailbox.empty) await this.#mailbox.take()?.()
      if (this.#over) return
      const step = this.#step()
      const worked = typeof step === 'boolean' ? step : await step
      const beside = this.#beside()
      if (beside !== undefined) await beside
      if (!worked) await this.#idle()
      // Also after idling: a source whose available() never waits must not keep messages out.
      if (this.#clock.monotonic() - this.#sliceStart >= SLICE_MS) await this.breathe()
    }
  }

  /** Reads and handles one element or polls the source once; false if there was nothing. */
  #step(): boolean | Promise<boolean> {
    const { source } = this.#chain
    if (source !== undefined) return this.#stepSource(source)
    const gate = this.#gate
    const element = gate?.next()
    if (gate === undefined || element === undefined) return false
    if (element.kind !== 'batch') return this.#control(element).then(() => true)
    if (this.#chain.prefetches) {
      const ahead = gate.peek()
      if (ahead !== undefined) this.#chain.prefetchAhead(ahead)
    }
    const pending = this.#chain.push(element, gate.lastInput)
    return pending === undefined ? true : pending.then(() => true)
  }

  #stepSource(source: SourceNode): boolean | Promise<boolean> {
    const step = source.step()
    if (step === 'worked') return true
    if (step === 'idle') return false
    if (step === 'end') return this.#endSource()
    return step.then((late) => (late === 'end' ? this.#endSource() : late === 'worked'))
  }

  async #endSource(): Promise<boolean> {
    await this.#control({ kind: 'watermark', timestamp: MAX_WATERMARK })
    await this.#control(END_OF_INPUT)
    return true
  }

  async #control(element: Exclude<Element, { kind: 'batch' }>): Promise<void> {
    if (element.kind === 'watermark') await this.#chain.watermark(element)
    else if (element.kind === 'status') await this.#chain.status(element)
    else if (element.kind === 'barrier') await this.#barrier(element, this.#gate?.alignMs ?? 0)
    else await this.#end()
  }

  async #end(): Promise<void> {
    this.#ended = true
    await this.#chain.endOfInput(END_OF_INPUT)
    this.#environment.listener.drained()
  }

  async #barrier(barrier: Barrier, alignMs: number): Promise<void> {
    await this.#snapshots.settle()
    const startedAt = this.#clock.monotonic()
    const parts = await this.#chain.freeze(barrier.id)
    const sent = this.#chain.sendBarrier(barrier)
    this.#snapshots.begin(barrier.id, parts, { alignMs, pauseMs: this.#clock.monotonic() - startedAt })
    await sent
    if (this.#chain.source !== undefined) failpoint('source.barrier.after')
  }

  /** What is due between two batches: timers, results that came later, a slice of the snapshot. */
  #beside(): Pending {
    if (this.#snapshots.encoding) this.#encode()
    const next = this.#ended ? undefined : this.#chain.nextTimer()
    if (next === undefined || next > this.#clock.now()) return this.#chain.drain()
    return this.#fireTimers()
  }

  async #fireTimers(): Promise<void> {
    await this.#chain.fireTimers(this.#clock.now())
    await this.#chain.drain()
  }

  #encode(): void {
    const workedMs = this.#clock.monotonic() - this.#encodedAt
    this.#snapshots.slice(Math.min(ENCODE_MS_MAX, Math.max(ENCODE_MS_MIN, workedMs / 2)))
    this.#encodedAt = this.#clock.monotonic()
  }

  /** Passes on what waits to fill a batch and lets the event loop turn. */
  async breathe(): Promise<void> {
    await this.#chain.flushEdges()
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.#sliceStart = this.#clock.monotonic()
  }

  /** In the middle of a long call of a node: as between two batches, but for the mailbox. False when the task is over. */
  async proceed(): Promise<boolean> {
    await this.breathe()
    await this.#chain.drain()
    return !this.#over
  }

  /** Nothing to read: goes on encoding if there is a snapshot, else sleeps until something is posted or due. */
  async #idle(): Promise<void> {
    await this.#chain.flushEdges()
    if (this.#snapshots.encoding) return this.breathe()
    const sleep = this.#mailbox.sleep()
    if (sleep === undefined) return
    const next = this.#ended ? undefined : this.#chain.nextTimer()
    const cancelAlarm = next === undefined ? undefined : this.#alarm(next)
    this.#shares.become('idle')
    await sleep
    this.#shares.become('busy')
    cancelAlarm?.()
  }

  #alarm(at: number): () => void {
    const delayMs = Math.min(Math.max(0, at - this.#clock.now()), 2 ** 31 - 1)
    return this.#clock.schedule(delayMs, () => this.#mailbox.wake())
  }

  async #close(node: string, closing: Promise<void>): Promise<void> {
    const { listener, subtask } = this.#environment
    const warn = (reason: string): void =>
      listener.log('warn', 'close() of a node went wrong', { node, subtask, reason })
    const caught = closing.catch((error: unknown) => warn(failureOf(error, { node, subtask }).message))
    if (!(await this.#within(caught, CLOSE_TIMEOUT_MS))) warn(`it took longer than ${CLOSE_TIMEOUT_MS} ms`)
  }

  /** Waits for the promise, but not for ever; whether it settled. */
  async #within(promise: Promise<void>, timeoutMs: number): Promise<boolean> {
    let cancelTimer: (() => void) | undefined
    const timeout = new Promise<boolean>((resolve) => {
      cancelTimer = this.#clock.schedule(timeoutMs, () => resolve(false))
    })
    const settled = promise.then(
      () => true,
      () => true,
    )
    const result = await Promise.race([settled, timeout])
    cancelTimer?.()
    return result
  }
}
