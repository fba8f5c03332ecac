// What every change source shares, for authors of connectors: give ChangeSource a port.

export { ChangeSource } from './change-source.ts'
export type { ChangeSplit } from './change-split.ts'
export type { ChangeSourceOptions, Startup, TimedStartup } from './options.ts'
export type {
  ChangeLog,
  ChangePort,
  ChunkRead,
  KeyBound,
  KeyRange,
  KeyRouter,
  LogPage,
  Offset,
  PortRole,
  TableSplit,
} from './port.ts'
export { schemaChange, schemaText } from './schema-change.ts'
export { tablePattern } from './table-pattern.ts'
