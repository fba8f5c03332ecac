// Syncs: tables to targets through topics, as several jobs. A job file exports what syncThroughKafka returns.

export {
  type Sync,
  type SyncOptions,
  type SyncSourceOptions,
  type SyncTarget,
  type SyncTopics,
  syncThroughKafka,
} from './sync-through-kafka.ts'
