// From a planned chain and the job's graph to a task: makes the functions of one subtask and wires them.

import { MAIN_OUTPUT } from '../../src/contract/operator.ts'
import { MillraceError } from '../../src/errors.ts'
import type { GraphNode, LogicalGraph } from '../../src/graph/logical-graph.ts'
import { present } from '../../src/util/assert.ts'
import type { Pending } from '../channel/channel.ts'
import type { EdgeWriter } from '../channel/edge-writer.ts'
import type { PlannedEdge, PlannedTask } from '../plan/physical-plan.ts'
import { batchNode } from './batch-node.ts'
import type { ChainNode } from './chain-node.ts'
import { EdgeTarget } from './edge-target.ts'
import { type GateChannel, InputGate } from './input-gate.ts'
import { Mailbox } from './mailbox.ts'
import { NodeMeter } from './node-meter.ts'
import { OperatorChain } from './operator-chain.ts'
import { OperatorNode } from './operator-node.ts'
import { OutputCollector, type Target } from './output-collector.ts'
import { SinkNode } from './sink-node.ts'
import { SourceNode } from './source-node.ts'
import { Task } from './task.ts'
import type { TaskEnvironment } from './task-environment.ts'
import { TimeShares } from './time-shares.ts'

export interface TaskBlueprint {
  readonly planned: PlannedTask
  /** Built for this subtask alone: its functions are nobody else's. */
  readonly graph: LogicalGraph
  readonly environment: TaskEnvironment
  readonly inputs: readonly GateChannel[]
  readonly outputs: readonly { readonly edge: PlannedEdge; readonly writer: EdgeWriter }[]
  /** Function objects in use by this attempt, with who uses them. */
  readonly claimed: WeakMap<object, string>
}

const MAILS_MAX = 1 << 16

/** Builds one subtask; nothing is opened. Throws GRAPH_SHARED_FUNCTION, SOURCE_UNBOUNDED. */
export function buildTask(blueprint: TaskBlueprint): Task {
  const { planned, environment, inputs } = blueprint
  const mailbox = new Mailbox(MAILS_MAX)
  const shares = new TimeShares(environment.clock)
  const wiring: Wiring = {
    blueprint,
    edges: blueprint.outputs.map(({ edge, writer }) => ({
      edge,
      target: new EdgeTarget(edge.fromNode, writer, shares),
    })),
    built: new Map(),
    wake: () => mailbox.wake(),
    breathe: () => task.breathe(),
    proceed: () => task.proceed(),
    failed: (error) => task.fail(error),
  }
  // Tail first: a node's targets are there before the node.
  for (const name of planned.nodes.toReversed()) wiring.built.set(name, buildNode(graphNode(blueprint, name), wiring))
  const nodes = planned.nodes.map((name) => present(wiring.built.get(name), `node ${name}`))
  const head = nodes[0]
  const chain = new OperatorChain({
    nodes,
    edges: wiring.edges.map(({ target }) => target),
    prefetcher: head instanceof OperatorNode && head.keyed ? head : undefined,
  })
  const gate =
    chain.source !== undefined
      ? undefined
      : new InputGate({
          channels: inputs,
          delivery: environment.delivery,
          clock: environment.clock,
          onReadable: () => mailbox.wake(),
        })
  const task = new Task({ environment, chain, gate, mailbox, shares })
  return task
}

interface Wiring {
  readonly blueprint: TaskBlueprint
  readonly edges: readonly { readonly edge: PlannedEdge; readonly target: EdgeTarget }[]
  readonly built: Map<string, ChainNode>
  readonly wake: () => void
  readonly breathe: () => Pending
  readonly proceed: () => Promise<boolean>
  readonly failed: (error: unknown) => void
}

function buildNode(node: GraphNode, wiring: Wiring): ChainNode {
  const { environment, claimed } = wiring.blueprint
  const meter = new NodeMeter()
  const { name } = node
  if (node.kind === 'sink')
    return new SinkNode(name, claim(claimed, node.create(), name, environment), meter, environment)
  const output = new OutputCollector(targetsOf(name, wiring), meter.countOut, meter.reached)
  if (node.kind === 'source') {
    const source = claim(claimed, node.create(), name, environment)
    if (environment.mode === 'batch' && source.endsInBatch === false) {
      throw new MillraceError('SOURCE_UNBOUNDED', { node: name })
    }
    const { wake, failed } = wiring
    return new SourceNode({ name, source, watermarks: node.watermarks, output, meter, environment, wake, failed })
  }
  const operator = claim(claimed, node.create(), name, environment)
  const { wake, breathe, proceed } = wiring
  const options = { name, operator, keyed: node.keyed, output, meter, environment, wake, breathe }
  return node.keyed && environment.mode === 'batch'
    ? batchNode({ ...options, proceed }, node.inputs)
    : new OperatorNode(options)
}

/** By output: the nodes of the chain that read it, then the edges that leave the task. */
function targetsOf(name: string, { blueprint, built, edges }: Wiring): Map<string, Target[]> {
  const targets = new Map<string, Target[]>([[MAIN_OUTPUT, []]])
  const add = (output: string, target: Target): void => {
    targets.set(output, [...(targets.get(output) ?? []), target])
  }
  for (const reader of blueprint.planned.nodes.slice(1)) {
    const node = built.get(reader)
    for (const { from, output, input } of graphNode(blueprint, reader).inputs) {
      if (from === name && node !== undefined) add(output, targetOf(node, input))
    }
  }
  for (const { edge, target } of edges) if (edge.fromNode === name) add(edge.output, target)
  return targets
}

function targetOf(node: ChainNode, input: number): Target {
  return {
    push: (batch) => node.push(batch, input),
    signal: (signal) => (signal.kind === 'watermark' ? node.watermark(signal.timestamp) : node.status(signal.idle)),
  }
}

function graphNode({ graph }: TaskBlueprint, name: string): GraphNode {
  return present(
    graph.nodes.find((node) => node.name === name),
    `node "${name}" of the plan in the graph`,
  )
}

/** A function object belongs to one subtask: its fields are that subtask's data. */
function claim<T extends object>(
  claimed: WeakMap<object, string>,
  fn: T,
  node: string,
  environment: TaskEnvironment,
): T {
  const owner = `${node}#${environment.subtask}`
  const other = claimed.get(fn)
  if (other !== undefined && other !== owner) {
    throw new MillraceError('GRAPH_SHARED_FUNCTION', { node, type: fn.constructor.name })
  }
  claimed.set(fn, owner)
  return fn
}
