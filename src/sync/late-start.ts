// A source that begins when something else has: its enumerator starts late, its readers remind it to look.
//
// I1. Until then checkpoints hold nothing of the enumerator: a job restored from one begins afresh, and waits again.
// I2. Nothing happens outside the machine's calls: a look is a reader's message.

import type { Logger } from '../contract/runtime-context.ts'
import type { ReaderContext, SplitEnumerator } from '../contract/source-function.ts'
import { deferred } from '../util/deferred.ts'

const LOOK = { type: 'look' } as const
const LOOK_MS = 500

/** What is waited for. */
export interface Condition {
  readonly isMet: () => Promise<boolean>
  /** Completes "waits for". */
  readonly text: string
}

/** An enumerator that starts once the condition is met. */
export class LateStart implements SplitEnumerator {
  readonly #inner: SplitEnumerator
  readonly #condition: Condition
  readonly #logger: Logger
  readonly #requests = new Set<number>()
  #started = false

  constructor(inner: SplitEnumerator, condition: Condition, logger: Logger) {
    this.#inner = inner
    this.#condition = condition
    this.#logger = logger
  }

  async start(): Promise<void> {
    await this.#look()
    if (!this.#started) this.#logger.info(`waits for ${this.#condition.text}`)
  }

  async onSplitRequest(subtask: number): Promise<void> {
    if (this.#started) await this.#inner.onSplitRequest(subtask)
    else this.#requests.add(subtask)
  }

  async onReaderEvent(subtask: number, event: unknown): Promise<void> {
    if ((event as { readonly type?: unknown }).type !== LOOK.type) await this.#inner.onReaderEvent?.(subtask, event)
    else if (!this.#started) await this.#look()
  }

  snapshot(checkpoint: number): unknown {
    return this.#started ? this.#inner.snapshot(checkpoint) : undefined
  }

  async checkpointComplete(checkpoint: number): Promise<void> {
    if (this.#started) await this.#inner.checkpointComplete?.(checkpoint)
  }

  async close(): Promise<void> {
    await this.#inner.close?.()
  }

  async #look(): Promise<void> {
    if (!(await this.#condition.isMet())) return
    this.#started = true
    await this.#inner.start()
    for (const subtask of this.#requests) await this.#inner.onSplitRequest(subtask)
    this.#requests.clear()
  }
}

/** A reader's part: it reminds the enumerator until it is given splits, or told that there are none. */
export class Reminder {
  readonly #context: ReaderContext
  #nextMs: number

  constructor(context: ReaderContext) {
    this.#context = context
    this.#nextMs = context.clock.monotonic() + LOOK_MS
  }

  done(): void {
    this.#nextMs = Number.POSITIVE_INFINITY
  }

  /** In each poll. */
  remind(): void {
    const now = this.#context.clock.monotonic()
    if (now < this.#nextMs) return
    this.#nextMs = now + LOOK_MS
    this.#context.sendToEnumerator(LOOK)
  }

  /** Resolves with what the reader waits for, or when it is time to remind. */
  async orElse(available: Promise<void>): Promise<void> {
    if (this.#nextMs === Number.POSITIVE_INFINITY) return available
    const time = deferred()
    const delayMs = Math.max(0, this.#nextMs - this.#context.clock.monotonic())
    const cancel = this.#context.clock.schedule(delayMs, time.resolve)
    await Promise.race([available, time.promise])
    cancel()
  }
}
