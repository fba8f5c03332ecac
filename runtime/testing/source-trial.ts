// A source in a world of its own, and how the cases of its list read it.

import type { SourceFunction } from '../../src/contract/source-function.ts'
import { holds } from './conformance.ts'
import { differenceOf } from './difference.ts'
import { SourceRig, type SourceRigOptions } from './source-rig.ts'

/** One world to read from: files, a database, a list. Made anew for each case. */
export interface SourceFixture<T> {
  /** A new source over this world, as a job file would make it at each start. */
  create(): SourceFunction<T>
  /** Every record that is there to be read. */
  readonly expected: readonly T[]
  /** After the case, whether it passed or not. */
  dispose?(): void | Promise<void>
}

/** What the source can do; what it cannot is listed as skipped. */
export interface SourceSupport {
  /** `itself`: it is bounded. `in batch mode`: it ends there when it has read what is there. `never`: it waits for more. */
  readonly end: 'itself' | 'in batch mode' | 'never'
  /** Can it be read by several subtasks, and be restored to another number of them? Default true. */
  readonly parallel?: boolean
}

/** A source and how to hold it to its contract. */
export interface SourceConformanceOptions<T> {
  readonly name: string
  /** Makes a world in this empty folder. Ten records and more, in several splits, show most. */
  readonly prepare: (folder: string) => SourceFixture<T> | Promise<SourceFixture<T>>
  readonly supports: SourceSupport
  /** A source that must fail when it is opened or first read: its file is missing, its password wrong. */
  readonly createBroken?: (folder: string) => SourceFunction<T>
  /** What tells whether two records are the same. Default: all of it. Leave out what may differ between two readings. */
  readonly identityOf?: (record: T) => unknown
  /** The part of the source the record is of, and its place there: the places of one part must ascend. Default: not checked. */
  readonly orderOf?: (record: T) => readonly [part: string, place: number]
}

export interface SourceTrial<T> {
  readonly options: SourceConformanceOptions<T>
  readonly folder: string
  readonly fixture: SourceFixture<T>
}

/** Polls that ask for as much as the machine does. */
export const MANY = 1_024
const LULLS = 10
/** Far more than there are: whatever is wrong need not be read to its end, which may never come. */
const SPARE = 10

type LifeOptions = Partial<Omit<SourceRigOptions, 'folder'>>

/** A life of the source, opened and begun. */
export async function beginLife<T>(trial: SourceTrial<T>, options: LifeOptions = {}): Promise<SourceRig> {
  const rig = makeLife(trial, options)
  try {
    await rig.open()
    rig.start()
    return rig
  } catch (error) {
    await rig.close()
    throw error
  }
}

/** A life of the source, not opened. */
export function makeLife<T>({ options, fixture, folder }: SourceTrial<T>, more: LifeOptions = {}): SourceRig {
  const mode = options.supports.end === 'in batch mode' ? 'batch' : 'stream'
  return new SourceRig({ create: () => fixture.create(), folder, parallelism: 1, mode, ...more })
}

/** One batch into `got`; false at the end, or where a source that never ends has given all there is. */
export async function readPiece<T>(
  { fixture, options }: SourceTrial<T>,
  rig: SourceRig,
  { got, maxRecords, endless = options.supports.end === 'never' }: ReadOptions<T>,
): Promise<boolean> {
  const { expected } = fixture
  if (endless && got.length >= expected.length) {
    holds(await rig.isQuiet(LULLS), `more records came than the ${expected.length} there are`)
    return false
  }
  const batch = await rig.next(maxRecords)
  if (batch === 'end') {
    holds(!endless, `it ended after ${got.length} records, and was not to end`)
    return false
  }
  const { values, timestamps } = batch
  holds(values.length > 0, 'a batch without records: answer idle instead')
  holds(timestamps === undefined || timestamps.length === values.length, 'a batch with fewer event times than records')
  got.push(...(values as readonly T[]))
  holds(got.length <= 2 * expected.length + SPARE, `${got.length} records came where there are ${expected.length}`)
  return true
}

export interface ReadOptions<T> {
  readonly got: T[]
  readonly maxRecords: number
  /** It is not to end, but to wait. */
  readonly endless?: boolean
}

/** Everything that is left, into `got`. */
export async function readRest<T>(trial: SourceTrial<T>, rig: SourceRig, options: ReadOptions<T>): Promise<void> {
  while (await readPiece(trial, rig, options));
}

/** Throws unless `got` is every record once, in any order, and in order within each part. */
export function assertEverything<T>({ fixture, options }: SourceTrial<T>, got: readonly T[]): void {
  const identityOf = options.identityOf ?? ((record: T): unknown => record)
  const difference = differenceOf({
    expected: fixture.expected.map(identityOf),
    actual: got.map(identityOf),
    anyOrder: true,
  })
  holds(difference === undefined, difference ?? '')
  assertOrder(options, got)
}

function assertOrder<T>({ orderOf }: SourceConformanceOptions<T>, got: readonly T[]): void {
  const last = new Map<string, number>()
  for (const record of orderOf === undefined ? [] : got) {
    const [part, place] = orderOf?.(record) ?? ['', 0]
    const before = last.get(part) ?? Number.NEGATIVE_INFINITY
    holds(place > before, `order of ${part}: place ${place} came after place ${before}`)
    last.set(part, place)
  }
}
