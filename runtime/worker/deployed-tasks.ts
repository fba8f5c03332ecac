// From a deployment to the tasks of one worker, connected to each other and to the ports of other workers.

import type { MessagePort } from 'node:worker_threads'
import type { LogicalGraph } from '../../src/graph/logical-graph.ts'
import { present } from '../../src/util/assert.ts'
import type { Clock } from '../../src/util/clock.ts'
import type { FileSystem } from '../../src/util/file-system.ts'
import {
  type ChannelReader,
  type ChannelWriter,
  DEFAULT_LOCAL_BOUNDS,
  DEFAULT_PORT_BOUNDS,
} from '../channel/channel.ts'
import { EdgeWriter } from '../channel/edge-writer.ts'
import { LocalChannel } from '../channel/local-channel.ts'
import { PortReader, PortWriter } from '../channel/port-channel.ts'
import { channelExists, type PlannedEdge, type PlannedTask } from '../plan/physical-plan.ts'
import { buildTask } from '../task/build-task.ts'
import type { GateChannel } from '../task/input-gate.ts'
import type { Task } from '../task/task.ts'
import type { OpenKeyedBackend, TaskEnvironment } from '../task/task-environment.ts'
import type { TaskListener } from '../task/task-port.ts'
import type { Deployment, PortAddress } from './messages.ts'

export interface WorkerDeployment {
  readonly worker: number
  readonly deployment: Deployment
  readonly addresses: readonly PortAddress[]
  readonly ports: readonly unknown[]
  /** A new build of the job, for one subtask. */
  readonly build: () => LogicalGraph
  readonly clock: Clock
  readonly fileSystem: FileSystem
  readonly openBackend: OpenKeyedBackend
  readonly folderOf: (checkpoint: number) => Promise<string>
  readonly listenerOf: (task: number, subtask: number) => TaskListener
}

/** A task with its address. */
export interface DeployedTask {
  readonly task: Task
  readonly planned: PlannedTask
  readonly subtask: number
}

/** Builds every subtask of this worker; nothing is opened. Throws GRAPH_*. */
export function buildTasks(worker: WorkerDeployment): DeployedTask[] {
  const { plan } = worker.deployment
  const channels = new Channels(worker)
  const here = plan.tasks.flatMap((planned) =>
    planned.workers.flatMap((at, subtask) => (at === worker.worker ? [{ planned, subtask }] : [])),
  )
  const cacheBytes = cacheBytesEach(worker, here)
  const claimed = new WeakMap<object, string>()
  return here.map(({ planned, subtask }) => {
    const task = buildTask({
      planned,
      graph: worker.build(),
      environment: environmentOf(worker, planned, subtask, cacheBytes),
      inputs: channels.into(planned, subtask),
      outputs: channels.outOf(planned, subtask),
      claimed,
    })
    return { task, planned, subtask }
  })
}

/** The worker's heap for state, shared evenly by its keyed nodes. */
function cacheBytesEach(worker: WorkerDeployment, here: readonly { readonly planned: PlannedTask }[]): number {
  const keyed = new Set(
    worker
      .build()
      .nodes.filter((node) => node.kind === 'operator' && node.keyed)
      .map(({ name }) => name),
  )
  const count = here.flatMap(({ planned }) => planned.nodes.filter((node) => keyed.has(node))).length
  return worker.deployment.state.cacheBytes / Math.max(1, count)
}

function environmentOf(
  { deployment, clock, fileSystem, openBackend, folderOf, listenerOf }: WorkerDeployment,
  planned: PlannedTask,
  subtask: number,
  cacheBytes: number,
): TaskEnvironment {
  const { plan, attempt, mode, delivery, jobDir, restore } = deployment
  return {
    job: plan.job,
    task: planned.id,
    subtask,
    parallelism: planned.parallelism,
    keyGroups: plan.keyGroups,
    attempt,
    mode,
    delivery,
    jobDir,
    cacheBytes,
    clock,
    fileSystem,
    openBackend,
    folderOf,
    listener: listenerOf(planned.id, subtask),
    restoreOf: (node) => restore[node]?.[subtask],
    rewind: deployment.rewind,
    batchEnded: deployment.batchEnded,
  }
}

/** Finds or makes the channel ends of each subtask. */
class Channels {
  readonly #worker: WorkerDeployment
  readonly #ports: ReadonlyMap<string, MessagePort>
  readonly #local = new Map<string, LocalChannel>()

  constructor(worker: WorkerDeployment) {
    this.#worker = worker
    this.#ports = new Map(
      worker.addresses.map(({ edge, fromSubtask, toSubtask }, i) => [
        addressKey(edge, fromSubtask, toSubtask),
        worker.ports[i] as MessagePort,
      ]),
    )
  }

  into(planned: PlannedTask, subtask: number): GateChannel[] {
    const { plan } = this.#worker.deployment
    return plan.edges
      .filter((edge) => edge.toTask === planned.id)
      .flatMap((edge) =>
        this.#subtasks(edge.fromTask)
          .filter((from) => channelExists(edge, from, subtask))
          .map((from) => ({ reader: this.#reader(edge, from, subtask), input: edge.input })),
      )
  }

  outOf(planned: PlannedTask, subtask: number): { readonly edge: PlannedEdge; readonly writer: EdgeWriter }[] {
    const { plan } = this.#worker.deployment
    return plan.edges
      .filter((edge) => edge.fromTask === planned.id)
      .map((edge) => {
        const to = this.#subtasks(edge.toTask).filter((each) => channelExists(edge, subtask, each))
        const writers = to.map((each) => this.#writer(edge, subtask, each))
        const { partitioner } = edge
        return { edge, writer: new EdgeWriter({ partitioner, writers, keyGroups: plan.keyGroups, first: subtask }) }
      })
  }

  #subtasks(task: number): number[] {
    return present(this.#worker.deployment.plan.tasks[task], `task ${task}`).workers.map((_, subtask) => subtask)
  }

  #reader(edge: PlannedEdge, from: number, to: number): ChannelReader {
    const port = this.#ports.get(addressKey(edge.id, from, to))
    return port === undefined ? this.#channel(edge, from, to) : new PortReader(port, DEFAULT_PORT_BOUNDS)
  }

  #writer(edge: PlannedEdge, from: number, to: number): ChannelWriter {
    const port = this.#ports.get(addressKey(edge.id, from, to))
    if (port === undefined) return this.#channel(edge, from, to)
    return new PortWriter(port, { bounds: DEFAULT_PORT_BOUNDS, node: edge.fromNode })
  }

  #channel(edge: PlannedEdge, from: number, to: number): LocalChannel {
    const key = addressKey(edge.id, from, to)
    const known = this.#local.get(key)
    if (known !== undefined) return known
    const made = new LocalChannel(DEFAULT_LOCAL_BOUNDS)
    this.#local.set(key, made)
    return made
  }
}

function addressKey(edge: number, from: number, to: number): string {
  return `${edge}:${from}:${to}`
}
