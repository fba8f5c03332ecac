import { expect, it } from 'vitest'
import type { NodeRestore, NodeSnapshot } from '../../../runtime/checkpoint/snapshot.ts'
import { nodeSnapshot } from '../../../runtime/task/chain-node.ts'
import { EpochRunner } from '../../../runtime/task/epoch-runner.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { deferred } from '../../../src/util/deferred.ts'
import { freshDirectory } from '../worker/hosted-job.ts'
import { MemoryEpochSink, MemoryTarget } from '../worker/test-nodes.ts'

class Rig {
  readonly jobDir = freshDirectory()
  readonly target = new MemoryTarget()

  async open(
    checkpoint?: number,
    snapshots: readonly (NodeSnapshot | undefined)[] = [],
    subtask = 0,
    openBytesMax?: number,
  ): Promise<EpochRunner> {
    const place = { job: 'j', node: 'n', jobDir: this.jobDir }
    const runner = new EpochRunner(new MemoryEpochSink(this.target), place, nodeSnapshot('n', subtask), openBytesMax)
    await runner.open(checkpoint === undefined ? undefined : restoreOf(checkpoint, snapshots))
    return runner
  }
}

function restoreOf(checkpoint: number, snapshots: readonly (NodeSnapshot | undefined)[]): NodeRestore {
  const commits = snapshots.flatMap((snapshot) => (snapshot?.commit === undefined ? [] : [snapshot.commit]))
  return {
    node: 'n',
    folder: '',
    checkpoint,
    keyed: [],
    operator: [],
    splits: undefined,
    enumerator: undefined,
    commits,
  }
}

async function epochOf(
  runner: EpochRunner,
  epoch: number,
  values: readonly unknown[],
): Promise<NodeSnapshot | undefined> {
  if (values.length > 0) await runner.write(batchOf(values))
  await runner.finishEpoch(epoch)
  return runner.freeze().finish('')
}

async function complete(runner: EpochRunner, checkpoint: number): Promise<void> {
  await runner.complete(checkpoint)
  await runner.settled()
}

it('shows an epoch only when its checkpoint is complete, in one transaction', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  await epochOf(runner, 1, ['a', 'b'])
  await runner.write(batchOf(['c']))
  expect(rig.target.rows).toEqual([])
  await complete(runner, 1)
  expect(rig.target.rows).toEqual(['a', 'b'])
  expect(rig.target.epochs.get('j/n/0')).toBe(1)
  await epochOf(runner, 2, [])
  await complete(runner, 2)
  expect(rig.target.rows).toEqual(['a', 'b', 'c'])
  await runner.close()
})

it('never applies an empty epoch', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  expect(await epochOf(runner, 1, [])).toBeUndefined()
  await complete(runner, 1)
  expect(rig.target.applied).toBe(0)
  await runner.close()
})

it('I3: carries the epoch of an aborted checkpoint into the next one and commits both, in order', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  await epochOf(runner, 1, ['a'])
  const snapshot = await epochOf(runner, 2, ['b'])
  await runner.close()
  const again = await rig.open(2, [snapshot])
  expect(rig.target.rows).toEqual(['a', 'b'])
  expect(rig.target.applied).toBe(2)
  await again.close()
})

it('I2: repeats a restored commit only if the target does not hold it', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  const snapshot = await epochOf(runner, 1, ['a'])
  await complete(runner, 1)
  await runner.close()
  for (let restart = 0; restart < 3; restart += 1) await (await rig.open(1, [snapshot])).close()
  expect(rig.target.rows).toEqual(['a'])
  rig.target.rows.length = 0
  rig.target.epochs.clear()
  await expect(rig.open(1, [snapshot])).resolves.toBeDefined()
  expect(rig.target.rows).toEqual(['a'])
})

it('I4: forgets what a failed attempt wrote after the restored checkpoint', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  const snapshot = await epochOf(runner, 1, ['a'])
  await epochOf(runner, 2, ['lost'])
  await runner.write(batchOf(['lost too']))
  await runner.close()
  const again = await rig.open(1, [snapshot])
  await epochOf(again, 3, ['b'])
  await complete(again, 3)
  expect(rig.target.rows).toEqual(['a', 'b'])
  await again.close()
})

it('I4: forgets everything a failed attempt wrote when there is no checkpoint to go back to', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  await epochOf(runner, 1, ['lost'])
  await runner.close()
  const again = await rig.open()
  await epochOf(again, 2, ['a'])
  await complete(again, 2)
  expect(rig.target.rows).toEqual(['a'])
  await again.close()
})

