// FiringTimers: the timers that an operator sees, exact also while timers fire.
//
// Timers are taken from the backend in lots, before their operator runs. What it then does to those of the lot must still count.
//
// Owns: the lot being fired; timers set meanwhile for a time already reached.
// Does not own: all other timers (backend).
//
// I1. A timer deleted before its turn does not fire, also when it was taken already.
// I2. A timer set for a time already reached, while timers of its domain fire, fires with the next watermark or tick:
//     an operator that sets one timer after the other cannot hold the stream for ever. At the end of event time none follows: such
//     timers then fire too, and a chain of them without end is refused.
// I3. A timer fires once, however often it was set before.

import type { KeyedContext, TimerService } from '../../src/contract/keyed-context.ts'
import type { AnyState, StateDescriptor } from '../../src/contract/state.ts'
import { MillraceError } from '../../src/errors.ts'
import { MAX_WATERMARK } from '../../src/record/element.ts'
import { type Key, mapKeyOf } from '../../src/util/key-group.ts'
import type { Pending } from '../channel/channel.ts'
import type { FiredTimer, KeyedBackend } from '../state/keyed-backend.ts'

type Domain = FiredTimer['domain']

/** How often timers may set timers when event time has come to its end. */
export const TIMERS_BY_TIMERS_MAX = 1_000_000

/** How many timers are taken at a time: bounds memory, and lets their keys' states be fetched together. */
const TIMERS_AT_ONCE = 512

export interface FiringHooks {
  /** The current key is set. */
  readonly fire: (timer: FiredTimer) => void
  /** Passes on what the timers put out. */
  readonly flush: () => Pending
  readonly breathe: () => Pending
}

interface Round {
  readonly domain: Domain
  readonly upTo: number
  lot: readonly FiredTimer[]
  /** Of the lot, how many have had their turn. */
  fired: number
  /** Of the lot, not yet fired nor deleted. Undefined until the operator asks: most never set or delete a timer that is due. */
  due: Set<string> | undefined
  /** Set during the round for a time already reached. */
  readonly later: Map<string, FiredTimer>
}

/** Keyed state and timers of one operator. */
export class FiringTimers implements KeyedContext, TimerService {
  readonly timers: TimerService = this
  readonly #backend: KeyedBackend
  readonly #node: string
  #key: Key = ''
  #round: Round | undefined

  constructor(backend: KeyedBackend, node: string) {
    this.#backend = backend
    this.#node = node
  }

  register(descriptor: StateDescriptor): AnyState {
    return this.#backend.register(descriptor)
  }

  setCurrentKey(key: Key): void {
    this.#key = key
    this.#backend.setCurrentKey(key)
  }

  currentWatermark(): number {
    return this.#backend.timers.currentWatermark()
  }

  currentProcessingTime(): number {
    return this.#backend.timers.currentProcessingTime()
  }

