// NodeSession: one operator of a job, driven by the machine's own OperatorNode with real keyed state, through any number of lives.
//
// Owns: the node of this life, the clock, the checkpoint folders, what came out.
// Does not own: what happens to the node (the script of a test).
//
// I1. Each life has new function objects from job.build() and a new backend, restored from the checkpoint's folder.
// I2. Between two calls of the node nothing of it runs, but what it began itself.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MAIN_OUTPUT, type Operator, type Output } from '../../src/contract/operator.ts'
import type { Job } from '../../src/graph/job.ts'
import type { GraphNode, OperatorNode as GraphOperator, LogicalGraph } from '../../src/graph/logical-graph.ts'
import { type Batch, batchOf } from '../../src/record/batch.ts'
import { MAX_WATERMARK } from '../../src/record/element.ts'
import type { NodeRestore } from '../checkpoint/snapshot.ts'
import { batchNode } from '../task/batch-node.ts'
import type { ChainNode } from '../task/chain-node.ts'
import { NodeMeter } from '../task/node-meter.ts'
import { OperatorNode } from '../task/operator-node.ts'
import { OutputCollector, type Target } from '../task/output-collector.ts'
import { ManualClock } from './manual-clock.ts'
import { type TestPlace, testContext, testEnvironment } from './test-environment.ts'

/** A record that came out. */
export interface Emitted {
  readonly value: unknown
  readonly timestamp: number | undefined
}

export interface SessionOptions {
  readonly job: Job
  readonly node: string
  readonly folder: string
  readonly settings: Readonly<Record<string, string>>
  readonly outputs: readonly string[]
  /** The output takes one record at a time, and has to be waited for. */
  readonly narrow: boolean
  readonly cacheBytes: number
  readonly mode: 'stream' | 'batch'
}

/** Records of one input, on their way in. */
export interface InputBatch {
  readonly input: number
  readonly values: readonly unknown[]
  readonly timestamps: readonly number[] | undefined
}

/** See the head of this file. */
export class NodeSession {
  readonly clock = new ManualClock()
  readonly emitted: ReadonlyMap<string, Emitted[]>
  readonly #options: SessionOptions
  #node!: ChainNode
  #keyers = new Map<number, Operator>()
  #attempt = 0
  #checkpoint = 0
  #watermark: number | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.emitted = new Map(options.outputs.map((name) => [name, []]))
  }

  async open(restore?: NodeRestore): Promise<void> {
    const { job, node, settings, folder, mode } = this.#options
    const { graph } = job.build({ settings, dataDir: folder, mode })
    const operator = operatorOf(graph, node)
    const place = this.#place(restore)
    this.#keyers = await openKeyers(graph, operator, place)
    const options = {
      name: node,
      operator: operator.create(),
      keyed: operator.keyed,
      output: new OutputCollector(
        this.#targets(),
        () => {},
        () => {},
      ),
      meter: new NodeMeter(),
      environment: testEnvironment(place),
      wake: () => {},
      breathe: () => undefined,
      proceed: () => Promise.resolve(true),
    }
    this.#node = mode === 'batch' && operator.keyed ? batchNode(options, operator.inputs) : new OperatorNode(options)
    await this.#node.open()
  }

  async push({ input, values, timestamps }: InputBatch): Promise<void> {
    // Batches are shared between readers: whoever changes one is to hear of it here.
    const plain = batchOf(Object.freeze([...values]), timestamps && Object.freeze([...timestamps]))
    const keyer = this.#keyers.get(input)
    await this.#node.push(keyer === undefined ? plain : await keyed(keyer, plain), input)
    await this.#beside()
  }

  async watermark(timestamp: number): Promise<void> {
    this.#watermark = timestamp
    await this.#node.watermark(timestamp)
    await this.#beside()
  }

  async elapse(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.#beside()
  }

  /** Takes a checkpoint, throws away every object and goes on from the checkpoint. */
  async restart(): Promise<void> {
    this.#checkpoint += 1
    const checkpoint = this.#checkpoint
    const folder = join(this.#options.folder, 'checkpoints', String(checkpoint))
    await mkdir(folder, { recursive: true })
    await this.#node.finishEpoch(checkpoint)
    const part = this.#node.freeze(checkpoint)
    while (!part.encodeSlice(Number.POSITIVE_INFINITY));
    const snapshot = await part.finish(folder)
    await this.#node.complete(checkpoint)
    await this.#node.close()
    this.#attempt += 1
    await this.open({
      node: this.#options.node,
      folder,
      checkpoint,
      keyed: snapshot?.keyed === undefined ? [] : [snapshot.keyed],
      operator: snapshot?.operator === undefined ? [] : [snapshot.operator],
      splits: undefined,
      enumerator: undefined,
      commits: [],
      watermarks: snapshot?.watermarks ?? {},
    })
    // Only nodes that keep state remember event time: for the others the sources tell it anew.
    if (this.#watermark !== undefined) await this.watermark(this.#watermark)
  }

  /** The input has ended: event time reaches its end, then the last epoch. */
  async end(): Promise<void> {
    await this.watermark(MAX_WATERMARK)
    await this.#node.endOfInput()
    await this.settle()
  }

  /** What the node still holds back for this epoch comes out. */
  async settle(): Promise<void> {
    await this.#node.finishEpoch(this.#checkpoint + 1)
  }

  async close(): Promise<void> {
    await this.#node?.close()
  }

  #place(restore: NodeRestore | undefined): TestPlace {
    const { job, folder, cacheBytes, mode } = this.#options
    const { keyGroups } = job.options
    return {
      folder,
      job: job.name,
      ...(keyGroups === undefined ? {} : { keyGroups }),
      attempt: this.#attempt,
      cacheBytes,
      mode,
      clock: this.clock,
      restore,
    }
  }

  /** As the task's loop does between two batches. */
  async #beside(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    const next = this.#node.nextTimer()
    if (next !== undefined && next <= this.clock.now()) await this.#node.fireTimers(this.clock.now())
    await this.#node.drain()
  }

  #targets(): Map<string, Target[]> {
    const { narrow } = this.#options
    return new Map(
      [...this.emitted].map(([name, into]) => [name, [narrow ? new NarrowTarget(into) : new WideTarget(into)]]),
    )
  }
}

