// What an event is and whom it may speak of follows from its number alone: of 50 events in a row the first is a person, the next
// three are auctions, the rest bids. Persons and auctions are counted from 0 here; FIRST_ID is added when they get into an event.

export const EVENTS_PER_ROUND = 50
export const AUCTIONS_PER_ROUND = 3
export const FIRST_ID = 1000

const BASE_TIME_MS = 1_436_918_400_000
const EVENTS_PER_MS = 10

/** The event time of event n: ten events share a millisecond. */
export function timeOf(n: number): number {
  return BASE_TIME_MS + Math.floor(n / EVENTS_PER_MS)
}

/** The latest person as of event n. */
export function lastPerson(n: number): number {
  return Math.floor(n / EVENTS_PER_ROUND)
}

/** The latest auction as of event n. Before the first there is none: -1. */
export function lastAuction(n: number): number {
  const round = Math.floor(n / EVENTS_PER_ROUND)
  const place = n - round * EVENTS_PER_ROUND
  return round * AUCTIONS_PER_ROUND + Math.min(place, AUCTIONS_PER_ROUND) - 1
}
