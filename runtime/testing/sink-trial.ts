// A sink in a world of its own, and how the cases of its list write to it.

import type { RichSinkFunction } from '../../src/contract/sink-function.ts'
import { holds, soon } from './conformance.ts'
import { differenceOf } from './difference.ts'
import { ManualClock } from './manual-clock.ts'
import { testContext } from './test-environment.ts'

/** One target to write to. Made anew for each case. */
export interface SinkFixture<T> {
  /** A new sink over this target, as a job file would make it at each start. */
  create(): RichSinkFunction<T>
  /** What a reader who opens the target now sees. */
  read(): readonly unknown[] | Promise<readonly unknown[]>
  /** After the case, whether it passed or not. */
  dispose?(): void | Promise<void>
}

/** What the sink can do; what it cannot is listed as skipped. */
export interface SinkSupport {
  /** Can what was written be read back? Default true. */
  readonly readable?: boolean
  /** Can several subtasks write at once, and be restored to another number of them? Default true. */
  readonly parallel?: boolean
  /** Can the job go back to an older checkpoint without readers seeing anything twice? Asked of append sinks. Default true. */
  readonly rewindable?: boolean
  /** Does a reader see one writer's records in the order written? Default true; false for targets without order. */
  readonly ordered?: boolean
}

/** A sink and how to hold it to its contract. */
export interface SinkConformanceOptions<T> {
  readonly name: string
  readonly kind: RichSinkFunction<T>['kind']
  /** Makes a target in this empty folder. */
  readonly prepare: (folder: string) => SinkFixture<T> | Promise<SinkFixture<T>>
  /** At least six. For an upsert sink some should replace earlier ones. */
  readonly records: readonly T[]
  /** What a reader sees when these were written, in this order. Default: the same. */
  readonly resultOf?: (written: readonly T[]) => readonly unknown[]
  readonly supports?: SinkSupport
  /** A sink whose open() must fail: its folder is a file, its password wrong. */
  readonly createBroken?: (folder: string) => RichSinkFunction<T>
}

export interface SinkTrial<T> {
  readonly options: SinkConformanceOptions<T>
  readonly folder: string
  readonly fixture: SinkFixture<T>
  /** The records in three parts. */
  readonly parts: readonly [readonly T[], readonly T[], readonly T[]]
}

/** Where a sink's subtask is among its like. */
export interface Seat {
  readonly subtask: number
  readonly parallelism: number
}

const ALONE: Seat = { subtask: 0, parallelism: 1 }
const NODE = 'sink'

/** A new sink, opened. */
export async function openSink<T, S extends RichSinkFunction<T>>(
  { fixture, folder, options }: SinkTrial<T>,
  { subtask, parallelism } = ALONE,
): Promise<S> {
  const sink = fixture.create()
  holds(sink.kind === options.kind, `the manifest says ${options.kind}, the sink says ${sink.kind}`)
  try {
    await sink.open(testContext({ folder, subtask, parallelism, clock: new ManualClock(1_000_000) }, NODE))
    return sink as S
  } catch (error) {
    await sink.close()
    throw error
  }
}

/** What open() is given when it must fail. */
export async function openBroken<T>(sink: RichSinkFunction<T>, folder: string): Promise<void> {
  await sink.open(testContext({ folder, clock: new ManualClock(1_000_000) }, NODE))
}

export function closeSink<T>(sink: RichSinkFunction<T>): Promise<void> {
  return soon(Promise.resolve(sink.close()), 'close()')
}

/** Throws unless a reader sees the result of these records, which `when` names the moment of. */
export async function assertSeen<T>(
  { fixture, options }: SinkTrial<T>,
  written: readonly T[],
  { when, anyOrder = options.supports?.ordered === false }: { readonly when: string; readonly anyOrder?: boolean },
): Promise<void> {
  if (options.supports?.readable === false) return
  const expected = options.resultOf?.(written) ?? written
  const difference = differenceOf({ expected, actual: await fixture.read(), anyOrder })
  holds(difference === undefined, `${when}, a reader sees something else: ${difference}`)
}

/** First, middle and last third. */
export function inThree<T>(records: readonly T[]): SinkTrial<T>['parts'] {
  const third = Math.ceil(records.length / 3)
  return [records.slice(0, third), records.slice(third, 2 * third), records.slice(2 * third)]
}
