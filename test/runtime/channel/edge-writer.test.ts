import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EdgeWriter } from '../../../runtime/channel/edge-writer.ts'
import { LocalChannel } from '../../../runtime/channel/local-channel.ts'
import type { Partitioner } from '../../../src/graph/logical-graph.ts'
import { BATCH_RECORDS, batchOf } from '../../../src/record/batch.ts'
import type { Element } from '../../../src/record/element.ts'
import { keyGroupOf, subtaskOfKeyGroup } from '../../../src/util/key-group.ts'

const ROOM = { records: Number.POSITIVE_INFINITY, elements: 1000 }

function writerTo(count: number, partitioner: Partitioner, first = 0): { edge: EdgeWriter; channels: LocalChannel[] } {
  const channels = Array.from({ length: count }, () => new LocalChannel(ROOM))
  return { edge: new EdgeWriter({ partitioner, writers: channels, keyGroups: 128, first }), channels }
}

function drain(channel: LocalChannel): Element[] {
  const elements: Element[] = []
  for (let element = channel.take(); element !== undefined; element = channel.take()) elements.push(element)
  return elements
}

const valuesOf = (elements: readonly Element[]): unknown[] =>
  elements.flatMap((element) => (element.kind === 'batch' ? element.values : []))

it('I1: sends every record of a key to the subtask that owns it, in order, before the barrier that follows it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.oneof(fc.array(fc.string({ maxLength: 3 }), { maxLength: 40 }), fc.constant('barrier')), {
        maxLength: 12,
      }),
      (count, pushes) => {
        const { edge, channels } = writerTo(count, 'hash')
        let barriers = 0
        let n = 0
        const sent: { key: string; n: number; epoch: number }[] = []
        for (const push of pushes) {
          if (push === 'barrier') {
            barriers += 1
            void edge.control({ kind: 'barrier', id: barriers, final: false })
          } else {
            const keys = push as string[]
            const records = keys.map((key) => ({ key, n: n++, epoch: barriers }))
            sent.push(...records)
            void edge.push(batchOf(records, undefined, keys))
          }
        }
        void edge.flush()
        for (const [subtask, channel] of channels.entries()) {
          let epoch = 0
          const got: unknown[] = []
          for (const element of drain(channel)) {
            if (element.kind === 'barrier') epoch = element.id
            if (element.kind !== 'batch') continue
            for (const record of element.values as { epoch: number }[]) expect(record.epoch).toBe(epoch)
            got.push(...element.values)
          }
          expect(got).toEqual(sent.filter(({ key }) => subtaskOfKeyGroup(keyGroupOf(key, 128), 128, count) === subtask))
          expect(epoch).toBe(barriers)
        }
      },
    ),
  )
})

it('I2: gathers small batches until one is full, and holds nothing after flush', () => {
  const { edge, channels } = writerTo(1, 'forward')
  for (let i = 0; i < BATCH_RECORDS + 5; i += 1) void edge.push(batchOf([i]))
  expect(edge.holdsRecords).toBe(true)
  void edge.flush()
  expect(edge.holdsRecords).toBe(false)
  const elements = drain(channels[0] as LocalChannel)
  expect(elements.map((element) => element.kind === 'batch' && element.values.length)).toEqual([BATCH_RECORDS, 5])
})

it('keeps records with and without timestamps in batches of their own', () => {
  const { edge, channels } = writerTo(1, 'forward')
  void edge.push(batchOf(['a'], [1]))
  void edge.push(batchOf(['b']))
  void edge.flush()
  expect(drain(channels[0] as LocalChannel)).toEqual([batchOf(['a'], [1]), batchOf(['b'])])
})

it('deals batches out in turn, beginning where it was told', () => {
  const { edge, channels } = writerTo(3, 'rebalance', 1)
  for (let i = 0; i < 3; i += 1) void edge.push(batchOf([i]))
  void edge.flush()
  expect(channels.map((channel) => valuesOf(drain(channel)))).toEqual([[2], [0], [1]])
})

it('gives every reader of a broadcast everything', () => {
  const { edge, channels } = writerTo(2, 'broadcast')
  void edge.push(batchOf([1, 2]))
  void edge.control({ kind: 'end' })
  for (const channel of channels) expect(drain(channel)).toEqual([batchOf([1, 2]), { kind: 'end' }])
})
