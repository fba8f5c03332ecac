// Faults for jobs that run in this process: a node that throws at its nth record, sources that wait for checkpoints.
//
// Functions are wrapped when the job is built; the job under test knows nothing of it.

import type { Operator } from '../../src/contract/operator.ts'
import type {
  AppendSinkFunction,
  EpochSinkFunction,
  RichSinkFunction,
  UpsertSinkFunction,
} from '../../src/contract/sink-function.ts'
import type { Polled, SourceFunction, SourceReader, SourceSplit } from '../../src/contract/source-function.ts'
import { type Job, makeJob } from '../../src/graph/job.ts'
import type { GraphNode } from '../../src/graph/logical-graph.ts'
import { batchOf } from '../../src/record/batch.ts'
import { type Deferred, deferred } from '../../src/util/deferred.ts'

/** Throws once, when a node is about to handle its nth record (from 1, over all subtasks and attempts). */
export class RecordFault {
  readonly node: string
  readonly record: number
  fired = false
  #seen = 0

  constructor(node: string, record: number) {
    this.node = node
    this.record = record
  }

  /** How many of the next `count` records may still be handled; fewer than `count` only if the fault is among them. */
  allows(count: number): number {
    const left = this.fired ? count : Math.max(0, Math.min(count, this.record - 1 - this.#seen))
    this.#seen += count
    return left
  }

  throw(): never {
    this.fired = true
    throw new Error(`fault of the test: record ${this.record} of node "${this.node}"`)
  }
}

/** The job with that fault in it. */
export function withRecordFault(job: Job, fault: RecordFault): Job {
  return withNodes(job, (node) => (node.name === fault.node ? faulty(node, fault) : node))
}

/** The job with sources that, after so many records, wait until the next checkpoint is complete. */
export function withPacedSources(job: Job, recordsPerCheckpoint: number): Job {
  return withNodes(job, (node) => {
    if (node.kind !== 'source') return node
    return { ...node, create: () => pacedSource(node.create(), recordsPerCheckpoint) }
  })
}

function withNodes(job: Job, change: (node: GraphNode) => GraphNode): Job {
  const build: Job['build'] = (input) => {
    const built = job.build(input)
    return { ...built, graph: { ...built.graph, nodes: built.graph.nodes.map(change) } }
  }
  return makeJob({ name: job.name, options: job.options, build })
}

function faulty(node: GraphNode, fault: RecordFault): GraphNode {
  if (node.kind === 'operator') return { ...node, create: () => faultyOperator(node.create(), fault) }
  if (node.kind === 'sink') return { ...node, create: () => faultySink(node.create(), fault) }
  return { ...node, create: () => faultySource(node.create(), fault) }
}

function faultyOperator(operator: Operator, fault: RecordFault): Operator {
  const process: Operator['process'] = (batch, out, input) => {
    const { values, timestamps, keys } = batch
    const allowed = fault.allows(values.length)
    if (allowed === values.length) return operator.process(batch, out, input)
    const part = batchOf(values.slice(0, allowed), timestamps?.slice(0, allowed), keys?.slice(0, allowed))
    const working = allowed === 0 ? undefined : operator.process(part, out, input)
    return working === undefined ? fault.throw() : working.then(() => fault.throw())
  }
  return overriding(operator, { process })
}

function faultySink(sink: RichSinkFunction<unknown>, fault: RecordFault): RichSinkFunction<unknown> {
  if (sink.kind === 'epoch') {
    const epochs = sink as EpochSinkFunction<unknown>
    const apply: EpochSinkFunction<unknown>['apply'] = (writer, epoch, batches) =>
      epochs.apply(writer, epoch, { [Symbol.asyncIterator]: () => faultyBatches(batches, fault) })
    return overriding(epochs, { apply })
  }
  const writer = sink as UpsertSinkFunction<unknown> | AppendSinkFunction<unknown>
  const write = (records: readonly unknown[]): void | Promise<void> => {
    const allowed = fault.allows(records.length)
    if (allowed === records.length) return writer.write(records)
    const working = allowed === 0 ? undefined : writer.write(records.slice(0, allowed))
    return working === undefined ? fault.throw() : working.then(() => fault.throw())
  }
  return overriding(writer, { write })
}

async function* faultyBatches(
  batches: AsyncIterable<readonly unknown[]>,
  fault: RecordFault,
): AsyncGenerator<readonly unknown[]> {
  for await (const records of batches) {
    const allowed = fault.allows(records.length)
    yield allowed === records.length ? records : records.slice(0, allowed)
    if (allowed < records.length) fault.throw()
  }
}

function faultySource(source: SourceFunction<unknown>, fault: RecordFault): SourceFunction<unknown> {
  return withReaders(source, (reader) => {
    const poll = async (maxRecords: number): Promise<Polled<unknown>> => {
      const polled = await reader.poll(maxRecords)
      if (typeof polled !== 'string' && fault.allows(polled.values.length) < polled.values.length) fault.throw()
      return polled
    }
    return overriding(reader, { poll })
  })
}

function pacedSource(source: SourceFunction<unknown>, recordsPerCheckpoint: number): SourceFunction<unknown> {
  return withReaders(source, (reader) => {
    let left = recordsPerCheckpoint
    let goOn: Deferred = deferred()
    const poll = async (maxRecords: number): Promise<Polled<unknown>> => {
      if (left <= 0) return 'idle'
      const polled = await reader.poll(Math.min(maxRecords, left))
      if (typeof polled !== 'string') left -= polled.values.length
      return polled
    }
    const resume = (): void => {
      left = recordsPerCheckpoint
      goOn.resolve()
      goOn = deferred()
    }
    return overriding(reader, {
      poll,
      available: () => (left <= 0 ? goOn.promise : Promise.race([reader.available(), goOn.promise])),
      checkpointComplete: async (checkpoint: number) => {
        await reader.checkpointComplete?.(checkpoint)
        resume()
      },
      close: async () => {
        resume()
        await reader.close?.()
      },
    })
  })
}

type Reader = SourceReader<unknown, SourceSplit>

function withReaders(source: SourceFunction<unknown>, change: (reader: Reader) => Reader): SourceFunction<unknown> {
  const createReader: SourceFunction<unknown>['createReader'] = (context) => change(source.createReader(context))
  return overriding(source, { createReader })
}

/** The object with some methods replaced. A proxy, for its private fields are found only on itself. */
function overriding<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
