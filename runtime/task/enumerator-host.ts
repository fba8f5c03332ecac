// EnumeratorHost: runs a source's enumerator beside the source's subtask 0.
//
// Owns: the enumerator, its state and the queue of calls to it. Does not own: the way its messages travel (the main thread
// routes them); the readers.
//
// I1. Calls never overlap and run in the order asked.
// I2. Its snapshot and the freeze of its state are one call: what was assigned before was posted before the answer, so it is in
//     the readers' part of the same checkpoint; what is assigned later is in neither: it is held until the barrier is on its way, which other
//     enumerators may keep waiting.
// I3. After a throw nothing more is called but close.
// I4. start() is the first call: what restored readers send while others are still being opened waits for it.

import type {
  EnumeratorContext,
  SourceFunction,
  SourceSplit,
  SplitEnumerator,
} from '../../src/contract/source-function.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'
import type { NodeSnapshot } from '../checkpoint/snapshot.ts'
import type { KeyedBackend } from '../state/keyed-backend.ts'
import { atNode } from './failure.ts'
import { decode, encode } from './msgpack.ts'
import type { NodeMeter } from './node-meter.ts'
import { keyedPart } from './operator-node.ts'
import { nodeContext, type TaskEnvironment, workFolder } from './task-environment.ts'
import type { EnumeratorMessage } from './task-port.ts'

type EnumeratorSnapshot = NonNullable<NodeSnapshot['enumerator']>

/** The enumerator's part of a checkpoint. */
export interface EnumeratorPart {
  encodeSlice(budgetMs: number): boolean
  finish(folder: string): Promise<EnumeratorSnapshot>
  abandon(): void
}

/** Messages to readers, in order. */
class Outbox {
  readonly #post: (to: number, body: EnumeratorMessage['body']) => void
  #held: { readonly to: number; readonly body: EnumeratorMessage['body'] }[] | undefined

  constructor(post: (to: number, body: EnumeratorMessage['body']) => void) {
    this.#post = post
  }

  send(to: number, body: EnumeratorMessage['body']): void {
    if (this.#held === undefined) this.#post(to, body)
    else this.#held.push({ to, body })
  }

  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const { to, body } of held) this.#post(to, body)
  }
}

/** One enumerator and its calls. */
export class EnumeratorHost {
  readonly #node: string
  readonly #backend: KeyedBackend
  readonly #enumerator: SplitEnumerator
  readonly #outbox: Outbox
  readonly #failed: (error: unknown) => void
  /** The snapshot taken last. Abandoning it when it has ended does nothing. */
  #latest: { readonly checkpoint: number; readonly part: EnumeratorPart } | undefined
  /** No barrier of it or an earlier one is to come. */
  #passed = -1
  readonly #begun: Deferred = deferred()
  #calls: Promise<void> = this.#begun.promise
  #broken = false

  private constructor(options: {
    readonly node: string
    readonly backend: KeyedBackend
    readonly enumerator: SplitEnumerator
    readonly outbox: Outbox
    readonly failed: (error: unknown) => void
  }) {
    this.#node = options.node
    this.#backend = options.backend
    this.#enumerator = options.enumerator
    this.#outbox = options.outbox
    this.#failed = options.failed
    void this.#enqueue(() => this.#enumerator.start())
  }

  /** Makes the enumerator with its restored state; start() is not called yet. `failed` hears what it throws. */
  static async open(
    node: string,
    source: SourceFunction<unknown>,
    meter: NodeMeter,
    { environment, failed }: { readonly environment: TaskEnvironment; readonly failed: (error: unknown) => void },
  ): Promise<EnumeratorHost> {
    const restore = environment.restoreOf(node)
    const backend = environment.openBackend({
      node,
      subtask: 0,
      keyGroups: environment.keyGroups,
      range: { start: 0, end: environment.keyGroups },
      workFolder: workFolder(environment, node, 'enumerator'),
      cacheBytes: Number.POSITIVE_INFINITY,
      loadAll: true,
      now: () => environment.clock.now(),
    })
    const handle = restore?.enumerator?.state
    await backend.open(handle === undefined ? [] : [{ folder: restore?.folder ?? '', handle }])
    const outbox = new Outbox((to, body) => environment.listener.enumerator({ node, to, from: 'enumerator', body }))
    const context: EnumeratorContext<SourceSplit> = {
      ...nodeContext(environment, node, meter),
      assign: (subtask, splits) => outbox.send(subtask, { type: 'assign', splits }),
      noMoreSplits: (subtask) => outbox.send(subtask, { type: 'no-more-splits' }),
      send: (subtask, event) => outbox.send(subtask, { type: 'event', event }),
      requestCheckpoint: () => environment.listener.requestCheckpoint(),
      state: backend,
      restored: restore?.enumerator === undefined ? undefined : decode(restore.enumerator.small),
      rewound: environment.rewind === true,
      reportProgress: (progress) => {
        meter.enumeratorProgress = progress
      },
    }
    const enumerator = source.createEnumerator(context)
    return new EnumeratorHost({ node, backend, enumerator, outbox, failed })
  }

  start(): void {
    this.#begun.resolve()
  }

  /** A reader's message. */
  receive({ from, body }: EnumeratorMessage): void {
    const subtask = Number(from)
    if (body.type === 'request-split') void this.#enqueue(() => this.#enumerator.onSplitRequest(subtask))
    if (body.type === 'event') void this.#enqueue(() => this.#enumerator.onReaderEvent?.(subtask, body.event))
  }

  /** Resolves when the snapshot is taken, in its turn (I2). Gives up the one before, if that has not ended. */
  snapshot(checkpoint: number): Promise<void> {
    return this.#enqueue(() => {
      this.#latest?.part.abandon()
      // Of an earlier checkpoint: what was assigned before this snapshot is in the readers' part.
      this.#outbox.release()
      const small = encode(this.#enumerator.snapshot(checkpoint))
      const folder = `${this.#node}-enumerator`
      const part = keyedPart(this.#backend.freeze(), folder, (state) => ({ small, state }))
      this.#latest = { checkpoint, part }
      if (checkpoint > this.#passed) this.#outbox.hold()
    })
  }

  /** The barrier is on its way to all readers, or there will be none. */
  triggered(checkpoint: number): void {
    this.#passed = Math.max(this.#passed, checkpoint)
    if ((this.#latest?.checkpoint ?? 0) <= checkpoint) this.#outbox.release()
  }

  /** The part of a checkpoint; undefined if there was no snapshot for it. */
  partOf(checkpoint: number): EnumeratorPart | undefined {
    return this.#latest?.checkpoint === checkpoint ? this.#latest.part : undefined
  }

  complete(checkpoint: number): void {
    void this.#enqueue(() => this.#enumerator.checkpointComplete?.(checkpoint))
  }

  abort(checkpoint: number): void {
    this.partOf(checkpoint)?.abandon()
  }

  async close(): Promise<void> {
    this.#broken = true
    try {
      await this.#enumerator.close?.()
    } finally {
      await this.#backend.close()
    }
  }

  #enqueue(call: () => void | Promise<void>): Promise<void> {
    this.#calls = this.#calls.then(async () => {
      if (this.#broken) return
      try {
        await call()
      } catch (error) {
        this.#broken = true
        this.#failed(atNode(this.#node, 'source', error))
      }
    })
    return this.#calls
  }
}
