import type { AuctionEvent } from './events.ts'

const KEPT = 1_000_000

// One list for all readers of a thread.
let kept: readonly AuctionEvent[] = []

/** Makes the events that eventsKept() repeats, so that reading does not begin with it. */
export function keepEvents(make: (n: number) => AuctionEvent): void {
  if (kept.length === 0) kept = Array.from({ length: KEPT }, (_, n) => make(n))
}

/** The first million events again and again, from memory: for measuring queries that look at no time and at no other event. */
export function eventsKept(make: (n: number) => AuctionEvent): (n: number) => AuctionEvent {
  return (n) => {
    if (kept.length === 0) keepEvents(make)
    return kept[n % KEPT] as AuctionEvent
  }
}
