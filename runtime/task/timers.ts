import type { Pending } from '../channel/channel.ts'
import type { FiredTimer, KeyedBackend } from '../state/keyed-backend.ts'

/** How many timers are taken at a time: bounds memory, and lets their keys' states be fetched together. */
const TIMERS_AT_ONCE = 512

export interface TimerRound {
  readonly backend: KeyedBackend
  readonly domain: 'event' | 'processing'
  readonly upTo: number
  readonly fire: (timer: FiredTimer) => void
  /** Passes on what the timers put out. */
  readonly flush: () => Pending
  readonly breathe: () => Pending
}

/** Fires every timer that is due, by time, with the states of its key at hand. */
export async function fireDueTimers({ backend, domain, upTo, fire, flush, breathe }: TimerRound): Promise<void> {
  for (;;) {
    const due = backend.takeDueTimers(domain, upTo, TIMERS_AT_ONCE)
    if (due.length === 0) return
    await backend.prefetch(due.map(({ key }) => key))
    for (const timer of due) fire(timer)
    await flush()
    await breathe()
  }
}
