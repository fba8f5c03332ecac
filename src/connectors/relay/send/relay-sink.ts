// relaySink: records into a queue on disk, and from there, exactly once and in order, to every target.
//
// Owns: the life of the queue and of the targets. Does not own: either's work (outbox, target).
//
// I1. What a complete checkpoint holds, and nothing else, is sent: commit() publishes, a restore publishes what it restores.
// I2. After a refusal that no waiting mends, every call throws it.

import { join } from 'node:path'
import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { type AppendPrepared, AppendSinkFunction } from '../../../contract/sink-function.ts'
import { present } from '../../../util/assert.ts'
import { type Deferred, deferred } from '../../../util/deferred.ts'
import { dialCredentials } from '../line/credentials.ts'
import { parseSinkOptions, type RelaySinkOptions, type RelaySinkSettings } from './options.ts'
import { Outbox } from './outbox.ts'
import { SenderGauges } from './sender-gauges.ts'
import type { SenderState, StreamPosition } from './sender-identity.ts'
import { type Compress, loadCompress } from './snappy.ts'
import { Target } from './target.ts'

const GAUGES_EVERY_MS = 1000

/**
 * A sink that brings records to relaySource at other sites, over lines that may fail for hours: exactly once, in the order of each stream.
 * Runs at parallelism 1. Throws CONNECTOR_OPTION.
 */
export function relaySink<T>(options: RelaySinkOptions<T>): RelaySink<T> {
  return new RelaySink(parseSinkOptions(options))
}

/** See relaySink(). */
export class RelaySink<T> extends AppendSinkFunction<T> {
  override readonly parallelism = 1
  /** What was sent cannot be taken back. */
  override readonly rewindable = false
  readonly #settings: RelaySinkSettings<T>
  #context: RuntimeContext | undefined
  #compress: Compress | undefined
  #outbox: Outbox<T> | undefined
  #targets: Target<T>[] = []
  #gauges: SenderGauges | undefined
  #cancelGauges: (() => void) | undefined
  #progress: Deferred | undefined
  #closed = false
  /** The calls under way. */
  #working: Promise<void> = Promise.resolve()

  constructor(settings: RelaySinkSettings<T>) {
    super()
    this.#settings = settings
  }

  override async open(context: RuntimeContext): Promise<void> {
    this.#context = context
    // What is not there now is said now, by option; later it is waited for.
    for (const target of this.#settings.targets) dialCredentials(target)
    const { compression } = this.#settings
    this.#compress = compression === 'none' ? undefined : await loadCompress()
    if (compression === 'snappy' && this.#compress === undefined)
      context.logger.warn('the package snappy is not installed (npm i snappy): batches go plain')
  }

  restore(states: readonly unknown[], checkpoint: number | undefined, rewound = false): Promise<void> {
    return this.#track(this.#restore(states, { checkpoint, rewound }))
  }

  write(records: readonly T[]): void | Promise<void> {
    const writing = this.#queue.write(records)
    return writing === undefined ? undefined : this.#track(writing)
  }

  prepare(): Promise<AppendPrepared> {
    return this.#track(this.#prepare())
  }

  async commit(committable: unknown): Promise<void> {
    await this.#track(this.#queue.commit(committable as readonly StreamPosition[]))
  }

  /** Resolves when every target has everything. Throws RELAY_REFUSED, and what the queue throws. */
  override async drained(): Promise<void> {
    if (!this.#queue.isDrained)
      this.#context?.logger.info('the input has ended; what targets do not have is still sent')
    while (!this.#closed && !this.#queue.isDrained) {
      if (this.#queue.failure !== undefined) throw this.#queue.failure
      this.#progress ??= deferred()
      await this.#progress.promise
    }
    if (this.#closed) return
    await this.#track(this.#note(this.#targets))
    this.#gauges?.set()
  }

  /** May come while a call is under way: it is waited for, so that nothing of this life touches the queue of the next one. */
  override async close(): Promise<void> {
    this.#closed = true
    this.#progressed()
    this.#outbox?.interrupt()
    await this.#working
    this.#cancelGauges?.()
    const targets = this.#targets
    this.#targets = []
    await Promise.all(targets.map((target) => target.close()))
    try {
      await this.#note(targets)
    } finally {
      await this.#outbox?.close()
    }
  }

  async #restore(
    states: readonly unknown[],
    origin: { readonly checkpoint: number | undefined; readonly rewound: boolean },
  ): Promise<void> {
    const context = present(this.#context, 'the context')
    this.#outbox = await Outbox.open<T>(
      {
        folder: join(context.directory, 'relay'),
        node: context.node,
        settings: this.#settings,
        now: () => context.clock.now(),
        warn: (message, fields) => context.logger.warn(message, fields),
        changed: () => {
          for (const target of this.#targets) target.wake()
          this.#progressed()
        },
      },
      states[0] as SenderState | undefined,
      origin,
    )
    for (const [index, target] of this.#settings.targets.entries())
      this.#targets.push(await this.#start(context, this.#outbox, { index, target }))
    this.#gauges = new SenderGauges(context, this.#targets)
    this.#setGauges(context)
  }

  async #prepare(): Promise<AppendPrepared> {
    const prepared = await this.#queue.prepare()
    await this.#note(this.#targets)
    return prepared
  }

  async #note(targets: readonly Target<T>[]): Promise<void> {
    for (const target of targets) await target.note()
  }

  #track<R>(work: Promise<R>): Promise<R> {
    // What they gave is let go, or it would be kept call by call.
    this.#working = Promise.allSettled([this.#working, work]).then(() => {})
    return work
  }

  get #queue(): Outbox<T> {
    return present(this.#outbox, 'the queue, opened by restore(),')
  }

  #start(
    context: RuntimeContext,
    outbox: Outbox<T>,
    { index, target }: { readonly index: number; readonly target: RelaySinkSettings<T>['targets'][number] },
  ): Promise<Target<T>> {
    return Target.start({
      index,
      target,
      settings: this.#settings,
      context,
      outbox,
      sender: `${this.#settings.site}/${context.job}/${context.node}`,
      compress: this.#compress,
      random: Math.random,
      progressed: () => this.#progressed(),
    })
  }

  #progressed(): void {
    this.#progress?.resolve()
    this.#progress = undefined
  }

  #setGauges(context: RuntimeContext): void {
    this.#gauges?.set()
    this.#cancelGauges = context.clock.schedule(GAUGES_EVERY_MS, () => this.#setGauges(context))
  }
}
