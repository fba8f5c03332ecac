// The promises that sinks of every kind keep, and those of upsert sinks.

import type { UpsertSinkFunction } from '../../src/contract/sink-function.ts'
import { holds, soon } from './conformance.ts'
import { assertSeen, closeSink, openBroken, openSink, type SinkTrial } from './sink-trial.ts'

export async function opensAndCloses<T>(trial: SinkTrial<T>): Promise<void> {
  await closeSink(await openSink(trial))
  await assertSeen(trial, [], { when: 'when nothing was written' })
}

export async function closesAnyhow<T>(trial: SinkTrial<T>): Promise<void> {
  const unopened = trial.fixture.create()
  await closeSink(unopened)
  const sink = await openSink(trial)
  await closeSink(sink)
  await closeSink(sink)
}

export async function closesAfterFailure<T>({ options, fixture, folder }: SinkTrial<T>): Promise<void> {
  const sink = options.createBroken?.(folder) ?? fixture.create()
  let failed = false
  await openBroken(sink, folder).catch(() => {
    failed = true
  })
  await closeSink(sink)
  holds(failed, 'createBroken() gave a sink that opens')
}

type Upsert<T> = UpsertSinkFunction<T>

export async function flushIsDurable<T>(trial: SinkTrial<T>): Promise<void> {
  const { records } = trial.options
  await withUpsert(trial, async (sink) => {
    await sink.write(records)
    await soon(Promise.resolve(sink.flush()), 'flush()')
    await assertSeen(trial, records, { when: 'after flush()' })
  })
  await assertSeen(trial, records, { when: 'after close()' })
}

export async function flushesNothing<T>(trial: SinkTrial<T>): Promise<void> {
  await withUpsert(trial, async (sink) => {
    await sink.flush()
    await sink.flush()
  })
  await assertSeen(trial, [], { when: 'after a flush of nothing' })
}

export async function writesSingly<T>(trial: SinkTrial<T>): Promise<void> {
  const { records } = trial.options
  await withUpsert(trial, async (sink) => {
    for (const record of records) await sink.write([record])
    await sink.flush()
  })
  await assertSeen(trial, records, { when: 'when records came one by one' })
}

/** After a crash everything since the checkpoint is written again, wherever the crash was. */
export async function writesAgain<T>(trial: SinkTrial<T>): Promise<void> {
  const { records } = trial.options
  for (let from = 0; from <= records.length; from += 1) {
    await withUpsert(trial, async (sink) => {
      await sink.write(records.slice(from))
      await sink.flush()
    })
    await assertSeen(trial, records, { when: `when the records from ${from + 1} on were written again` })
  }
}

export async function goesBack<T>(trial: SinkTrial<T>): Promise<void> {
  const { records } = trial.options
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await withUpsert(trial, async (sink) => {
      for (const record of records) {
        await sink.write([record])
        await sink.flush()
      }
    })
  }
  await assertSeen(trial, records, { when: 'when everything was written a second time' })
}

async function withUpsert<T>(trial: SinkTrial<T>, work: (sink: Upsert<T>) => Promise<void>): Promise<void> {
  const sink = await openSink<T, Upsert<T>>(trial)
  try {
    await work(sink)
  } finally {
    await closeSink(sink)
  }
}
