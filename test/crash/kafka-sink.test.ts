// A Kafka sink that fails or is killed at any step, any number of times over, leaves what a calm one leaves.

import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { kafkaSink } from '../../src/connectors/kafka/index.ts'
import { armFailpoints, type Failpoint } from '../../src/util/failpoint.ts'
import { batchesOf, openEpochSink } from '../src/connectors/kafka/sink/sink-driver.ts'
import { describeBroker } from '../support/kafka-servers.ts'
import { epochOf } from './kafka-sink-epochs.ts'

const STEPS: readonly Failpoint[] = [
  'kafka.txn.begun',
  'kafka.txn.sent',
  'kafka.marker.sent',
  'kafka.commit.before',
  'kafka.commit.after',
]
const EPOCHS = 3
const MAIN = fileURLToPath(new URL('./kafka-sink-main.ts', import.meta.url))

afterEach(() => armFailpoints(undefined))

describeBroker('a sink that does not live long', (broker) => {
  const valuesOf = async (topic: string): Promise<string[]> =>
    (await broker.readEnded(topic))
      .sort((a, b) => a.partition - b.partition)
      .map(({ partition, value }) => `${partition} ${value}`)

  const calm = [0, 1].flatMap((partition) =>
    Array.from({ length: EPOCHS }, (_, i) => epochOf(i + 1).flat())
      .flat()
      .filter((record) => record.partition === partition)
      .map(({ value }) => `${partition} ${value}`),
  )

  /** Goes on behind the last complete checkpoint with a new sink, as the machine does. Gives how often it failed. */
  const drive = async (topic: string): Promise<number> => {
    let failures = 0
    for (let next = 1; next <= EPOCHS; ) {
      const sink = await openEpochSink(kafkaSink({ brokers: broker.brokers, topic }))
      try {
        const writer = `${topic}/sink/0`
        for (next = Math.max(1, (await sink.lastEpoch(writer, next > 1)) + 1); next <= EPOCHS; next += 1)
          await sink.apply(writer, next, batchesOf(...epochOf(next)))
      } catch (error) {
        if (!String(error).includes('failpoint')) throw error
        failures += 1
      } finally {
        await sink.close()
      }
    }
    return failures
  }

  it.each(STEPS)('leaves what a calm one leaves when it fails at %s', async (step) => {
    for (let nth = 1; ; nth += 1) {
      const topic = await broker.topic('fails', 2)
      armFailpoints(`${step}:throw@${nth}`)
      const failures = await drive(topic)
      armFailpoints(undefined)
      expect(await valuesOf(topic), `${step}@${nth}`).toEqual(calm)
      if (failures > 0) continue
      expect(nth).toBeGreaterThan(EPOCHS)
      return
    }
  })

  it.each(STEPS)('leaves what a calm one leaves when it is killed at %s', async (step) => {
    const folder = await mkdtemp(join(tmpdir(), 'kafka-sink-'))
    for (let nth = 1; ; nth += 1) {
      const topic = await broker.topic('killed', 2)
      const args = [broker.brokers, topic, `${topic}/sink/0`, join(folder, `${nth}`), `${EPOCHS}`]
      const first = await runMain(args, `${step}:kill@${nth}`)
      if (first === 'SIGKILL') expect(await runMain(args, undefined)).toBe('done')
      expect(await valuesOf(topic), `${step}@${nth}`).toEqual(calm)
      if (first === 'SIGKILL') continue
      expect(nth).toBeGreaterThan(EPOCHS)
      break
    }
    await rm(folder, { recursive: true })
  })
})

/** `done`, or the signal that ended it. */
function runMain(args: readonly string[], armed: string | undefined): Promise<string> {
  const { MILLRACE_FAILPOINT: _, NODE_OPTIONS: __, ...env } = process.env
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    env: { ...env, ...(armed !== undefined && { MILLRACE_FAILPOINT: armed }) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0 || signal !== null) resolve(signal ?? 'done')
      else reject(new Error(`it ended with ${code}:\n${said}`))
    })
  })
}
