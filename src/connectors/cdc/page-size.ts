/** How many rows to read at once so that a page stays near a number of bytes, whatever the rows weigh. */
export class PageSize {
  #rows = 64

  /** At most `rowsMax`. */
  next(rowsMax: number): number {
    return Math.max(1, Math.min(rowsMax, this.#rows))
  }

  /** Learns from a page. */
  saw(rows: readonly (readonly unknown[])[]): void {
    if (rows.length === 0) return
    let weight = 0
    for (const row of rows) for (const value of row) weight += weightOf(value)
    this.#rows = Math.min(4 * Math.max(1, this.#rows), Math.floor(PAGE_BYTES / (weight / rows.length)))
  }
}

const PAGE_BYTES = 4 * 1024 * 1024

function weightOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 16
  return value instanceof Uint8Array ? value.byteLength + 64 : 16
}
