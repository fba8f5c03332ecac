/** A row that does not fit, found by us: a value that no column holds, one that the server cut, a row too long for a packet. */
export class RowRefusal extends Error {}

/** A field that no column of its kind can hold, in the place of its value: the row is refused when it is written. */
export class Misfit {
  readonly value: unknown
  readonly reason: string

  constructor(value: unknown, reason: string) {
    this.value = value
    this.reason = reason
  }
}
