export type UserKey = string | number

/** What a map state keeps of one key: its entries, and which of them the database does not know yet. */
export class MapSlot {
  readonly items = new Map<UserKey, unknown>()
  /** Set or deleted since they were last encoded. */
  changed = new Set<UserKey>()
}
