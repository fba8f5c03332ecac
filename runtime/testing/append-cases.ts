// The promises of append sinks.

import type { AppendSinkFunction } from '../../src/contract/sink-function.ts'
import { decode, encode } from '../task/msgpack.ts'
import { assertSeen, closeSink, openSink, type Seat, type SinkTrial } from './sink-trial.ts'

type Append<T> = AppendSinkFunction<T>

/** What a checkpoint keeps of an append sink. */
interface Kept {
  readonly checkpoint: number
  readonly states: readonly unknown[]
  /** In order of epochs. */
  readonly commits: readonly unknown[]
  /** The job goes back to it. */
  readonly rewound?: boolean
}

export async function hidesUntilCommit<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle] = trial.parts
  await withAppend(trial, undefined, async (sink) => {
    await sink.write(first)
    await assertSeen(trial, [], { when: 'before prepare()' })
    const kept = await prepare(sink, 1)
    await sink.write(middle)
    await assertSeen(trial, [], { when: 'before commit()' })
    await commit(sink, kept)
    await assertSeen(trial, first, { when: 'after commit()' })
  })
  await assertSeen(trial, first, { when: 'after close()' })
}

export async function commitsAgain<T>(trial: SinkTrial<T>): Promise<void> {
  const [first] = trial.parts
  const kept = await withAppend(trial, undefined, async (sink) => {
    await sink.write(first)
    const prepared = await prepare(sink, 1)
    await commit(sink, prepared)
    await commit(sink, prepared)
    await assertSeen(trial, first, { when: 'after a second commit() of one epoch' })
    return prepared
  })
  await withAppend(trial, kept, () => Promise.resolve())
  await assertSeen(trial, first, { when: 'after a commit() that a restore repeats' })
}

export async function commitsAfterRestore<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle] = trial.parts
  const kept = await withAppend(trial, undefined, async (sink) => {
    await sink.write(first)
    return prepare(sink, 1)
  })
  await withAppend(trial, kept, async (sink) => {
    await assertSeen(trial, first, { when: 'after a restore of what was prepared and not committed' })
    await sink.write(middle)
    await commit(sink, await prepare(sink, 2))
  })
  await assertSeen(trial, [...first, ...middle], { when: 'after the epoch behind a restore' })
}

export async function cutsBack<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle, last] = trial.parts
  const kept = await withAppend(trial, undefined, async (sink) => {
    await sink.write(first)
    const prepared = await prepare(sink, 1)
    await commit(sink, prepared)
    await sink.write(middle)
    await prepare(sink, 2)
    await sink.write(last)
    return prepared
  })
  await withAppend(trial, kept, async (sink) => {
    await assertSeen(trial, first, { when: 'after a restore to the epoch before' })
    await sink.write([...middle, ...last])
    await commit(sink, await prepare(sink, 3))
  })
  await assertSeen(trial, [...first, ...middle, ...last], { when: 'after what was cut back was written again' })
}

/** A checkpoint that failed: its epoch is committed with the next one that completes. */
export async function carriesAborted<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle, last] = trial.parts
  const kept = await withAppend(trial, undefined, async (sink) => {
    await sink.write(first)
    const aborted = await prepare(sink, 1)
    await sink.write(middle)
    const next = await prepare(sink, 2)
    return { ...next, commits: [...aborted.commits, ...next.commits] }
  })
  await withAppend(trial, kept, async (sink) => {
    await assertSeen(trial, [...first, ...middle], { when: 'after the commit of an aborted epoch and the next' })
    await sink.write(last)
    await commit(sink, await prepare(sink, 3))
  })
  await assertSeen(trial, [...first, ...middle, ...last], { when: 'after the epoch behind an aborted one' })
}

export async function preparesNothing<T>(trial: SinkTrial<T>): Promise<void> {
  const [first] = trial.parts
  await withAppend(trial, undefined, async (sink) => {
    await commit(sink, await prepare(sink, 1))
    await assertSeen(trial, [], { when: 'after an epoch without records' })
    await sink.write(first)
    await commit(sink, await prepare(sink, 2))
    await commit(sink, await prepare(sink, 3))
  })
  await assertSeen(trial, first, { when: 'after epochs without records around one with' })
}

