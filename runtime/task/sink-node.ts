// SinkNode: a sink as the last node of a chain.
//
// Owns: the sink function's life. Does not own: how its kind reaches its guarantee (the runners).

import type {
  AppendSinkFunction,
  EpochSinkFunction,
  RichSinkFunction,
  UpsertSinkFunction,
} from '../../src/contract/sink-function.ts'
import type { Batch } from '../../src/record/batch.ts'
import type { Pending } from '../channel/channel.ts'
import { AppendRunner } from './append-runner.ts'
import { type ChainNode, nodeSnapshot, type SnapshotPart } from './chain-node.ts'
import { EpochRunner } from './epoch-runner.ts'
import { atNode } from './failure.ts'
import type { NodeMeter } from './node-meter.ts'
import type { SinkRunner } from './sink-runner.ts'
import { nodeContext, type TaskEnvironment } from './task-environment.ts'
import { UpsertRunner } from './upsert-runner.ts'

/** Drives one sink. */
export class SinkNode implements ChainNode {
  readonly name: string
  readonly meter: NodeMeter
  readonly stateBytes = 0
  readonly #sink: RichSinkFunction<unknown>
  readonly #runner: SinkRunner
  readonly #environment: TaskEnvironment

  constructor(name: string, sink: RichSinkFunction<unknown>, meter: NodeMeter, environment: TaskEnvironment) {
    this.name = name
    this.meter = meter
    this.#sink = sink
    this.#environment = environment
    this.#runner = runnerOf(name, sink, environment)
  }

  async open(): Promise<void> {
    await this.#guard(() => this.#sink.open(nodeContext(this.#environment, this.name, this.meter)))
    await this.#guard(() => this.#runner.open(this.#environment.restoreOf(this.name)))
  }

  push(batch: Batch): Pending {
    this.meter.recordsIn += batch.values.length
    return this.#guard(() => this.#runner.write(batch))
  }

  watermark(timestamp: number): Pending {
    this.meter.watermark = timestamp
    return undefined
  }

  status(): Pending {
    return undefined
  }

  endOfInput(): Pending {
    return undefined
  }

  drain(): Pending {
    return undefined
  }

  nextTimer(): number | undefined {
    return undefined
  }

  fireTimers(): Pending {
    return undefined
  }

  finishEpoch(checkpoint: number): Pending {
    return this.#guard(() => this.#runner.finishEpoch(checkpoint))
  }

  freeze(checkpoint: number): SnapshotPart {
    try {
      return this.#runner.freeze(checkpoint)
    } catch (error) {
      throw atNode(this.name, 'sink', error)
    }
  }

  complete(checkpoint: number): Pending {
    return this.#guard(() => this.#runner.complete(checkpoint))
  }

  /** Resolves when every commit begun so far is done. */
  async committed(): Promise<void> {
    await this.#guard(() => this.#runner.settled())
  }

  /** After the last commit of a run whose input ended: resolves when the sink has nothing more to pass on. */
  async drained(): Promise<void> {
    await this.#guard(() => this.#sink.drained?.())
  }

  async close(): Promise<void> {
    try {
      await this.#runner.close()
    } finally {
      await this.#guard(() => this.#sink.close())
    }
  }

  #guard(work: () => void | Promise<void>): Pending {
    try {
      const working = work()
      return working?.catch((error: unknown) => {
        throw atNode(this.name, 'sink', error)
      })
    } catch (error) {
      throw atNode(this.name, 'sink', error)
    }
  }
}

function runnerOf(node: string, sink: RichSinkFunction<unknown>, environment: TaskEnvironment): SinkRunner {
  const empty = nodeSnapshot(node, environment.subtask)
  // The kind and not the class is asked: the job's copy of these classes may be another module's.
  switch (sink.kind) {
    case 'upsert':
      return new UpsertRunner(sink as UpsertSinkFunction<unknown>)
    case 'append':
      return new AppendRunner(sink as AppendSinkFunction<unknown>, empty, environment.rewind === true)
    case 'epoch': {
      const place = { ...environment, node }
      return new EpochRunner(sink as EpochSinkFunction<unknown>, place, empty)
    }
  }
}
