// Kills the receiving job of a relay at each step of its source and around it, starts it again, and looks whether each record arrived once, in
// the order of its stream.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import type { Failpoint } from '../../src/util/failpoint.ts'
import { type BinProcess, startBin } from '../support/run-job.ts'
import { freePorts } from '../support/server-process.ts'
import type { RelayArrived, RelayTold } from './jobs/relay-receive.ts'

const full = process.env.MILLRACE_FULL === '1'
const jobFile = (name: string): string => fileURLToPath(new URL(`./jobs/${name}.ts`, import.meta.url))
const RECORDS = 3_000
const STREAMS = 3

const STEPS: readonly Failpoint[] = [
  'relay.claim.before',
  'relay.claim.after',
  'relay.receive.synced',
  'relay.ack.before',
  'relay.remove.middle',
]
const AROUND: readonly Failpoint[] = [
  'source.barrier.before',
  'source.barrier.after',
  'task.ack.before',
  'manifest.rename.before',
  'manifest.rename.after',
  'commit.notify.before',
]

const folders: string[] = []
const running: BinProcess[] = []

afterEach(async () => {
  for (const { child, result } of running.splice(0)) {
    child.kill('SIGKILL')
    await result
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

class Ends {
  readonly #folder: string
  readonly #port: number
  /** How often the sender began afresh: each life sends all, and its streams are named after it. */
  #lives = 0

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  static async open(): Promise<Ends> {
    const folder = await mkdtemp(join(tmpdir(), 'relay-steps-'))
    folders.push(folder)
    return new Ends(folder, await freePorts(1))
  }

  /** Starts the sender afresh, with records of its own. */
  async send(): Promise<BinProcess> {
    this.#lives += 1
    const lines = Array.from({ length: RECORDS }, (_, i): string => {
      const told: RelayTold = { stream: `${this.#lives}.${i % STREAMS}`, n: Math.floor(i / STREAMS), text: 'text' }
      return JSON.stringify(told)
    })
    const file = join(this.#folder, `lines-${this.#lives}.ndjson`)
    await writeFile(file, `${lines.join('\n')}\n`)
    const settings = [`lines=${file}`, `target=127.0.0.1:${this.#port}`, 'batchBytes=1024', 'reconnectMax=100']
    return this.#start('relay-send', 'north', settings, ['--fresh'])
  }

  receive(failpoint?: string): BinProcess {
    return this.#start('relay-receive', 'south', [`port=${this.#port}`, 'keepBytes=0'], [], failpoint)
  }

  get expected(): number {
    return this.#lives * RECORDS
  }

  async arrived(): Promise<RelayArrived[]> {
    const parts = join(this.#folder, 'south', 'data', 'parts')
    const names = (await readdir(parts).catch(() => [])).filter((name) => !name.startsWith('.'))
    const texts = await Promise.all(names.map((name) => readFile(join(parts, name), 'utf8')))
    return texts.flatMap((text) => text.split('\n').filter(Boolean)).map((line) => JSON.parse(line) as RelayArrived)
  }

  /** Waits until all have arrived, or the receiver ends by itself: whether it has. */
  async settle({ result }: BinProcess): Promise<boolean> {
    let ended = false
    void result.then(() => {
      ended = true
    })
    while (!ended && (await this.arrived()).length < this.expected)
      await new Promise((resolve) => setTimeout(resolve, 20))
    return ended
  }

  #start(
    name: string,
    site: string,
    settings: readonly string[],
    more: readonly string[],
    failpoint?: string,
  ): BinProcess {
    const args = [
      jobFile(name),
      ...['--data-dir', join(this.#folder, site, 'data'), '--parallelism', '2', '--checkpoint-interval', '50ms'],
      ...settings.flatMap((pair) => ['--set', pair]),
      ...more,
    ]
    const started = startBin('run-job', args, failpoint === undefined ? {} : { env: { MILLRACE_FAILPOINT: failpoint } })
    running.push(started)
    return started
  }
}

const passings = full ? [1, 5] : [2]
const cases = [...STEPS, ...(full ? AROUND : [])].flatMap((step) =>
  // A sender is noted once in each of its lives, and the first is removed once.
  (step.startsWith('relay.claim') || step === 'relay.remove.middle' ? [1] : passings).map((passing) => ({
    step,
    passing,
  })),
)

it.each(cases)(
  'a receiver killed at $step (passing $passing) goes on as if it had not been',
  async ({ step, passing }) => {
    const ends = await Ends.open()
    const killed = ends.receive(`${step}:kill@${passing}`)
    let sender = await ends.send()
    // Each life of the sender passes each step, that of the removal with the life before it: one more, where it has not been often enough.
    while (!(await ends.settle(killed))) {
      sender.signal('SIGTERM')
      await sender.result
      sender = await ends.send()
    }
    const fallen = await killed.result
    expect(fallen.signal, fallen.stderr.slice(-4_000)).toBe('SIGKILL')
    const receiver = ends.receive()
    await ends.settle(receiver)
    // Before, a signal may come earlier than what hears it: all may have arrived before the kill.
    await receiver.seen(/status=complete/)
    receiver.signal('SIGTERM')
    const { code, stderr } = await receiver.result
    expect(code, stderr.slice(-4_000)).toBe(0)
    const arrived = await ends.arrived()
    expect(arrived.filter(({ n, place }) => n !== place)).toEqual([])
    expect(new Set(arrived.map(({ stream, n }) => `${stream}/${n}`)).size).toBe(ends.expected)
    expect(arrived).toHaveLength(ends.expected)
  },
)
