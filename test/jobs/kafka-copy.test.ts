// jobs/kafka-copy.ts as it is shipped: topics of any sort, killed on the way, end record for record equal in each partition.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeBroker, type ReadRecord } from '../support/kafka-servers.ts'
import { type ProcessOptions, runJob } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../jobs/kafka-copy.ts', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-copy-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describeBroker('kafka-copy', (broker) => {
  const prefix = broker.name('copy-')
  const copied = async (topic: string): Promise<unknown[]> => (await broker.readAll(topic)).map(withoutPlace)

  async function copy(settings: readonly string[], options: ProcessOptions = {}): Promise<number | null> {
    const all = [`from=${broker.brokers}`, `to=${broker.brokers}`, `prefix=${prefix}`, `group=${prefix}`, ...settings]
    const args = [
      JOB,
      '--batch',
      '--parallelism',
      '2',
      '--data-dir',
      join(folder, 'data'),
      '--checkpoint-interval',
      '50ms',
    ]
    const result = await runJob([...args, ...all.flatMap((one) => ['--set', one])], options)
    if (options.killAt === undefined && options.env === undefined) expect(result.stderr).toBe('')
    return result.code
  }

  async function write(topic: string, partitions: number, from: number): Promise<void> {
    const messages = Array.from({ length: 500 }, (_, i) => ({
      partition: (i * 7) % partitions,
      key: i % 5 === 0 ? null : `k${i}`,
      value: i % 11 === 0 ? null : `${from + i}`,
      timestamp: String(Date.now() - 1000 + i),
      headers: i % 3 === 0 ? { h: [`${i}`, 'twice'] } : {},
    }))
    await broker.produce(topic, messages)
  }

  it('keys, values, headers, times and partitions, and on from there', { timeout: 120_000 }, async () => {
    const names = [await broker.topic('a', 3), await broker.topic('b', 1)]
    const topics = `topics=${names.join(',')}`
    await Promise.all(names.map((name, i) => write(name, i === 0 ? 3 : 1, 0)))
    // Killed at the moment that the first epoch is being committed, and started again.
    const killed = { env: { MILLRACE_FAILPOINT: 'kafka.commit.after:kill' } }
    expect(await copy([topics, 'compression=gzip'], killed)).not.toBe(0)
    expect(await copy([topics, 'compression=gzip'])).toBe(0)
    for (const name of names) expect(await copied(`${prefix}${name}`)).toEqual(await copied(name))
    await write(names[0] as string, 3, 1000)
    expect(await copy([topics])).toBe(0)
    for (const name of names) expect(await copied(`${prefix}${name}`)).toEqual(await copied(name))
  })
})

/** Offsets differ: transactions take some. */
function withoutPlace({ offset: _offset, ...record }: ReadRecord): unknown {
  return record
}
