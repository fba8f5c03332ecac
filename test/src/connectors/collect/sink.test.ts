import { expect, test } from 'vitest'
import { type CollectSink, collect } from '../../../../src/connectors/collect/index.ts'
import { runtimeContext } from '../../../support/runtime-context.ts'

function opened(
  into: string[],
  checkpoint?: number,
  more: { node?: string; subtask?: number } = {},
): CollectSink<string> {
  const sink = collect(into)
  sink.open(runtimeContext(more))
  sink.restore([], checkpoint)
  return sink
}

test('records appear with the commit of their epoch, once', () => {
  const out: string[] = []
  const sink = opened(out)
  sink.write(['a', 'b'])
  const first = sink.prepare(1)
  sink.write(['c'])
  const second = sink.prepare(2)
  expect(out).toEqual([])
  sink.commit(first.commit)
  expect(out).toEqual(['a', 'b'])
  sink.commit(first.commit)
  sink.commit(second.commit)
  expect(out).toEqual(['a', 'b', 'c'])
})

test('an empty epoch has nothing to commit', () => {
  expect(opened([]).prepare(1).commit).toBeUndefined()
})

test('a restart forgets what was not in the checkpoint and may commit again what was', () => {
  const out: string[] = []
  const before = opened(out)
  before.write(['a'])
  const first = before.prepare(1)
  before.write(['lost'])
  before.prepare(2)
  const after = opened(out, 1)
  after.commit(first.commit)
  after.write(['b'])
  after.commit(after.prepare(2).commit)
  expect(out).toEqual(['a', 'b'])
})

test('going back takes back what was committed later', () => {
  const out: string[] = []
  const sink = opened(out)
  for (const [i, record] of ['a', 'b', 'c'].entries()) {
    sink.write([record])
    sink.commit(sink.prepare(i + 1).commit)
  }
  opened(out, 2)
  expect(out).toEqual(['a', 'b'])
  opened(out)
  expect(out).toEqual([])
})

test('subtasks and nodes share an array without meeting', () => {
  const out: string[] = []
  const sinks = [opened(out, undefined, { node: 'x' }), opened(out, undefined, { subtask: 1 }), opened(out)]
  for (const [i, sink] of sinks.entries()) sink.write([`${i}`])
  const prepared = sinks.map((sink) => sink.prepare(1))
  for (const [i, sink] of sinks.entries()) sink.commit(prepared[i]?.commit)
  expect(out).toEqual(['0', '1', '2'])
})

test('what a process that is gone had prepared is not made up', () => {
  const out: string[] = []
  opened(out).commit({ writer: 'node/0', epoch: 7 })
  expect(out).toEqual([])
})
