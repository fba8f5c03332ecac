import { expect, it } from 'vitest'
import { AppendRunner } from '../../../runtime/task/append-runner.ts'
import { nodeSnapshot } from '../../../runtime/task/chain-node.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { MemoryAppendSink, MemoryParts } from '../worker/test-nodes.ts'

function runnerOver(parts: MemoryParts, rewound = false): AppendRunner {
  return new AppendRunner(new MemoryAppendSink(parts), nodeSnapshot('n', 0), rewound)
}

async function epochOf(runner: AppendRunner, epoch: number, values: readonly unknown[]) {
  await runner.write(batchOf(values))
  await runner.finishEpoch(epoch)
  return runner.freeze(epoch).finish('')
}

it('publishes an epoch when its checkpoint is complete, once', async () => {
  const parts = new MemoryParts()
  const runner = runnerOver(parts)
  await runner.open(undefined)
  await epochOf(runner, 1, ['a'])
  expect([...parts.published]).toEqual([])
  await runner.complete(1)
  await runner.complete(2)
  expect([...parts.published]).toEqual([['part-1', ['a']]])
  expect(parts.calls).toEqual(['restore [] undefined', 'commit part-1'])
})

it('I1: carries aborted epochs along, and repeats their commits in order after a restore', async () => {
  const parts = new MemoryParts()
  const runner = runnerOver(parts)
  await runner.open(undefined)
  await epochOf(runner, 1, ['a'])
  const snapshot = await epochOf(runner, 2, ['b'])
  parts.calls.length = 0
  const again = runnerOver(parts)
  await again.open({
    node: 'n',
    folder: '',
    checkpoint: 2,
    keyed: [],
    operator: [snapshot?.operator as Uint8Array],
    splits: undefined,
    enumerator: undefined,
    commits: [snapshot?.commit as Uint8Array],
  })
  expect(parts.calls).toEqual(['restore [{"last":"part-2"}] 2', 'commit part-1', 'commit part-2'])
  expect([...parts.published]).toEqual([
    ['part-1', ['a']],
    ['part-2', ['b']],
  ])
})

it.each([true, false])('tells the sink whether the job goes back: %s', async (rewound) => {
  const told: unknown[] = []
  const sink = new (class extends MemoryAppendSink {
    override restore(...args: readonly unknown[]): void {
      told.push(args[2])
    }
  })(new MemoryParts())
  await new AppendRunner(sink, nodeSnapshot('n', 0), rewound).open(undefined)
  expect(told).toEqual([rewound])
})
