// Relays: what goes to another site, and arrives from one, once. The line itself is millrace/connectors/relay.

export { KeylessTables, withoutKey } from '../connectors/cdc/keyless-tables.ts'
export { RememberedTables } from './changes/remembered-tables.ts'
export {
  type HandlerOptions,
  handlers,
  mask,
  project,
  rename,
  route,
  type SingleHandlerOptions,
  where,
} from './handlers/handlers.ts'
export type {
  Comparison,
  Condition,
  HandledAs,
  HandledField,
  HandlerSpec,
  Literal,
  Mask,
  MaskSecret,
  Masks,
  Projection,
  Renaming,
  Routing,
} from './handlers/spec.ts'
export { type StreamRules, streamOf } from './handlers/stream-of.ts'
export { type FromKafkaOptions, fromKafka } from './kafka/from-kafka.ts'
export { kafkaRecords } from './kafka/kafka-records.ts'
export { byTopic, byTopicHash, type RelayedKafka } from './kafka/relayed-kafka.ts'
export { reports } from './kafka/reports.ts'
export type { TargetTopicCreation } from './kafka/target-topics.ts'
export { type ToKafkaOptions, toKafka } from './kafka/to-kafka.ts'
