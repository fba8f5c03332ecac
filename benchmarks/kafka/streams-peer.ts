// Kafka Streams beside us, where a folder has it.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WorkResult } from './client.ts'

/** `… 18.75 s incl. start = 80000 rec/s; … cpu 28.1 s; …` */
const RESULT = /: ([\d.]+) s incl\. start.* cpu ([\d.]+) s/

/**
 * The same count by Kafka Streams: exactly_once_v2, one thread, RocksDB with a changelog, commits of 1 s, a cache of 64 MB. In a topic that
 * it makes and fills by itself. MILLRACE_KAFKA_STREAMS_PEER names a folder with WC.java and, in lib/, the jars of Kafka Streams;
 * undefined without it.
 */
export function countByStreams(brokers: string, records: number, keys: number): WorkResult | undefined {
  const folder = process.env.MILLRACE_KAFKA_STREAMS_PEER
  if (folder === undefined) return undefined
  const state = mkdtempSync(join(tmpdir(), 'millrace-streams-'))
  try {
    const args = [brokers, records, keys, '1000', '64', '8', state, 'eos'].map(String)
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error'
    const said = execFileSync(
      'java',
      ['-Xmx512m', quiet, '-cp', join(folder, 'lib', '*'), join(folder, 'WC.java'), ...args],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const [, seconds, cpuSeconds] = RESULT.exec(said) ?? []
    if (seconds === undefined || said.includes('TIMEOUT')) throw new Error(`Kafka Streams said:\n${said}`)
    return { records, seconds: Number(seconds), cpuSeconds: Number(cpuSeconds), memoryMb: Number.NaN }
  } finally {
    rmSync(state, { recursive: true, force: true })
  }
}