/** --from-checkpoint: what later epochs published is taken back. */
export async function takesBackLater<T>(trial: SinkTrial<T>): Promise<void> {
  const [first, middle, last] = trial.parts
  const kept: Kept[] = []
  await withAppend(trial, undefined, async (sink) => {
    for (const [i, part] of trial.parts.entries()) {
      await sink.write(part)
      kept.push(await prepare(sink, i + 1))
      await commit(sink, kept.at(-1) as Kept)
    }
  })
  const back = { ...(kept[0] as Kept), rewound: true }
  await withAppend(trial, back, async (sink) => {
    await assertSeen(trial, first, { when: 'after going back to the first of three checkpoints' })
    await sink.write([...middle, ...last])
    await commit(sink, await prepare(sink, 4))
  })
  await assertSeen(trial, [...first, ...middle, ...last], { when: 'after going back and writing again' })
}

/** From `before` subtasks to `after`: states and commits of subtask j go to subtask j modulo `after`. */
export async function changesParallelism<T>(trial: SinkTrial<T>, before: number, after: number): Promise<void> {
  const { records } = trial.options
  const share = (count: number, subtask: number): T[] => records.filter((_, i) => i % count === subtask)
  const kept = await withAllOpen(trial, undefined, before, (sinks) =>
    Promise.all(
      sinks.map(async (sink, subtask) => {
        await sink.write(share(before, subtask))
        const prepared = await prepare(sink, 1)
        await sink.write(records)
        return prepared
      }),
    ),
  )
  const inherited = (seat: Seat): Kept => merged(kept.filter((_, subtask) => subtask % after === seat.subtask))
  await withAllOpen(trial, inherited, after, async (sinks) => {
    await assertSeen(trial, records, { when: `after a restore from ${before} to ${after} subtasks`, anyOrder: true })
    for (const [subtask, sink] of sinks.entries()) await sink.write(share(after, subtask))
    for (const sink of sinks) await commit(sink, await prepare(sink, 2))
  })
  await assertSeen(trial, [...records, ...records], { when: `after an epoch of ${after} subtasks`, anyOrder: true })
}

/** As the machine does: no subtask writes before all are open. */
async function withAllOpen<T, R>(
  trial: SinkTrial<T>,
  keptOf: ((seat: Seat) => Kept) | undefined,
  parallelism: number,
  work: (sinks: readonly Append<T>[]) => Promise<R>,
): Promise<R> {
  const sinks: Append<T>[] = []
  try {
    for (const seat of seats(parallelism)) sinks.push(await openAppend(trial, keptOf?.(seat), seat))
    return await work(sinks)
  } finally {
    for (const sink of sinks) await closeSink(sink)
  }
}

function seats(parallelism: number): Seat[] {
  return Array.from({ length: parallelism }, (_, subtask) => ({ subtask, parallelism }))
}

function merged(kept: readonly Kept[]): Kept {
  return {
    checkpoint: 1,
    states: kept.flatMap(({ states }) => states),
    commits: kept.flatMap(({ commits }) => commits),
  }
}

/** What was prepared, as a checkpoint gives it back. */
async function prepare<T>(sink: Append<T>, epoch: number): Promise<Kept> {
  const prepared = await sink.prepare(epoch)
  const { state, commit: committable } = decode(encode(prepared)) as typeof prepared
  return { checkpoint: epoch, states: [state], commits: committable === undefined ? [] : [committable] }
}

async function commit<T>(sink: Append<T>, { commits }: Kept): Promise<void> {
  for (const committable of commits) await sink.commit(committable)
}

/** A life of the sink: restored and, as the machine does, what was prepared committed once more. */
async function openAppend<T>(trial: SinkTrial<T>, kept: Kept | undefined, seat?: Seat): Promise<Append<T>> {
  const sink = await openSink<T, Append<T>>(trial, seat)
  try {
    await sink.restore(kept?.states ?? [], kept?.checkpoint, kept?.rewound ?? false)
    if (kept !== undefined) await commit(sink, kept)
    return sink
  } catch (error) {
    await closeSink(sink)
    throw error
  }
}

async function withAppend<T, R>(
  trial: SinkTrial<T>,
  kept: Kept | undefined,
  work: (sink: Append<T>) => Promise<R>,
): Promise<R> {
  const sink = await openAppend(trial, kept)
  try {
    return await work(sink)
  } finally {
    await closeSink(sink)
  }
}
