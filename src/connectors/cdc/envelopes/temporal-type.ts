import type { DeclaredType } from './declared-type.ts'

/** What dates and times are in the rows: text or Dates, or the numbers and texts of Debezium's time.precision.mode of that name. */
export type Temporal = 'text' | 'adaptive_time_microseconds' | 'connect' | 'microseconds' | 'nanoseconds' | 'isostring'

type Named = readonly [type: 'int32' | 'int64' | 'string', name: string]

interface Mode {
  readonly date: Named
  readonly time: Named
  readonly datetime: Named
}

const DATE: Named = ['int32', 'io.debezium.time.Date']
const MILLISECONDS: Named = ['int64', 'io.debezium.time.Timestamp']
const ZONED: Named = ['string', 'io.debezium.time.ZonedTimestamp']

const MICROSECONDS: Mode = {
  date: DATE,
  time: ['int64', 'io.debezium.time.MicroTime'],
  datetime: ['int64', 'io.debezium.time.MicroTimestamp'],
}

const MODES: Readonly<Record<Exclude<Temporal, 'text'>, Mode>> = {
  adaptive_time_microseconds: MICROSECONDS,
  microseconds: MICROSECONDS,
  nanoseconds: {
    date: DATE,
    time: ['int64', 'io.debezium.time.NanoTime'],
    datetime: ['int64', 'io.debezium.time.NanoTimestamp'],
  },
  connect: {
    date: ['int32', 'org.apache.kafka.connect.data.Date'],
    time: ['int32', 'org.apache.kafka.connect.data.Time'],
    datetime: ['int64', 'org.apache.kafka.connect.data.Timestamp'],
  },
  isostring: {
    date: ['string', 'io.debezium.time.IsoDate'],
    time: ['string', 'io.debezium.time.IsoTime'],
    datetime: ['string', 'io.debezium.time.IsoTimestamp'],
  },
}

/** Kafka Connect's type of a date or time as the mode has it; undefined for other columns, and where times are text. */
export function temporalType({ base, numbers }: DeclaredType, temporal: Temporal): Named | undefined {
  if (temporal === 'text') return undefined
  if (base === 'timestamp') return ZONED
  if (base === 'datetime' && temporal === 'adaptive_time_microseconds' && (numbers[0] ?? 0) <= 3) return MILLISECONDS
  return base === 'date' || base === 'time' || base === 'datetime' ? MODES[temporal][base] : undefined
}