it('commits what a former subtask left to the one that inherits it', async () => {
  const rig = new Rig()
  const [zero, one] = [await rig.open(), await rig.open(undefined, [], 1)]
  const snapshots = [await epochOf(zero, 1, ['a']), await epochOf(one, 1, ['b'])]
  await zero.close()
  await one.close()
  const single = await rig.open(1, snapshots)
  expect([...rig.target.rows].sort()).toEqual(['a', 'b'])
  expect([...rig.target.epochs]).toEqual(
    expect.arrayContaining([
      ['j/n/0', 1],
      ['j/n/1', 1],
    ]),
  )
  await single.close()
})

it('fails when a commit fails, and commits it after the restart', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  const snapshot = await epochOf(runner, 1, ['a'])
  rig.target.failNext = true
  await runner.complete(1)
  await expect(runner.settled()).rejects.toThrow('target is away')
  await runner.close()
  const again = await rig.open(1, [snapshot])
  expect(rig.target.rows).toEqual(['a'])
  await again.close()
})

it('refuses a target that is ahead of this run: it would drop the epochs as repetitions', async () => {
  const rig = new Rig()
  rig.target.epochs.set('j/n/0', 50)
  const runner = await rig.open()
  // Before the checkpoint is complete: it would be taken for applied after a restore from it.
  await expect(epochOf(runner, 1, ['a'])).rejects.toMatchObject({ code: 'SINK_TARGET_AHEAD', retry: 'never' })
  await runner.close()
})

it('I5: makes the barrier wait while complete epochs wait to be applied', async () => {
  const rig = new Rig()
  const runner = await rig.open()
  const away = deferred()
  rig.target.away = away.promise
  for (let epoch = 1; epoch <= 3; epoch += 1) {
    await epochOf(runner, epoch, [epoch])
    await runner.complete(epoch)
  }
  await runner.write(batchOf([4]))
  const waiting = runner.finishEpoch(4)
  expect(waiting).toBeDefined()
  expect(rig.target.rows).toEqual([])
  away.resolve()
  await waiting
  expect(rig.target.rows).toEqual([1, 2, 3])
  await runner.close()
})

it('I5: makes the stream wait when much was written while an epoch waits to be applied, and only then', async () => {
  const rig = new Rig()
  const runner = await rig.open(undefined, [], 0, 1000)
  const much = 'x'.repeat(2000)
  await runner.write(batchOf([much])) // nothing waits: it is for the checkpoint to come
  await epochOf(runner, 1, ['a'])
  const away = deferred()
  rig.target.away = away.promise
  await runner.complete(1)
  await runner.write(batchOf(['b']))
  let waited = false
  const waiting = runner.write(batchOf([much]))?.then(() => {
    waited = true
  })
  expect(waiting).toBeDefined()
  await new Promise((resolve) => setImmediate(resolve))
  expect([waited, rig.target.rows]).toEqual([false, []])
  away.resolve()
  await waiting
  expect(rig.target.rows).toEqual([much, 'a'])
  await complete(runner, 1)
  await epochOf(runner, 2, [])
  await complete(runner, 2)
  expect(rig.target.rows).toEqual([much, 'a', 'b', much])
  await runner.close()
})

it('keeps batches as the sink has them as bytes, and reads them so after a restart', async () => {
  const rig = new Rig()
  class TextSink extends MemoryEpochSink {
    override readonly logCodec = {
      encode: (batch: readonly unknown[]) => Buffer.from(`text:${batch.join(',')}`),
      decode: (bytes: Uint8Array) => Buffer.from(bytes).toString().replace('text:', '').split(','),
    }
  }
  const open = async (restore?: NodeRestore): Promise<EpochRunner> => {
    const place = { job: 'j', node: 'n', jobDir: rig.jobDir }
    const runner = new EpochRunner(new TextSink(rig.target), place, nodeSnapshot('n', 0))
    await runner.open(restore)
    return runner
  }
  const runner = await open()
  await epochOf(runner, 1, ['a', 'b'])
  await complete(runner, 1)
  const snapshot = await epochOf(runner, 2, ['c'])
  await runner.close()
  const again = await open(restoreOf(2, [snapshot]))
  expect(rig.target.rows).toEqual(['a', 'b', 'c'])
  await again.close()
})
