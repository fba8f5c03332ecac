// Local time of a zone and instants, by the calendar data of Node.js.

const SLOT_MS = 900_000
const DAY_MS = 86_400_000
const SLOTS_MAX = 4096

/** A zone's offsets from UTC. Owns: a bounded memory of those asked for. */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat
  /** Quarter of an hour -> its one offset, NaN where it changes within. */
  readonly #slots = new Map<number, number>()

  constructor(name: string) {
    const two = '2-digit'
    this.#format = new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
      timeZone: name,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
    })
  }

  /** Milliseconds to add to an instant for its local time, which is given as if it were UTC. */
  offsetAt(instantMs: number): number {
    const slot = Math.floor(instantMs / SLOT_MS)
    let offset = this.#slots.get(slot)
    if (offset === undefined) {
      const first = this.#measure(slot * SLOT_MS)
      offset = first === this.#measure((slot + 1) * SLOT_MS - 1000) ? first : Number.NaN
      if (this.#slots.size >= SLOTS_MAX) this.#slots.clear()
      this.#slots.set(slot, offset)
    }
    return Number.isNaN(offset) ? this.#measure(instantMs) : offset
  }

  /** The instant of a local time; the earlier of two, and in a gap the time as if the clock had not been set forward. */
  instantOf(localMs: number): number {
    const before = this.offsetAt(localMs - DAY_MS)
    const after = this.offsetAt(localMs + DAY_MS)
    const fits = (offset: number): boolean => this.offsetAt(localMs - offset) === offset
    return localMs - (fits(before) || !fits(after) ? before : after)
  }

  #measure(instantMs: number): number {
    const seconds = Math.floor(instantMs / 1000) * 1000
    const parts = new Map(this.#format.formatToParts(seconds).map(({ type, value }) => [type, value]))
    const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type))
    const year = parts.get('era')?.startsWith('B') ? 1 - part('year') : part('year')
    return utcMs(year, part('month'), part('day'), part('hour'), part('minute'), part('second')) - seconds
  }
}

/** As Date.UTC, which takes years before 100 for others. */
export function utcMs(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
  return Date.UTC(year + 400, month - 1, day, hour, minute, second) - 146_097 * DAY_MS
}
