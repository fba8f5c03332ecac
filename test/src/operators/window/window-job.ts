import { type NodeTest, testNode } from '../../../../runtime/testing/index.ts'
import { print } from '../../../../src/connectors/print/index.ts'
import { fromArray, type Job, job, type Key, type KeyedStream, type Stream } from '../../../../src/index.ts'

/** A job whose node "windows" is made by `add` of records that are their own keys. */
export function windows<T extends Key>(add: (keyed: KeyedStream<T, T>) => Stream<unknown>): Job {
  return job('windows', (flow) => {
    const keyed = flow.from('items', fromArray<T>([])).keyBy<T>('key', (value) => value)
    add(keyed).to('out', print())
  })
}

/** Tests that node in every way. */
export const run = (job: Job, test: NodeTest): Promise<void> => testNode(job, 'windows', test)

/** [key, start, end, how many]. */
export const row = (key: Key, window: { start: number; end: number }, n: unknown): unknown => [
  key,
  window.start,
  window.end,
  n,
]
