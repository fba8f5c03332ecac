// A line between two sites, over which records go exactly once.

export type { RelayPskKeys, RelayPskOptions, RelaySecret, RelayTlsOptions } from './line/options.ts'
export { msgpackRecords, type RecordCodec } from './queue/record-codec.ts'
export type { RelaySourceOptions } from './receive/options.ts'
export { relaySource } from './receive/relay-source.ts'
export type { RelaySplit } from './receive/relay-split.ts'
export type { RelaySinkOptions, RelayTarget } from './send/options.ts'
export { relaySink } from './send/relay-sink.ts'
