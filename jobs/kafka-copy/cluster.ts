// Clusters as jobs are told of them on the command line.

import type { KafkaConnectionOptions } from 'millrace/connectors/kafka'

/** A cluster as source and sink take it. */
export interface Cluster extends KafkaConnectionOptions {
  readonly brokers: readonly string[]
  readonly sasl?: { readonly mechanism: 'scram-sha-512'; readonly username: string; readonly passwordEnv: string }
  readonly ssl?: true
}

/** Where a cluster is and who asks; without a user name, nobody says. */
export function clusterOf(
  brokers: readonly string[],
  { username, passwordEnv, tls }: { readonly username: string; readonly passwordEnv: string; readonly tls: boolean },
): Cluster {
  const sasl = { mechanism: 'scram-sha-512', username, passwordEnv } as const
  return { brokers, ...(username === '' ? {} : { sasl }), ...(tls ? { ssl: true } : {}) }
}
