// The promises of contract/source-function, one function for each.

import { isDeepStrictEqual } from 'node:util'
import { decode, encode } from '../task/msgpack.ts'
import { holds, soon } from './conformance.ts'
import type { SourceCheckpoint, SourceRig } from './source-rig.ts'
import { assertEverything, beginLife, MANY, makeLife, readPiece, readRest, type SourceTrial } from './source-trial.ts'

/** A piece between two checkpoints: small, so that there are several in few records. */
const PIECE = 3
const EARLY_CHECKPOINTS = 3

export async function opensAndCloses<T>(trial: SourceTrial<T>): Promise<void> {
  const rig = await beginLife(trial)
  await soon(rig.close(), 'close() of a source that was never read')
}

export async function closesAnyhow<T>(trial: SourceTrial<T>): Promise<void> {
  const rig = await beginLife(trial)
  const unopened = rig.unopened()
  for (const reader of [unopened, unopened, ...rig.readers]) await soon(Promise.resolve(reader.close?.()), 'close()')
  await soon(rig.close(), 'close() again')
}

export async function closesAfterFailure<T>(trial: SourceTrial<T>): Promise<void> {
  const rig = makeLife(trial, { create: () => trial.options.createBroken?.(trial.folder) ?? trial.fixture.create() })
  let failure: unknown
  try {
    await rig.open()
    rig.start()
    while ((await rig.next(MANY)) !== 'end');
  } catch (error) {
    failure = error
  }
  await soon(rig.close(), 'close() after a failure')
  holds(failure !== undefined, 'createBroken() gave a source that does not fail')
}

export async function readsAll<T>(
  trial: SourceTrial<T>,
  how: { readonly parallelism?: number; readonly maxRecords?: number; readonly repeatEvents?: boolean },
): Promise<void> {
  const { maxRecords = MANY, ...more } = how
  await inLife(trial, more, async (rig) => {
    const got: T[] = []
    await readRest(trial, rig, { got, maxRecords })
    assertEverything(trial, got)
  })
}

/** A source that does not end by itself, in stream mode: everything, then idle until it is closed. */
export async function waitsForMore<T>(trial: SourceTrial<T>): Promise<void> {
  const rig = await beginLife(trial, { mode: 'stream' })
  const got: T[] = []
  const waiting: Promise<void>[] = []
  try {
    await readRest(trial, rig, { got, maxRecords: MANY, endless: true })
    waiting.push(...rig.readers.map((reader) => reader.available()))
  } finally {
    await soon(rig.close(), 'close() while idle')
  }
  await soon(Promise.all(waiting), 'available() after close()')
  assertEverything(trial, got)
}

export async function settlesOnClose<T>(trial: SourceTrial<T>): Promise<void> {
  const rig = makeLife(trial)
  await rig.open()
  const [reader] = rig.readers
  const polled = await soon(Promise.resolve(reader?.poll(MANY)), 'poll() without splits')
  const waiting = Promise.resolve(reader?.available())
  await soon(rig.close(), 'close() while idle')
  holds(polled === 'idle', 'poll() before any split came is to answer idle')
  await soon(waiting, 'available() after close()')
}

export async function splitsArePlain<T>(trial: SourceTrial<T>): Promise<void> {
  await inLife(trial, {}, async (rig) => {
    const got: T[] = []
    for (let id = 1; await readPiece(trial, rig, { got, maxRecords: PIECE }); id += 1) {
      const splits = rig.readers.flatMap((reader) => reader.snapshot(id))
      for (const split of splits) {
        holds(isDeepStrictEqual(decode(encode(split)), split), `split "${split.id}" changes on its way through msgpack`)
        holds(typeof split.id === 'string' && split.id !== '', 'a split without an id')
      }
      holds(new Set(splits.map(({ id }) => id)).size === splits.length, 'two splits have one id')
    }
  })
}

/** A checkpoint after each poll; only its bytes go on, to as many readers as is their turn. */
export async function goesOn<T>(trial: SourceTrial<T>, parallelisms: readonly number[]): Promise<void> {
  const got: T[] = []
  let checkpoint: SourceCheckpoint | undefined
  for (let id = 1, more = true; more; id += 1) {
    const parallelism = parallelisms[id % parallelisms.length] ?? 1
    await inLife(trial, { parallelism, restore: checkpoint }, async (rig) => {
      more = await readPiece(trial, rig, { got, maxRecords: PIECE })
      checkpoint = await rig.checkpoint()
      // Some checkpoints are complete and told so; of others only a restore tells.
      if (id % 2 === 0) await rig.complete(checkpoint)
    })
  }
  assertEverything(trial, got)
}

/** What was polled after a checkpoint is lost with the process and comes again, wherever the checkpoint was. */
export async function repeatsAfterCheckpoint<T>(trial: SourceTrial<T>, parallelism: number): Promise<void> {
  const got: T[] = []
  let checkpoint: SourceCheckpoint | undefined
  for (let id = 1, more = true; more; id += 1) {
    await inLife(trial, { parallelism, restore: checkpoint }, async (rig) => {
      if (id > 1) more = await readPiece(trial, rig, { got, maxRecords: PIECE })
      checkpoint = await rig.checkpoint()
      if (more && got.length < trial.fixture.expected.length) await rig.next(PIECE)
    })
  }
  assertEverything(trial, got)
}

/** Splits that were assigned and not yet read are in the checkpoint, those not yet assigned are with the enumerator. */
export async function keepsSplitsUnread<T>(trial: SourceTrial<T>, parallelism: number): Promise<void> {
  let restore: SourceCheckpoint | undefined
  for (let id = 1; id <= EARLY_CHECKPOINTS; id += 1) {
    await inLife(trial, { parallelism, restore }, async (rig) => {
      restore = await rig.checkpoint()
    })
  }
  await inLife(trial, { parallelism, restore }, async (rig) => {
    const got: T[] = []
    await readRest(trial, rig, { got, maxRecords: MANY })
    assertEverything(trial, got)
  })
}

async function inLife<T>(
  trial: SourceTrial<T>,
  options: Parameters<typeof beginLife>[1],
  work: (rig: SourceRig) => Promise<void>,
): Promise<void> {
  const rig = await beginLife(trial, options)
  try {
    await work(rig)
  } finally {
    await soon(rig.close(), 'close()')
  }
}
