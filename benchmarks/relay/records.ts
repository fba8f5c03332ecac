// The records that go over: numbered, so that a reader knows which are missing, which came twice and which out of order.

/** Partitions of every topic here. */
export const PARTITIONS = 8
export const VALUE_BYTES = 200
const KEYS = 1_000
const NOTES = 4_096

/** Text like that of rows: names repeat, contents do not. */
const NOTE_BYTES = 120
const notes: readonly string[] = Array.from({ length: NOTES }, (_, i) => noteOf(i))

/** 200 bytes, of which the first ten say the number. */
export function valueAt(i: number): string {
  const head = `${String(i).padStart(10, '0')}{"customer":"c-${(i * 7_919) % 100_000}","status":"paid","note":"`
  const note = notes[Math.imul(i, 0x9e3779b1) >>> 20] as string
  const text = `${head}${note}`.slice(0, VALUE_BYTES - 2).padEnd(VALUE_BYTES - 2, '.')
  return `${text}"}`
}

export const keyOf = (i: number): string => `key-${Math.floor(i / PARTITIONS) % KEYS}`

export const partitionOf = (i: number): number => i % PARTITIONS

/** Of a value, as it was or as it arrived. */
export function numberOf(value: Buffer): number {
  let number = 0
  for (let i = 0; i < 10; i += 1) number = number * 10 + (value[i] as number) - 48
  return number
}

function noteOf(seed: number): string {
  let text = ''
  for (let word = seed + 1; text.length < NOTE_BYTES; ) {
    word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d) + 0x9e3779b9
    text += `${(word >>> 0).toString(36)} `
  }
  return text
}

/** A row as a database gives it. */
export interface Row {
  readonly id: number
  readonly customer: string
  readonly status: string
  readonly cents: number
  readonly at: number
  readonly note: string
  /** As JSON. */
  readonly bytes: number
}

/** 200 bytes as JSON. */
export function rowAt(i: number): Row {
  const note = notes[Math.imul(i, 0x9e3779b1) >>> 20] as string
  const cents = 10_000 + (Math.imul(i, 0x85ebca6b) >>> 13)
  return {
    id: 1_000_000 + i,
    customer: `c-${(i * 7_919) % 100_000}`,
    status: 'paid',
    cents,
    at: 1_790_000_000_000 + i,
    note: note.slice(0, 93),
    bytes: 200,
  }
}

const kilobytes: readonly Buffer[] = Array.from({ length: NOTES }, (_, i) =>
  Buffer.from(
    Array.from({ length: 6 }, (_, k) => valueAt(i * 6 + k))
      .join('')
      .slice(0, 1_024),
  ),
)

/** 1,024 bytes of such text. */
export const kilobyteAt = (i: number): Buffer => kilobytes[Math.imul(i, 0x9e3779b1) >>> 20] as Buffer
