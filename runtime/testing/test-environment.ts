import { join } from 'node:path'
import type { RuntimeContext } from '../../src/contract/runtime-context.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { NodeRestore } from '../checkpoint/snapshot.ts'
import { openKeyedBackend } from '../state/open-keyed-backend.ts'
import { NodeMeter } from '../task/node-meter.ts'
import { nodeContext, type TaskEnvironment } from '../task/task-environment.ts'
import type { TaskListener } from '../task/task-port.ts'

/** Where one node of a test lives; what is left out has a job's defaults. */
export interface TestPlace {
  /** Absolute; stands for <data-dir>/<job>. */
  readonly folder: string
  readonly job?: string
  readonly subtask?: number
  readonly parallelism?: number
  readonly keyGroups?: number
  /** A later attempt works in another folder than those before. */
  readonly attempt?: number
  readonly mode?: 'stream' | 'batch'
  readonly cacheBytes?: number
  readonly clock: Clock
  readonly restore?: NodeRestore | undefined
  /** Hears what an enumerator or a reader sends. */
  readonly onEnumerator?: TaskListener['enumerator']
  /** Hears that an enumerator wants a checkpoint. */
  readonly onCheckpointAsked?: () => void
}

const KEY_GROUPS = 128

/** The environment in which the machine's own nodes run for a test: real state, no coordinator. */
export function testEnvironment(place: TestPlace): TaskEnvironment {
  const nothing = (): void => {}
  return {
    job: place.job ?? 'test',
    task: 0,
    subtask: place.subtask ?? 0,
    parallelism: place.parallelism ?? 1,
    keyGroups: place.keyGroups ?? KEY_GROUPS,
    attempt: place.attempt ?? 0,
    mode: place.mode ?? 'stream',
    delivery: 'exactly-once',
    jobDir: place.folder,
    cacheBytes: place.cacheBytes ?? Number.POSITIVE_INFINITY,
    clock: place.clock,
    openBackend: openKeyedBackend,
    listener: {
      acknowledged: nothing,
      declined: nothing,
      drained: nothing,
      committed: nothing,
      failed: nothing,
      enumerator: place.onEnumerator ?? nothing,
      requestCheckpoint: place.onCheckpointAsked ?? nothing,
      reached: nothing,
      log: nothing,
    },
    folderOf: (checkpoint) => Promise.resolve(join(place.folder, 'checkpoints', String(checkpoint))),
    restoreOf: () => place.restore,
  }
}

/** What a function of that node is opened with. */
export function testContext(place: TestPlace, node: string): RuntimeContext {
  return nodeContext(testEnvironment(place), node, new NodeMeter())
}
