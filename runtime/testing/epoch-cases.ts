// The promises of epoch sinks.

import type { EpochSinkFunction } from '../../src/contract/sink-function.ts'
import { holds } from './conformance.ts'
import { assertSeen, closeSink, openSink, type SinkTrial } from './sink-trial.ts'

type Epoch<T> = EpochSinkFunction<T>

const WRITER = 'job/sink/0'
const OTHER = 'job/sink/1'

export async function beginsWithNoEpoch<T>(trial: SinkTrial<T>): Promise<void> {
  await withEpoch(trial, (sink) => assertLast(sink, WRITER, -1))
}

export async function appliesWithMarker<T>(trial: SinkTrial<T>): Promise<void> {
  const [first] = trial.parts
  await withEpoch(trial, async (sink) => {
    await sink.apply(WRITER, 1, batches(first))
    await assertLast(sink, WRITER, 1)
    await assertSeen(trial, first, { when: 'after apply()' })
  })
  await withEpoch(trial, (sink) => assertLast(sink, WRITER, 1))
  await assertSeen(trial, first, { when: 'after close()' })
}

export async function keepsOrder<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle, last] = trial.parts
  await withEpoch(trial, async (sink) => {
    await sink.apply(WRITER, 1, batches(first, middle))
    // Epochs without records are left out, so that numbers jump.
    await sink.apply(WRITER, 7, batches(...last.map((record) => [record])))
    await assertLast(sink, WRITER, 7)
  })
  await assertSeen(trial, [...first, ...middle, ...last], { when: 'after epochs of several batches' })
}

/** An epoch that breaks off leaves neither a record nor a marker, and can be applied afterwards. */
export async function appliesAllOrNothing<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle, last] = trial.parts
  await withEpoch(trial, async (sink) => {
    await sink.apply(WRITER, 1, batches(first))
    await assertBreaksOff(sink, middle)
    await assertLast(sink, WRITER, 1)
    await assertSeen(trial, first, { when: 'after an apply() that broke off' })
  })
  await withEpoch(trial, async (sink) => {
    await assertBreaksOff(sink, middle)
    await sink.apply(WRITER, 2, batches(middle, last))
    await assertLast(sink, WRITER, 2)
  })
  await assertSeen(trial, [...first, ...middle, ...last], { when: 'after the epoch that broke off was applied' })
}

/** The machine's way after a crash: whether an epoch is applied again is for the marker to say. */
export async function survivesCrashes<T>(trial: SinkTrial<T>): Promise<void> {
  for (const [i, part] of trial.parts.entries()) {
    for (let crash = 0; crash < 2; crash += 1) {
      await withEpoch(trial, async (sink) => {
        if ((await sink.lastEpoch(WRITER, i > 0)) < i + 1) await sink.apply(WRITER, i + 1, batches(part))
      })
    }
  }
  await assertSeen(trial, trial.parts.flat(), { when: 'after a crash behind each epoch' })
}

export async function keepsWritersApart<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle, last] = trial.parts
  const one = await openSink<T, Epoch<T>>(trial, { subtask: 0, parallelism: 2 })
  const two = await openSink<T, Epoch<T>>(trial, { subtask: 1, parallelism: 2 })
  try {
    await one.apply(WRITER, 4, batches(first))
    await assertLast(two, OTHER, -1)
    await Promise.all([one.apply(WRITER, 5, batches(middle)), two.apply(OTHER, 5, batches(last))])
    await assertLast(two, WRITER, 5)
    await assertLast(one, OTHER, 5)
  } finally {
    await closeSink(one)
    await closeSink(two)
  }
  await assertSeen(trial, [...first, ...middle, ...last], { when: 'after epochs of two writers', anyOrder: true })
}

async function assertLast<T>(sink: Epoch<T>, writer: string, epoch: number): Promise<void> {
  const last = await sink.lastEpoch(writer, epoch >= 0)
  holds(last === epoch, `lastEpoch("${writer}") is ${last}, expected ${epoch}`)
}

async function assertBreaksOff<T>(sink: Epoch<T>, records: readonly T[]): Promise<void> {
  const breakingOff = async function* (): AsyncGenerator<readonly T[]> {
    yield records
    throw new Error('the log cannot be read')
  }
  const outcome = await sink.apply(WRITER, 2, breakingOff()).then(
    () => 'resolved',
    () => 'rejected',
  )
  holds(outcome === 'rejected', 'apply() resolved although its batches broke off')
}

function batches<T>(...lists: readonly (readonly T[])[]): AsyncIterable<readonly T[]> {
  return {
    async *[Symbol.asyncIterator]() {
      for (const list of lists) {
        await Promise.resolve()
        yield list
      }
    },
  }
}

async function withEpoch<T>(trial: SinkTrial<T>, work: (sink: Epoch<T>) => Promise<void>): Promise<void> {
  const sink = await openSink<T, Epoch<T>>(trial)
  try {
    await work(sink)
  } finally {
    await closeSink(sink)
  }
}
