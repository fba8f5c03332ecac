// Two sites, each a broker, and what goes between them.
//
// Owns: the brokers and their folder, until close().

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Broker, startBroker } from '../kafka/broker.ts'
import type { TcpProxy } from '../tcp-proxy.ts'
import { fill } from './load.ts'
import type { Running } from './processes.ts'
import { PARTITIONS } from './records.ts'

export interface Sites {
  readonly from: Broker
  readonly to: Broker
  /** At the first site: empty, or filled. */
  readonly topic: string
  /** A folder that is thrown away in the end. */
  readonly folder: string
  close(): Promise<void>
}

/** Fresh brokers, and so many records in a topic of the first. */
export async function openSites(records: number): Promise<Sites> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-relay-'))
  const [from, to] = await Promise.all([startBroker(), startBroker()])
  const topic = await from.topic('orders', PARTITIONS)
  if (records > 0) await fill({ brokers: from.brokers, topic, records })
  return {
    ...{ from, to, topic, folder },
    async close() {
      await Promise.all([from.stop(), to.stop()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What copies the topic of one site to the other. */
export interface Contender {
  readonly name: string
  /** The topic at the other site. */
  readonly target: string
  /** Starts it, or starts it again where it was left. */
  start(): Promise<readonly Running[]>
  /** Between it and the other site. */
  readonly line: TcpProxy
  close(): Promise<void>
}
