// Whether what a record tells of a table's columns is older than what was told before.

/** Where and when in the source's log a table's columns were told. */
export interface SchemaPlace {
  /** `binlog.000012:4567`. */
  readonly position: string
  readonly timestampMs: number
}

/**
 * Places compare within one log. After a failover to a server whose log has lower numbers, the time of the commit still tells that the
 * record is a later one.
 */
export function isOlder(place: SchemaPlace, than: SchemaPlace): boolean {
  if (than.timestampMs > 0 && place.timestampMs > than.timestampMs) return false
  const [a, b] = [partsOf(place.position), partsOf(than.position)]
  if (a === undefined || b === undefined || a.base !== b.base) return false
  return a.file === b.file ? a.pos < b.pos : a.file < b.file
}

function partsOf(position: string): { base: string; file: number; pos: number } | undefined {
  const match = /^(.*)\.(\d+):(\d+)/.exec(position)
  return match === null ? undefined : { base: match[1] as string, file: Number(match[2]), pos: Number(match[3]) }
}
