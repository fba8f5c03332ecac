// What the rows of changes look like, by option.

import { z } from 'zod'

/** What date, time, datetime and timestamp become: the server's text, a Date, or as Debezium's time.precision.mode of that name. */
export type TemporalMode =
  | 'text'
  | 'date'
  | 'adaptive_time_microseconds'
  | 'connect'
  | 'microseconds'
  | 'nanoseconds'
  | 'isostring'

/** What a text column becomes: N asterisks, its first N characters, or the SHA-256 (hex) of salt and value. NULL stays NULL. */
export type ColumnMask = { readonly chars: number } | { readonly truncate: number } | { readonly salt: string }

/** Options that say what rows look like. Columns are named `database.table.column` in any case; `*` stands for any characters, `?` for one. */
export interface ShapeOptions {
  /** `array`: rows are arrays of values in column order, which any column name survives. Default `object`. */
  readonly rows?: 'object' | 'array'
  /** What bigint columns become, signed or not. Default `bigint`; `number`: an integer beyond 2^53 is an error that names the column. */
  readonly bigints?: 'bigint' | 'number' | 'string'
  /** Default `string`: every digit, as the server prints it. `decimal`: a Decimal. `number`: the nearest one. */
  readonly decimals?: 'string' | 'decimal' | 'number'
  /** Default `text`: as the server prints it. */
  readonly temporal?: TemporalMode
  /** The zone of a timestamp's text, and of a datetime that becomes a Date. Default UTC. */
  readonly timeZone?: string
  /**
   * What a date becomes that no calendar has (0000-00-00, 2024-00-00), where it is not text anyway. Default: `error`; of Debezium's modes, as
   * Debezium does: `null` where the column may be NULL, else `epoch`.
   */
  readonly zeroDates?: 'null' | 'epoch' | 'error' | 'text'
  /** Default `text`: as the server prints it. `parse`: its value; numbers that a double does not hold are bigints or Decimals. */
  readonly json?: 'text' | 'parse'
  /** What binary, blob, bit, geometry and vector columns become. Default `bytes`: a Uint8Array. */
  readonly binary?: 'bytes' | 'base64' | 'hex'
  /** What tinyint(1) becomes. Default `number`. */
  readonly tinyint1?: 'number' | 'boolean'
  /** Which columns there are, and which are masked. Columns of the key are always there, and never masked. */
  readonly columns?: {
    readonly include?: readonly string[]
    readonly exclude?: readonly string[]
    readonly mask?: Readonly<Record<string, ColumnMask>>
  }
}

const names = z.array(z.string().min(1))

/** The fields of ShapeOptions, for the schemas of the connector's options. */
export const shapeFields = {
  rows: z.enum(['object', 'array']).default('object'),
  bigints: z.enum(['bigint', 'number', 'string']).default('bigint'),
  decimals: z.enum(['string', 'decimal', 'number']).default('string'),
  temporal: z
    .enum(['text', 'date', 'adaptive_time_microseconds', 'connect', 'microseconds', 'nanoseconds', 'isostring'])
    .default('text'),
  timeZone: z.string().refine(isTimeZone, 'expected the name of a time zone, such as Europe/Berlin').default('UTC'),
  zeroDates: z.enum(['null', 'epoch', 'error', 'text']).optional(),
  json: z.enum(['text', 'parse']).default('text'),
  binary: z.enum(['bytes', 'base64', 'hex']).default('bytes'),
  tinyint1: z.enum(['number', 'boolean']).default('number'),
  columns: z
    .strictObject({
      include: names.optional(),
      exclude: names.optional(),
      mask: z
        .record(
          z.string().min(1),
          z.union([
            z.strictObject({ chars: z.int().min(0).max(65_535) }),
            z.strictObject({ truncate: z.int().min(0) }),
            z.strictObject({ salt: z.string() }),
          ]),
        )
        .optional(),
    })
    .default({}),
}

/** ShapeOptions, checked and complete. */
export type ShapeSettings = z.output<z.ZodObject<typeof shapeFields>>

/** Every option as it is by default. */
export const DEFAULT_SHAPE: ShapeSettings = z.strictObject(shapeFields).parse({})

/** Takes them out of options that hold others too. */
export function shapeOptions(all: ShapeSettings): ShapeSettings {
  const { rows, bigints, decimals, temporal, timeZone, zeroDates, json, binary, tinyint1, columns } = all
  return { rows, bigints, decimals, temporal, timeZone, zeroDates, json, binary, tinyint1, columns }
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
