// A machine for one source, in one thread and driven by a seed: messages are late, checkpoints fail, the process dies,
// comes back with other parallelism; a strict sink applies what comes out.

import type { KeyedContext } from '../../../../src/contract/keyed-context.ts'
import type {
  EnumeratorContext,
  SourceFunction,
  SourceReader,
  SourceSplit,
  SplitEnumerator,
} from '../../../../src/contract/source-function.ts'
import type { Clock } from '../../../../src/util/clock.ts'
import { canonicalKey, type Key } from '../../../../src/util/key-group.ts'
import type { Rng } from '../../../../src/util/rng.ts'

/** What the sink does with records; throws if they cannot be. What snapshot() gives is never changed later. */
export interface StrictSink<T> {
  apply(record: T): void
  snapshot(): unknown
  restore(state: unknown): void
}

interface Stored<S> {
  readonly small: unknown
  readonly state: Map<string, unknown>
  readonly splits: readonly S[]
  readonly sink: unknown
}

type StepKind = 'tell' | 'hear' | 'poll' | 'deliver' | 'checkpoint'

type Letter = () => void | Promise<void>

interface ReaderSlot<T, S extends SourceSplit> {
  readonly reader: SourceReader<T, S>
  /** From the enumerator, in order. */
  readonly inbox: Letter[]
  /** Emitted in the present epoch, not yet at the sink. */
  readonly output: T[]
  /** Emitted behind this reader's barrier. */
  readonly behind: T[]
  splits: readonly S[] | undefined
  /** Messages still to be delivered before the barrier of the checkpoint under way; later ones wait for it. */
  untilBarrier: number
  /** Its way to the sink is so slow that nothing arrives before a barrier pushes it. */
  readonly slow: boolean
  ended: boolean
}

export interface SimulationOptions<T, S extends SourceSplit> {
  readonly rng: Rng
  readonly makeSource: () => SourceFunction<T, S>
  readonly sink: StrictSink<T>
  readonly mode?: 'stream' | 'batch'
  readonly pollRecords: number
  /** RuntimeContext.directory; needed by sources that write there. */
  readonly directory?: string
}

const copy = <V>(value: V): V => structuredClone(value)

export class SourceSimulation<T, S extends SourceSplit> {
  readonly #options: SimulationOptions<T, S>
  readonly #rng: Rng
  /** How often each kind of step is taken; drawn from the seed, so that some runs starve what others hurry. */
  readonly #pace: Readonly<Record<StepKind, number>>
  #enumerator!: SplitEnumerator
  #slots: ReaderSlot<T, S>[] = []
  #toEnumerator: (() => void | Promise<void>)[] = []
  #state = new Map<string, unknown>()
  /** Complete checkpoints, the latest last. */
  readonly #stored: Stored<S>[] = []
  /** The job went back, and no checkpoint was complete since. */
  #rewound = false
  #pending: { readonly id: number; readonly small: unknown; readonly state: Map<string, unknown> } | undefined
  #nextCheckpoint = 1
  #now = 0
  crashes = 0
  checkpoints = 0

  constructor(options: SimulationOptions<T, S>) {
    this.#options = options
    this.#rng = options.rng
    const upTo = (most: number): number => 1 + this.#rng.int(most)
    this.#pace = { tell: upTo(20), hear: upTo(20), poll: upTo(20), deliver: upTo(10), checkpoint: upTo(10) }
  }

  get ended(): boolean {
    return this.#slots.every((slot) => slot.ended && slot.output.length === 0 && slot.behind.length === 0)
  }

  /** Entries of the enumerator's keyed state. */
  get stateEntries(): number {
    return this.#state.size
  }

  get splits(): readonly S[] {
    return this.#slots.flatMap((slot) => slot.reader.snapshot(-1))
  }

