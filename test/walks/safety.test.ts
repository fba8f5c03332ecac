// The second walk: safety. One checkpoint of a task with two inputs and a transactional sink, from the coordinator's first decision to
// the rows that a reader sees; then the crash, and the way back.
//
//   coordinator → barrier in every channel → alignment → snapshot → acknowledgement → manifest → commit

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DEFAULT_LOCAL_BOUNDS } from '../../runtime/channel/channel.ts'
import { LocalChannel } from '../../runtime/channel/local-channel.ts'
import { Coordinator, type CoordinatorCommands } from '../../runtime/checkpoint/coordinator.ts'
import { subtaskKey } from '../../runtime/checkpoint/decide.ts'
import type { Cause } from '../../runtime/checkpoint/facts.ts'
import { nodeFs } from '../../runtime/checkpoint/fs.ts'
import { CheckpointHistory } from '../../runtime/checkpoint/history.ts'
import { jobLayout } from '../../runtime/checkpoint/layout.ts'
import type { NodeRestore, TaskSnapshot } from '../../runtime/checkpoint/snapshot.ts'
import { CheckpointStore } from '../../runtime/checkpoint/store.ts'
import { nodeSnapshot } from '../../runtime/task/chain-node.ts'
import { EpochRunner } from '../../runtime/task/epoch-runner.ts'
import { InputGate } from '../../runtime/task/input-gate.ts'
import { batchOf } from '../../src/record/batch.ts'
import type { Barrier } from '../../src/record/element.ts'
import { deferred } from '../../src/util/deferred.ts'
import { MemoryEpochSink, MemoryTarget } from '../runtime/worker/test-nodes.ts'
import { ManualClock } from '../support/runtime-context.ts'

test('safety: from a barrier to what a reader sees, and back after a crash', async () => {
  const layout = jobLayout(join(mkdtempSync(join(tmpdir(), 'walk-safety-')), 'shop'))
  const clock = new ManualClock()
  const target = new MemoryTarget()
  const place = { job: 'shop', node: 'ledger', jobDir: layout.root }

  // 1. The coordinator decides (decide.ts, pure) and has others do it. Its store is the job's checkpoints on disk.
  const store = await CheckpointStore.open(nodeFs, layout)
  const history = await CheckpointHistory.open(nodeFs, layout, store, async () => undefined)
  const { coordinator, triggered, completed } = coordinate(store, history, clock)
  clock.advance(1_000)
  const id = await triggered
  // The id is on disk before anyone hears of it: it is never given out again.
  expect((await CheckpointStore.look(nodeFs, layout)).lastId).toBe(id)

  // 2. Sources put a barrier into every channel, behind all records of the epoch. The first channel is quicker than the second.
  const [quick, slow] = [new LocalChannel(DEFAULT_LOCAL_BOUNDS), new LocalChannel(DEFAULT_LOCAL_BOUNDS)]
  const barrier: Barrier = { kind: 'barrier', id, final: false }
  for (const element of [batchOf(['a']), barrier, batchOf(['too early'])]) await quick.write(element)
  const channels = [quick, slow].map((reader) => ({ reader, input: 0 }))
  const gate = new InputGate({ channels, delivery: 'exactly-once', clock, onReadable: () => {} })
  const sink = new EpochRunner(new MemoryEpochSink(target), place, nodeSnapshot('ledger', 0))
  await sink.open(undefined)
  const pass = async (): Promise<void> => {
    for (let read = gate.next(); read !== undefined; read = gate.next()) {
      if (read.kind === 'batch') await sink.write(read)
      else return expect(read).toEqual(barrier)
    }
  }

  // 3. Alignment: what the quick channel has behind its barrier is held back until the slow one's has come.
  await pass()
  expect(quick.records).toBe(1)
  await slow.write(batchOf(['b']))
  await slow.write(barrier)
  await pass()

  // 4. At the aligned barrier every node is frozen, and made durable beside the stream. The sink's epoch is in its log; nobody sees it.
  await sink.finishEpoch(id)
  const node = await sink.freeze().finish(store.folderOf(id))
  expect(target.rows).toEqual([])

  // 5. All subtasks have acknowledged: the manifest is written. Its rename is the commit point.
  coordinator.tell({ type: 'ack', attempt: 0, checkpoint: id, snapshot: acknowledgement(node) })
  await completed
  expect((await history.latest())?.manifest.tasks[0]?.nodes[0]?.node).toBe('ledger')

  // 6. Here the process dies: the checkpoint is complete, the sink was never told. Records of the next epoch were in its log already.
  await sink.write(batchOf(['lost with the process, read again after the restore']))
  await sink.close()
  await coordinator.close()

  // 7. The next process starts from the latest complete checkpoint. The sink asks its target which epoch it holds, applies what is
  //    missing, and forgets what the checkpoint does not know.
  const restored = new EpochRunner(new MemoryEpochSink(target), place, nodeSnapshot('ledger', 0))
  await restored.open(restoreOf(id, node?.commit, store.folderOf(id)))
  expect(target.rows).toEqual(['a', 'b'])

  // 8. However often that happens: the target's marker is in, so nothing is applied twice.
  await restored.close()
  const again = new EpochRunner(new MemoryEpochSink(target), place, nodeSnapshot('ledger', 0))
  await again.open(restoreOf(id, node?.commit, store.folderOf(id)))
  expect(target.rows).toEqual(['a', 'b'])
  await again.close()
  rmSync(join(layout.root, '..'), { recursive: true })
})

function coordinate(store: CheckpointStore, history: CheckpointHistory, clock: ManualClock) {
  const triggered = deferred<number>()
  const completed = deferred<number>()
  const coordinator = new Coordinator<Cause>({
    rules: {
      attempt: 0,
      intervalMs: 1_000,
      timeoutMs: 10_000,
      minPauseMs: 0,
      tolerableFailures: 0,
      subtasks: [subtaskKey(0, 0)],
      workers: [0],
      enumeratorWorkers: [],
    },
    retention: { retain: 3, expireMs: undefined },
    clock,
    store,
    history,
    manifest: { job: 'shop', keyGroups: 128, graph: { job: 'shop', nodes: [] } },
    commands: { ...QUIET, trigger: (id) => triggered.resolve(id), complete: (id) => completed.resolve(id) },
  })
  return { coordinator, triggered: triggered.promise, completed: completed.promise }
}

const QUIET: CoordinatorCommands<Cause> = {
  enumerate: () => {},
  trigger: () => {},
  complete: () => {},
  abort: () => {},
  progress: () => {},
  settled: () => {},
  tidyFailed: () => {},
  fail: () => {},
  end: () => {},
  causeOf: (error) => ({ message: String(error) }),
}

function acknowledgement(node: Awaited<ReturnType<ReturnType<EpochRunner['freeze']>['finish']>>): TaskSnapshot {
  const times = { alignMs: 0, pauseMs: 0, asyncMs: 0 }
  return { task: 0, subtask: 0, nodes: node === undefined ? [] : [node], times, stateBytes: 0 }
}

function restoreOf(checkpoint: number, commit: Uint8Array | undefined, folder: string): NodeRestore {
  const commits = commit === undefined ? [] : [commit]
  return {
    node: 'ledger',
    folder,
    checkpoint,
    keyed: [],
    operator: [],
    splits: undefined,
    enumerator: undefined,
    commits,
  }
}
