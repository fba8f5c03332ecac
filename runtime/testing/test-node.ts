// testNode: one operator of a job against one expected output, run in every way in which the machine may run it.

import { MAIN_OUTPUT } from '../../src/contract/operator.ts'
import { reasonOf } from '../../src/errors.ts'
import type { Job } from '../../src/graph/job.ts'
import { differenceOf } from './difference.ts'
import { type Emitted, type InputBatch, NodeSession } from './node-session.ts'
import { type Step, stepOf } from './step.ts'
import { inTemporaryFolder } from './temporary-folder.ts'

/**
 * How a node is run. `singly`: one record at a time. `in bulk`: as many as come together. `restored after each step`: after each step
 * a checkpoint is taken and everything is made anew from it. `narrow`: in bulk, while the output has room for one record and the
 * heap for none of the state. `in batch mode`: all records come before the first is seen, then key by key; where they wait, in the heap or
 * on disk, is to make no difference.
 */
export type NodeTestWay = 'singly' | 'in bulk' | 'restored after each step' | 'narrow' | 'in batch mode'

/** The script of a node test and what is to come of it. */
export interface NodeTest {
  /** In order: plain values (records of the first input), at(), second(), watermark(), elapse(). */
  readonly input: readonly unknown[]
  /** The main output, in order: plain values, or at() where the event time matters. */
  readonly expected: readonly unknown[]
  /** The main output in batch mode, in any order. Given, the node is run in that way too. */
  readonly batch?: readonly unknown[]
  /** By name of a side output: what comes there. Those not named here are not looked at. */
  readonly sides?: Readonly<Record<string, readonly unknown[]>>
  /** The order of each output does not matter. Default false. */
  readonly anyOrder?: boolean
  /** Does the input end after the last step, and with it event time? Default true. */
  readonly end?: boolean
  /** What the job's settings are. */
  readonly settings?: Readonly<Record<string, string>>
  /** Default: all; `in batch mode` where `batch` is given. */
  readonly ways?: readonly NodeTestWay[]
}

const BATCH = 'in batch mode'
const WAYS: readonly NodeTestWay[] = ['singly', 'in bulk', 'restored after each step', 'narrow']

/**
 * Runs the operator `node` of the job in every way and compares. Keys come from the keyBy that feeds it. Throws an Error that shows, by
 * way, where the output differs or what was thrown.
 */
export async function testNode(job: Job, node: string, test: NodeTest): Promise<void> {
  const failures: string[] = []
  for (const way of test.ways ?? (test.batch === undefined ? WAYS : [...WAYS, BATCH])) {
    for (const narrow of way === BATCH ? [false, true] : [way === 'narrow']) {
      const failure = await inTemporaryFolder((folder) => failureOf(job, node, { test, way, narrow, folder }))
      if (failure !== undefined) failures.push(`${way}: ${failure}`)
    }
  }
  if (failures.length > 0) throw new Error(`Node "${node}" of job "${job.name}"\n${failures.join('\n')}`)
}

interface Run {
  readonly test: NodeTest
  readonly way: NodeTestWay
  readonly narrow: boolean
  readonly folder: string
}

async function failureOf(job: Job, node: string, { test, way, narrow, folder }: Run): Promise<string | undefined> {
  const session = new NodeSession({
    job,
    node,
    folder,
    settings: test.settings ?? {},
    outputs: [MAIN_OUTPUT, ...Object.keys(test.sides ?? {})],
    narrow,
    cacheBytes: narrow ? 1 : Number.POSITIVE_INFINITY,
    mode: way === BATCH ? 'batch' : 'stream',
  })
  try {
    await play(session, test, way)
  } catch (error) {
    return `it threw: ${reasonOf(error)}`
  } finally {
    await session.close()
  }
  if (way !== BATCH) return differenceIn(session.emitted, test)
  return differenceIn(session.emitted, { ...test, expected: test.batch ?? test.expected, anyOrder: true })
}

async function play(session: NodeSession, test: NodeTest, way: NodeTestWay): Promise<void> {
  const steps = test.input.map(stepOf)
  const restarts = way === 'restored after each step'
  await session.open()
  for (const step of way === 'singly' || restarts ? steps.map(single) : grouped(steps)) {
    if ('values' in step) await session.push(step)
    else if (step.kind === 'watermark') await session.watermark(step.timestamp)
    else await session.elapse(step.ms)
    if (restarts) await session.restart()
  }
  await (test.end === false ? session.settle() : session.end())
}

type Action = InputBatch | Exclude<Step, { readonly kind: 'record' }>

function single(step: Step): Action {
  if (step.kind !== 'record') return step
  const { input, value, timestamp } = step
  return { input, values: [value], timestamps: timestamp === undefined ? undefined : [timestamp] }
}

/** Records that come together (of one input, all with event times or none) as one batch. */
function grouped(steps: readonly Step[]): Action[] {
  const actions: Action[] = []
  for (const action of steps.map(single)) {
    const last = actions.at(-1)
    if (last !== undefined && 'values' in last && 'values' in action && fits(last, action)) {
      const timestamps = last.timestamps && [...last.timestamps, ...(action.timestamps ?? [])]
      actions[actions.length - 1] = { input: last.input, values: [...last.values, ...action.values], timestamps }
    } else actions.push(action)
  }
  return actions
}

function fits(a: InputBatch, b: InputBatch): boolean {
  return a.input === b.input && (a.timestamps === undefined) === (b.timestamps === undefined)
}

function differenceIn(emitted: ReadonlyMap<string, readonly Emitted[]>, test: NodeTest): string | undefined {
  const outputs = [[MAIN_OUTPUT, test.expected] as const, ...Object.entries(test.sides ?? {})]
  const differences = outputs.flatMap(([name, expected]) => {
    const { anyOrder = false } = test
    const difference = differenceOf({ ...comparable(expected, emitted.get(name) ?? []), anyOrder })
    return difference === undefined
      ? []
      : [`${name === MAIN_OUTPUT ? 'main output' : `output "${name}"`}: ${difference}`]
  })
  return differences.length === 0 ? undefined : differences.join('\n')
}

/** Event times are compared if any expected record has one. */
function comparable(
  expected: readonly unknown[],
  emitted: readonly Emitted[],
): { readonly expected: readonly unknown[]; readonly actual: readonly unknown[] } {
  const steps = expected.map(stepOf).filter((step) => step.kind === 'record')
  if (steps.every(({ timestamp }) => timestamp === undefined)) {
    return { expected: steps.map(({ value }) => value), actual: emitted.map(({ value }) => value) }
  }
  return {
    expected: steps.map(({ timestamp, value }) => ({ timestamp, value })),
    actual: emitted.map(({ timestamp, value }) => ({ timestamp, value })),
  }
}
