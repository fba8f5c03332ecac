// What every change source shares: for authors of connectors, give ChangeSource a port; for those of jobs, envelopes of changes and tables without a key apart.

export { ChangeSource } from './change-source.ts'
export type { ChangeSplit } from './change-split.ts'
export { type CanalJsonOptions, canalJson } from './envelopes/canal-json.ts'
export { type DebeziumJsonOptions, debeziumJson } from './envelopes/debezium-json.ts'
export type { DecoderOptions, MalformedEnvelope } from './envelopes/envelope-decoder.ts'
export type { EnvelopeInput, EnvelopeRecord } from './envelopes/envelope-record.ts'
export { type FlattenedField, type FlattenedOptions, flattened } from './envelopes/flattened.ts'
export { fromCanalJson } from './envelopes/from-canal-json.ts'
export { fromDebeziumJson } from './envelopes/from-debezium-json.ts'
export type { Temporal } from './envelopes/temporal-type.ts'
export type { Decimals } from './envelopes/value-text.ts'
export { KeylessTables, withoutKey } from './keyless-tables.ts'
export type { ChangeSourceOptions, Startup, TimedStartup } from './options.ts'
export { PageSize } from './page-size.ts'
export type {
  ChangeLog,
  ChangePort,
  ChunkRead,
  KeyBound,
  KeyOrder,
  KeyRange,
  KeyRouter,
  LogPage,
  Offset,
  PortRole,
  TableSplit,
} from './port.ts'
export { schemaChange, schemaText } from './schema-change.ts'
export { tablePattern } from './table-pattern.ts'