  async start(parallelism: number): Promise<void> {
    const stored = this.#stored.at(-1)
    this.#toEnumerator = []
    this.#pending = undefined
    this.#state = new Map(stored?.state)
    const source = this.#options.makeSource()
    this.#slots = Array.from({ length: parallelism }, (_, subtask) => this.#slot(source, subtask, parallelism))
    this.#enumerator = source.createEnumerator(this.#enumeratorContext(parallelism, copy(stored?.small)))
    await this.#enumerator.start()
    for (const [subtask, slot] of this.#slots.entries()) {
      await slot.reader.open?.()
      const mine = (stored?.splits ?? []).filter((_, index) => index % parallelism === subtask)
      // As the machine: a reader that was given its splits back asks for more itself.
      if (mine.length > 0) await slot.reader.addSplits(copy(mine))
      else this.#post(() => this.#enumerator.onSplitRequest(subtask))
    }
  }

  /** Dies, and comes back from the last complete checkpoint. */
  async crash(parallelism: number, empty: unknown): Promise<void> {
    this.crashes += 1
    await this.close()
    this.#options.sink.restore(this.#stored.at(-1)?.sink ?? empty)
    await this.start(parallelism)
  }

  /** Goes back behind so many complete checkpoints, which are gone then, and tells the source so. */
  async goBack(checkpoints: number, parallelism: number): Promise<void> {
    const gone = Math.min(checkpoints, this.#stored.length - 1)
    if (gone < 1) return
    await this.close()
    this.#stored.splice(-gone)
    this.#rewound = true
    this.#options.sink.restore(this.#stored.at(-1)?.sink)
    await this.start(parallelism)
  }

  async close(): Promise<void> {
    for (const slot of this.#slots) await slot.reader.close?.()
    await this.#enumerator.close?.()
  }

  /** One thing happens, chosen by the seed. */
  async step(): Promise<void> {
    this.#now += 1
    const slot = this.#slots[this.#rng.int(this.#slots.length)] as ReaderSlot<T, S>
    const kind = this.#chooseKind()
    if (kind === 'tell') await this.#toEnumerator.shift()?.()
    else if (kind === 'hear') await this.#hear(slot)
    else if (kind === 'poll') await this.#poll(slot)
    else if (kind === 'deliver') this.#deliver(slot, slot.slow ? 0 : 1 + this.#rng.int(20))
    else await this.#checkpointStep(slot)
  }

  #chooseKind(): StepKind {
    let at = this.#rng.int(Object.values(this.#pace).reduce((sum, weight) => sum + weight, 0))
    for (const [kind, weight] of Object.entries(this.#pace)) {
      if (at < weight) return kind as StepKind
      at -= weight
    }
    return 'poll'
  }

  async #checkpointStep(slot: ReaderSlot<T, S>): Promise<void> {
    // A machine that does nothing but checkpoints would drown the enumerator in news of them.
    if (this.#pending === undefined && this.#toEnumerator.length < 20) this.#beginCheckpoint()
    else if (this.#pending === undefined) return
    else if (slot.splits === undefined) await this.#barrier(slot, this.#pending.id)
    else if (this.#rng.int(20) === 0) this.#abort()
    else await this.#finishCheckpoint()
  }

  #slot(source: SourceFunction<T, S>, subtask: number, parallelism: number): ReaderSlot<T, S> {
    const reader = source.createReader({
      ...this.#runtime(subtask, parallelism),
      requestSplit: () => this.#post(() => this.#enumerator.onSplitRequest(subtask)),
      sendToEnumerator: (event) => this.#post(() => this.#enumerator.onReaderEvent?.(subtask, copy(event))),
      reportProgress: () => {},
      splitFinished: () => {},
    })
    return {
      reader,
      inbox: [],
      output: [],
      behind: [],
      splits: undefined,
      untilBarrier: 0,
      slow: this.#rng.int(3) === 0,
      ended: false,
    }
  }

  #post(call: () => void | Promise<void>): void {
    this.#toEnumerator.push(call)
  }

  async #poll(slot: ReaderSlot<T, S>): Promise<void> {
    if (slot.ended) return
    const polled = await slot.reader.poll(this.#options.pollRecords)
    if (polled === 'end') slot.ended = true
    else if (polled !== 'idle') (slot.splits === undefined ? slot.output : slot.behind).push(...polled.values)
  }

  #deliver(slot: ReaderSlot<T, S>, records: number): void {
    for (const record of slot.output.splice(0, records)) this.#options.sink.apply(record)
  }

  #beginCheckpoint(): void {
    const id = this.#nextCheckpoint++
    // What snapshot() itself sends may come before the barrier or behind it.
    const early = this.#rng.int(2) === 0
    if (early) this.#mark()
    this.#pending = { id, small: copy(this.#enumerator.snapshot(id)), state: new Map(this.#state) }
    if (!early) this.#mark()
  }

