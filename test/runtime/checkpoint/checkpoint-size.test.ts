import { expect, it } from 'vitest'
import { sizeOfCheckpoint } from '../../../runtime/checkpoint/checkpoint-size.ts'
import type { NodeSnapshot, StateHandle, TaskSnapshot } from '../../../runtime/checkpoint/snapshot.ts'

const handle = (folder: string, ...files: readonly [string, number, number][]): StateHandle => ({
  folder,
  files: files.map(([name, bytes, crc]) => ({ name, bytes, crc })),
  keyGroups: { start: 0, end: 128 },
  states: [],
})

const task = (more: Partial<NodeSnapshot>): TaskSnapshot => ({
  task: 0,
  subtask: 0,
  nodes: [
    {
      node: 'sums',
      subtask: 0,
      keyed: undefined,
      operator: undefined,
      splits: undefined,
      enumerator: undefined,
      commit: undefined,
      ...more,
    },
  ],
  times: { alignMs: 0, pauseMs: 0, asyncMs: 0 },
  stateBytes: 999_999,
})

it('counts every file and small part once, however much of it is in the heap', () => {
  const enumerator = { small: new Uint8Array(7), state: handle('orders.enumerator', ['1.sst', 50, 1]) }
  const tasks = [
    task({ keyed: handle('sums-0', ['1.sst', 100, 1], ['MANIFEST', 20, 2]) }),
    task({ splits: new Uint8Array(3), operator: new Uint8Array(4), commit: new Uint8Array(5), enumerator }),
  ]
  expect(sizeOfCheckpoint(tasks, undefined)).toMatchObject({ stateBytes: 189, newBytes: 189 })
})

it('new is what the checkpoint before did not hold: another name, folder or content; and small parts', () => {
  const before = sizeOfCheckpoint([task({ keyed: handle('sums-0', ['1.sst', 100, 1], ['2.sst', 40, 2]) })], undefined)
  const keyed = handle('sums-0', ['1.sst', 100, 1], ['2.sst', 40, 3], ['3.sst', 5, 4])
  const after = sizeOfCheckpoint([task({ keyed, splits: new Uint8Array(2) })], before.files)
  expect(after).toMatchObject({ stateBytes: 147, newBytes: 47 })
  const moved = sizeOfCheckpoint([task({ keyed: handle('sums-1', ['1.sst', 100, 1]) })], before.files)
  expect(moved).toMatchObject({ stateBytes: 100, newBytes: 100 })
})

it('a checkpoint that is not complete holds nothing', () => {
  expect(sizeOfCheckpoint([], undefined)).toMatchObject({ stateBytes: 0, newBytes: 0 })
})
