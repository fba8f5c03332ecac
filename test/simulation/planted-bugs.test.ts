// Does the simulation find bugs? Each of these is planted, and must be found within the seeds of one run; and a seed must be the
// same story every time it is told.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MANIFEST_FILE } from '../../runtime/checkpoint/manifest.ts'
import { CheckpointStore } from '../../runtime/checkpoint/store.ts'
import { AppendRunner } from '../../runtime/task/append-runner.ts'
import { BarrierAligner } from '../../runtime/task/barrier-aligner.ts'
import { EpochRunner } from '../../runtime/task/epoch-runner.ts'
import { Mailbox } from '../../runtime/task/mailbox.ts'
import { HONEST } from './disk-ports.ts'
import { type SimOptions, simulate } from './simulation.ts'

const SEEDS = 2_000

interface PlantedBug {
  readonly options?: SimOptions
  /** Changes the code under test; returns what undoes it. */
  readonly plant?: () => () => void
}

const BUGS: Readonly<Record<string, PlantedBug>> = {
  'an aligner that lets a record pass now and then': {
    plant: () => {
      let looks = 0
      return replace(
        BarrierAligner.prototype,
        'isHeldBack',
        (held) =>
          function (channel) {
            looks += 1
            return looks % 7 !== 0 && held.call(this, channel)
          },
      )
    },
  },
  'a store that does not sync its manifest': {
    options: { disk: { ...HONEST, syncsFile: (path) => !path.includes(MANIFEST_FILE) } },
  },
  'a store that does not sync the folder of its manifest': {
    options: { disk: { ...HONEST, syncsFolder: (path) => !/checkpoints\/\d+$/.test(path) } },
  },
  'a log that is not synced': {
    options: { disk: { ...HONEST, syncsFile: (path) => !path.includes('/sinks/') } },
  },
  'a log whose parent folder is not synced': {
    options: { disk: { ...HONEST, syncsFolder: (path) => !path.endsWith('/sinks') } },
  },
  'ids that are remembered by their folders alone': {
    plant: () => {
      let lives = 0
      return replace(
        CheckpointStore,
        'look',
        (look) =>
          function (fs, layout) {
            lives += 1
            return look.call(this, fs, { ...layout, sequence: join(layout.root, `forgotten-${lives}`) })
          },
      )
    },
  },
  'an epoch sink that commits before the manifest': {
    plant: () =>
      replace(
        EpochRunner.prototype,
        'finishEpoch',
        (finish) =>
          function (epoch) {
            const finished = finish.call(this, epoch)
            this.complete(epoch)
            return finished
          },
      ),
  },
  'an append sink that commits before the manifest': {
    plant: () =>
      replace(
        AppendRunner.prototype,
        'finishEpoch',
        (finish) =>
          async function (this: AppendRunner, epoch) {
            await finish.call(this, epoch)
            await this.complete(epoch)
          },
      ),
  },
  'a target that forgets which epochs it holds': { options: { targets: { forgetsEpochs: true } } },
  'a mailbox that loses a wake-up now and then': {
    plant: () => {
      let calls = 0
      return replace(
        Mailbox.prototype,
        'wake',
        (wake) =>
          function () {
            calls += 1
            if (calls % 50 !== 0) wake.call(this)
          },
      )
    },
  },
}

test.each(Object.entries(BUGS))('finds %s', async (_name, { options, plant }) => {
  const undo = plant?.()
  try {
    expect(await firstFound(options ?? {})).toBeLessThan(SEEDS)
  } finally {
    undo?.()
  }
})

test('a seed tells the same story every time', async () => {
  for (let seed = 0; seed < 20; seed += 1) expect(await storyOf(seed)).toEqual(await storyOf(seed))
})

async function firstFound(options: SimOptions): Promise<number> {
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { problem } = await simulate(seed, options)
    if (problem !== undefined) return seed
  }
  return SEEDS
}

async function storyOf(seed: number): Promise<unknown> {
  const lines: string[] = []
  const result = await simulate(seed, { story: (line) => lines.push(line) })
  return { lines, result }
}

type Method<T, K extends keyof T> = T[K] extends (...args: infer Args) => infer Result
  ? (this: T, ...args: Args) => Result
  : never

/** Puts another method in a class's place; returns what puts the old one back. */
function replace<T extends object, K extends keyof T>(
  holder: T,
  name: K,
  make: (original: Method<T, K>) => Method<T, K>,
): () => void {
  const original = holder[name]
  holder[name] = make(original as Method<T, K>) as T[K]
  return () => {
    holder[name] = original
  }
}