  #mark(): void {
    for (const slot of this.#slots) slot.untilBarrier = slot.inbox.length
  }

  async #hear(slot: ReaderSlot<T, S>): Promise<void> {
    const held = this.#pending !== undefined && slot.splits === undefined && slot.untilBarrier === 0
    if (held) return
    slot.untilBarrier = Math.max(0, slot.untilBarrier - 1)
    await slot.inbox.shift()?.()
  }

  async #barrier(slot: ReaderSlot<T, S>, id: number): Promise<void> {
    while (slot.untilBarrier > 0) await this.#hear(slot)
    slot.splits = copy(slot.reader.snapshot(id))
  }

  #abort(): void {
    if (this.#slots.some((slot) => slot.splits === undefined)) return
    this.#release()
  }

  /** Goes on behind the barrier: what was emitted behind it is now of the present epoch. */
  #release(): void {
    this.#pending = undefined
    for (const slot of this.#slots) {
      slot.splits = undefined
      slot.output.push(...slot.behind.splice(0))
    }
  }

  async #finishCheckpoint(): Promise<void> {
    const pending = this.#pending
    if (pending === undefined || this.#slots.some((slot) => slot.splits === undefined)) return
    while (this.#slots.some((slot) => slot.output.length > 0)) {
      this.#deliver(this.#slots[this.#rng.int(this.#slots.length)] as ReaderSlot<T, S>, 1 + this.#rng.int(5))
    }
    const splits = this.#slots.flatMap((slot) => slot.splits ?? [])
    this.#stored.push({ small: pending.small, state: pending.state, splits, sink: this.#options.sink.snapshot() })
    this.checkpoints += 1
    this.#rewound = false
    this.#release()
    this.#post(() => this.#enumerator.checkpointComplete?.(pending.id))
    for (const slot of this.#slots) slot.inbox.push(() => slot.reader.checkpointComplete?.(pending.id))
  }

  #enumeratorContext(parallelism: number, restored: unknown): EnumeratorContext<S> {
    const to = (subtask: number, open: (reader: SourceReader<T, S>) => void | Promise<void>): void => {
      const slot = this.#slots[subtask] as ReaderSlot<T, S>
      slot.inbox.push(() => open(slot.reader))
    }
    return {
      ...this.#runtime(0, parallelism),
      assign: (subtask, splits) => to(subtask, (reader) => reader.addSplits(copy(splits))),
      noMoreSplits: (subtask) => to(subtask, (reader) => reader.noMoreSplits()),
      send: (subtask, event) => to(subtask, (reader) => reader.onEvent?.(copy(event))),
      requestCheckpoint: () => {},
      state: this.#keyedState(),
      restored,
      rewound: this.#rewound,
      reportProgress: () => {},
    }
  }

  #keyedState(): KeyedContext {
    let current = ''
    const state = {
      get: () => this.#state.get(current),
      set: (value: unknown) => void this.#state.set(current, copy(value)),
      clear: () => void this.#state.delete(current),
    }
    return {
      register: () => state,
      setCurrentKey: (key: Key) => {
        current = canonicalKey(key)
      },
    } as unknown as KeyedContext
  }

  #runtime(subtask: number, parallelism: number) {
    const clock: Clock = { now: () => this.#now, monotonic: () => this.#now, schedule: () => () => {} }
    const silent = { debug() {}, info() {}, warn() {}, error() {} }
    const metrics = { counter: () => ({ add() {} }), gauge: () => ({ set() {} }) }
    const mode = this.#options.mode ?? ('stream' as const)
    return {
      job: 'sim',
      node: 'source',
      subtask,
      parallelism,
      attempt: 0,
      mode,
      directory: this.#options.directory ?? '/nowhere',
      clock,
      metrics,
      logger: silent,
    }
  }
}
