// Channels between workers: one MessageChannel for every pair of subtasks of an edge whose ends are in two workers.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { present } from '../../src/util/assert.ts'
import { channelExists, type PhysicalPlan } from '../plan/physical-plan.ts'
import type { PortAddress } from '../worker/messages.ts'

/** What one worker gets: `ports[i]` belongs to `addresses[i]`. */
export interface WorkerPorts {
  readonly addresses: PortAddress[]
  readonly ports: MessagePort[]
}

/** By worker. Ends within one worker are connected there. */
export function connectWorkers(plan: PhysicalPlan): readonly WorkerPorts[] {
  const byWorker = Array.from({ length: plan.workers }, (): WorkerPorts => ({ addresses: [], ports: [] }))
  const give = (worker: number, address: PortAddress, port: MessagePort): void => {
    const end = present(byWorker[worker], `worker ${worker}`)
    end.addresses.push(address)
    end.ports.push(port)
  }
  for (const edge of plan.edges) {
    const from = present(plan.tasks[edge.fromTask], 'task that an edge leaves').workers
    const to = present(plan.tasks[edge.toTask], 'task that an edge enters').workers
    for (const [fromSubtask, fromWorker] of from.entries()) {
      for (const [toSubtask, toWorker] of to.entries()) {
        if (fromWorker === toWorker || !channelExists(edge, fromSubtask, toSubtask)) continue
        const channel = new MessageChannel()
        const address = { edge: edge.id, fromSubtask, toSubtask }
        give(fromWorker, address, channel.port1)
        give(toWorker, address, channel.port2)
      }
    }
  }
  return byWorker
}
