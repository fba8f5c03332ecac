export type UserKey = string | number

/**
 * What a map state keeps of one key. A small map is in the key's main row, written whole; a large one has a row for each entry, so
 * that only those that changed are written.
 */
export class MapSlot {
  readonly items = new Map<UserKey, unknown>()
  /** Entries have rows of their own. */
  rows = false
  /** Entries whose row may not be as it should be: there and up to date while `rows`, not there otherwise. */
  changed: Set<UserKey> | undefined = undefined

  /** An entry was set or deleted. */
  touch(key: UserKey): void {
    if (!this.rows) return
    this.changed ??= new Set()
    this.changed.add(key)
  }

  /** Every entry was set or deleted, or these rows are to be written again. */
  touchRows(keys: Iterable<UserKey>): void {
    this.changed ??= new Set()
    for (const key of keys) this.changed.add(key)
  }
}