  registerEventTimeTimer(timestampMs: number): void {
    if (!this.#setInRound('event', timestampMs)) this.#backend.timers.registerEventTimeTimer(timestampMs)
  }

  registerProcessingTimeTimer(timestampMs: number): void {
    if (!this.#setInRound('processing', timestampMs)) this.#backend.timers.registerProcessingTimeTimer(timestampMs)
  }

  deleteEventTimeTimer(timestampMs: number): void {
    this.#deleteInRound('event', timestampMs)
    this.#backend.timers.deleteEventTimeTimer(timestampMs)
  }

  deleteProcessingTimeTimer(timestampMs: number): void {
    this.#deleteInRound('processing', timestampMs)
    this.#backend.timers.deleteProcessingTimeTimer(timestampMs)
  }

  isDue(domain: Domain, upTo: number): boolean {
    const next = this.#backend.nextTimer(domain)
    return next !== undefined && next <= upTo
  }

  /**
   * Fires every timer that is due, by time, with the states of its key at hand. At the end of event time also those that these set,
   * for no watermark follows. Throws USER_FUNCTION if that does not end.
   */
  async fireDue(domain: Domain, upTo: number, hooks: FiringHooks): Promise<void> {
    for (let rounds = 1; ; rounds += 1) {
      const later = await this.#fireRound(domain, upTo, hooks)
      await this.#setLater(later)
      const [first] = later
      if (first === undefined || upTo < MAX_WATERMARK) return
      if (rounds > TIMERS_BY_TIMERS_MAX) throw endlessTimers(this.#node, first.key)
    }
  }

  /** Returns what was set meanwhile for a time already reached. */
  async #fireRound(domain: Domain, upTo: number, hooks: FiringHooks): Promise<readonly FiredTimer[]> {
    const round: Round = { domain, upTo, lot: [], fired: 0, due: undefined, later: new Map() }
    this.#round = round
    for (;;) {
      await this.#backend.readDueTimers(domain, upTo)
      round.lot = this.#backend.takeDueTimers(domain, upTo, TIMERS_AT_ONCE)
      if (round.lot.length === 0) break
      await this.#backend.prefetch(round.lot.map(({ key }) => key))
      this.#fireLot(round, hooks)
      await hooks.flush()
      await hooks.breathe()
    }
    this.#round = undefined
    return [...round.later.values()]
  }

  #fireLot(round: Round, hooks: FiringHooks): void {
    round.due = undefined
    round.fired = 0
    for (const timer of round.lot) {
      round.fired += 1
      if (!isStillDue(round, timer)) continue
      this.setCurrentKey(timer.key)
      hooks.fire(timer)
    }
  }

  /** Gives the backend what was set for a time already reached. */
  async #setLater(timers: readonly FiredTimer[]): Promise<void> {
    for (let start = 0; start < timers.length; start += TIMERS_AT_ONCE) {
      const lot = timers.slice(start, start + TIMERS_AT_ONCE)
      await this.#backend.prefetch(lot.map(({ key }) => key))
      for (const { key, timestamp, domain } of lot) {
        this.#backend.setCurrentKey(key)
        if (domain === 'event') this.#backend.timers.registerEventTimeTimer(timestamp)
        else this.#backend.timers.registerProcessingTimeTimer(timestamp)
      }
    }
  }

  /** True if the timer is the round's affair: it is of the lot and still to fire, or for a time already reached. */
  #setInRound(domain: Domain, timestamp: number): boolean {
    const round = this.#round
    if (round === undefined || round.domain !== domain || timestamp > round.upTo) return false
    const id = identity(this.#key, timestamp)
    if (!dueOf(round).has(id)) round.later.set(id, { key: this.#key, timestamp, domain })
    return true
  }

  #deleteInRound(domain: Domain, timestamp: number): void {
    const round = this.#round
    if (round === undefined || round.domain !== domain || timestamp > round.upTo) return
    const id = identity(this.#key, timestamp)
    dueOf(round).delete(id)
    round.later.delete(id)
  }
}

/** Event time has come to its end, and timers of this key set further ones for ever. */
export function endlessTimers(node: string, key: Key): MillraceError {
  return new MillraceError('USER_FUNCTION', {
    node,
    record: `the timers of key ${String(key)}`,
    reason:
      'they set each other, more than a million times. At the end of event time a timer that is set fires at once: set none when timers.currentWatermark() is Number.MAX_SAFE_INTEGER',
  })
}

/** Whether it was not deleted. It was perhaps set again before its turn: that changed nothing, whatever lot it is in. */
function isStillDue({ due, later }: Round, { key, timestamp }: FiredTimer): boolean {
  if (due === undefined && later.size === 0) return true
  const id = identity(key, timestamp)
  later.delete(id)
  return due === undefined || due.delete(id)
}

function dueOf(round: Round): Set<string> {
  round.due ??= new Set(round.lot.slice(round.fired).map(({ key, timestamp }) => identity(key, timestamp)))
  return round.due
}

/** One string per (key, timestamp), different for different ones. */
function identity(key: Key, timestamp: number): string {
  const mapKey = mapKeyOf(key)
  return `${timestamp} ${typeof mapKey} ${String(mapKey)}`
}