/** Takes whole batches at once. */
class WideTarget implements Target {
  readonly #into: Emitted[]

  constructor(into: Emitted[]) {
    this.#into = into
  }

  push(batch: Batch): undefined {
    for (const [i, value] of batch.values.entries()) {
      // Others may keep what was emitted: whoever goes on changing it is to hear of it here.
      if (isPlain(value)) Object.freeze(value)
      this.#into.push({ value, timestamp: batch.timestamps?.[i] })
    }
  }

  signal(): undefined {}
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

/** Has room for one record, and the next only after a while. */
class NarrowTarget implements Target {
  readonly #wide: WideTarget

  constructor(into: Emitted[]) {
    this.#wide = new WideTarget(into)
  }

  async push({ values, timestamps }: Batch): Promise<void> {
    for (let i = 0; i < values.length; i += 1) {
      this.#wide.push(batchOf(values.slice(i, i + 1), timestamps?.slice(i, i + 1)))
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  signal(): undefined {}
}

/** The operator of that name. Throws with what there is. */
function operatorOf(graph: LogicalGraph, name: string): GraphOperator {
  const node = graph.nodes.find((one) => one.name === name)
  if (node?.kind === 'operator') return node
  const isOperator = (one: GraphNode): boolean => one.kind === 'operator'
  const operators = graph.nodes.filter(isOperator).map((one) => one.name)
  const what = node === undefined ? 'has no node' : `has a ${node.kind}, not an operator,`
  throw new Error(`Job "${graph.job}" ${what} "${name}". Its operators: ${operators.join(', ') || 'none'}.`)
}

/** By input: the operator that gives that input's records their keys. */
async function openKeyers(graph: LogicalGraph, node: GraphOperator, place: TestPlace): Promise<Map<number, Operator>> {
  const keyers = new Map<number, Operator>()
  for (const { from, input, partitioner } of node.inputs) {
    if (partitioner !== 'hash' || keyers.has(input)) continue
    const keyer = operatorOf(graph, from).create()
    await keyer.open?.({ ...testContext(place, from), keyed: undefined, restored: [], wake: () => {} })
    keyers.set(input, keyer)
  }
  return keyers
}

async function keyed(keyer: Operator, batch: Batch): Promise<Batch> {
  let result: Batch | undefined
  const out: Output = {
    batch: (made, output = MAIN_OUTPUT) => {
      if (output === MAIN_OUTPUT) result = made
    },
    emit: () => {},
    watermark: () => {},
    idle: () => {},
  }
  await keyer.process(batch, out, 0)
  if (result?.keys === undefined) throw new Error('the node that feeds a keyed input gave no keys')
  return result
}
