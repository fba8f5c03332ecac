// Relays: what goes to another site, and arrives from one, once. The line itself is millrace/connectors/relay.

export { type FromKafkaOptions, fromKafka } from './kafka/from-kafka.ts'
export { kafkaRecords } from './kafka/kafka-records.ts'
export { byTopic, byTopicHash, type RelayedKafka } from './kafka/relayed-kafka.ts'
export type { TargetTopicCreation } from './kafka/target-topics.ts'
export { type ToKafkaOptions, toKafka } from './kafka/to-kafka.ts'
