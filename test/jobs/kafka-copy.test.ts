// jobs/kafka-copy.ts as it is shipped: topics of any sort, killed on the way, end record for record equal in each partition.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeBroker, type ReadRecord } from '../support/kafka-servers.ts'
import { type BinProcess, startBin } from '../support/run-job.ts'

const JOB = fileURLToPath(new URL('../../jobs/kafka-copy.ts', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-copy-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describeBroker('kafka-copy', (broker) => {
  const prefix = broker.name('copy-')
  /** What is not there yet; undefined once all is. Throws if what is there differs. */
  async function missing(names: readonly string[]): Promise<unknown> {
    for (const name of names) {
      const [here, there] = await Promise.all([broker.readAll(name), broker.readAll(`${prefix}${name}`)])
      if (there.length !== here.length) return `${there.length} of ${here.length} records of ${name}`
      expect(there.map(withoutPlace)).toEqual(here.map(withoutPlace))
    }
    return undefined
  }

  function start(settings: readonly string[], env: Readonly<Record<string, string>> = {}): BinProcess {
    const all = [`from=${broker.brokers}`, `to=${broker.brokers}`, `prefix=${prefix}`, `group=${prefix}`, ...settings]
    const args = [JOB, '--parallelism', '2', '--data-dir', join(folder, 'data'), '--checkpoint-interval', '50ms']
    return startBin('run-job', [...args, ...all.flatMap((one) => ['--set', one])], { env })
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

  /** The second, with a record. */
  async function addPartition(topic: string): Promise<void> {
    await broker.grow(topic, 2)
    await broker.produce(topic, [{ partition: 1, value: 'added' }])
    expect((await broker.readAll(topic)).at(-1)).toMatchObject({ partition: 1 })
  }

  it('keys, values, headers, times and partitions, and on from there', async () => {
    const names = [await broker.topic('a', 3), await broker.topic('b', 1)]
    const topics = `topics=${names.join(',')}`
    await Promise.all(names.map((name, i) => write(name, i === 0 ? 3 : 1, 0)))
    // Killed when the first epoch is committed, before anybody was told.
    const killed = await start([topics, 'compression=gzip'], { MILLRACE_FAILPOINT: 'kafka.commit.after:kill' }).result
    expect(killed.signal).toBe('SIGKILL')
    const copying = start([topics, 'compression=gzip'])
    await expect.poll(() => missing(names)).toBeUndefined()
    await write(names[0] as string, 3, 1000)
    await expect.poll(() => missing(names)).toBeUndefined()
    // More partitions here than there: they are made before the first record of them.
    await addPartition(names[1] as string)
    await expect.poll(() => missing(names)).toBeUndefined()
    copying.signal('SIGINT')
    expect((await copying.result).code).toBe(0)
    expect(await missing(names)).toBeUndefined()
  })
})

/** Offsets differ: transactions take some. */
function withoutPlace({ offset: _offset, ...record }: ReadRecord): unknown {
  return record
}
