// A Kafka broker of this test run in a process of its own, and the Java tools that come with it.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createServerProcess, runService, ServerProcess, servicesCache } from './server-process.ts'

/** Whether test/services/kafka.sh has installed it. */
export const isKafkaInstalled = (): boolean => existsSync(join(servicesCache(), 'kafka-jars/version'))

/** How a broker is set up. */
export interface BrokerOptions {
  /** Server properties, e.g. `message.max.bytes=20000000`. */
  readonly options?: readonly string[]
  /** Where clients of the proxied listener are told to come: a proxy's port. */
  readonly advertisedPort?: number
  /** Of the cluster that `options` make it a part of. */
  readonly clusterId?: string
}

/** One broker, which tests may stop, kill and start again. */
export class BrokerProcess extends ServerProcess {
  /** A fresh broker below the run's folder. `options`, if a function, is told the broker's first port. */
  static create(
    runFolder: string,
    options: (port: number) => BrokerOptions | Promise<BrokerOptions>,
  ): Promise<BrokerProcess> {
    return createServerProcess(runFolder, 'kafka', 5, async (folder, port) => {
      const { options: properties = [], advertisedPort, clusterId } = await options(port)
      const env = {
        TIER: '1',
        ...(advertisedPort !== undefined && { ADVERTISED_PORT: String(advertisedPort) }),
        ...(clusterId !== undefined && { CLUSTER_ID: clusterId }),
      }
      return new BrokerProcess('kafka', folder, port, { options: properties, env })
    })
  }

  /** Plaintext. */
  get brokers(): string {
    return `127.0.0.1:${this.port}`
  }

  /** The listener behind a proxy: what a proxy passes on to. */
  get proxiedPort(): number {
    return this.port + 2
  }

  /** SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512) over plaintext; user millrace, password millrace. */
  get sasl(): string {
    return `127.0.0.1:${this.port + 3}`
  }

  /** TLS, with the certificate of `caFile`. */
  get tls(): string {
    return `127.0.0.1:${this.port + 4}`
  }

  get caFile(): string {
    return join(this.folder, 'tls.crt')
  }
}

/** A class of Kafka's own tools with these arguments; what it writes to its standard output. */
export function runKafkaTool(className: string, args: readonly string[]): Promise<string> {
  return runService('kafka', ['java', className, ...args], { TIER: '1' })
}
