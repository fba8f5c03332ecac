// The broker of this run: started from the script that tests use, in a folder that is thrown away.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { TcpProxy } from '../tcp-proxy.ts'

const SCRIPT = fileURLToPath(new URL('../../test/services/kafka.sh', import.meta.url))

/** The script takes five ports in a row. */
const PORTS = 5

export interface Broker {
  readonly brokers: string
  readonly pid: number
  /** What connects to its port stays behind it. */
  readonly proxy: TcpProxy
  /** Makes a topic and returns its name. */
  topic(name: string, partitions: number): Promise<string>
  deleteTopic(name: string): Promise<void>
  /** Sum over partitions of where they end, markers of transactions included; 0 where there is no such topic, or no leader yet. */
  end(topic: string): Promise<number>
  stop(): Promise<void>
}

/** One node, its defaults, 512 MB of heap. */
export async function startBroker(): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  const port = await freePort()
  const proxy = await TcpProxy.to(port + 2)
  const script = (...args: readonly string[]): void =>
    void execFileSync('bash', [SCRIPT, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { HEAP: '512m', ADVERTISED_PORT: String(proxy.port), ...process.env },
    })
  script('install')
  script('start', folder, String(port))
  const brokers = `127.0.0.1:${port}`
  const admin = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  return {
    brokers,
    proxy,
    pid: Number(readFileSync(join(folder, 'server.pid'), 'utf8')),
    async topic(topic, numPartitions) {
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions }] })
      await led(admin, topic)
      return topic
    },
    deleteTopic: (topic) => admin.deleteTopics({ topics: [topic] }),
    async end(topic) {
      // Asked for one that is not there, kafkajs keeps asking.
      if (!(await admin.listTopics()).includes(topic)) return 0
      const partitions = await admin.fetchTopicOffsets(topic).catch(unlessAbsent)
      return partitions.reduce((sum, { high }) => sum + Number(high), 0)
    },
    async stop() {
      await admin.disconnect()
      await proxy.close()
      script('stop', folder)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function unlessAbsent(error: unknown): [] {
  const { type } = ((error as Error).cause ?? error) as { readonly type?: string }
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'NOT_LEADER_FOR_PARTITION') return []
  throw error
}

/** kafkajs would wait for leaders by itself, but gives up where the topic is not known yet. */
async function led(admin: Admin, topic: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await admin.fetchTopicOffsets(topic)
      return
    } catch (error) {
      if (tries === 100) throw error
      await setTimeout(100)
    }
  }
}

/** The first of five ports in a row that are free. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const ports = Array.from({ length: PORTS }, (_, i) => port + i)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
