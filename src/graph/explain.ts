// The graph for people: as text, DOT, Mermaid or JSON. From plain data, so that it can be drawn where no function is at hand.

import type { Partitioner } from './logical-graph.ts'

/** A node as the pictures need it. */
export interface ExplainedNode {
  readonly name: string
  readonly kind: 'source' | 'operator' | 'sink'
  readonly type: string
  /** Undefined: the job's default. */
  readonly parallelism: number | undefined
  readonly keyed: boolean
  readonly states: readonly { readonly name: string; readonly kind: string }[]
  readonly inputs: readonly {
    readonly from: string
    readonly output: string
    readonly partitioner: Partitioner
    readonly input: number
  }[]
  readonly boundedness: 'bounded' | 'unbounded' | undefined
  readonly guarantee: string | undefined
}

/** Nodes that run fused, and in how many subtasks. */
export interface ExplainedChain {
  readonly nodes: readonly string[]
  readonly parallelism: number
}

/** A job's graph, with the plan's chains where there is a plan. */
export interface ExplainedJob {
  readonly job: string
  readonly nodes: readonly ExplainedNode[]
  readonly chains?: readonly ExplainedChain[]
}

export const EXPLAIN_FORMATS = ['text', 'dot', 'mermaid', 'json'] as const
export type ExplainFormat = (typeof EXPLAIN_FORMATS)[number]

/** Draws a job's graph; ends with a line break. */
export function explain(job: ExplainedJob, format: ExplainFormat): string {
  return DRAW[format](job)
}

const DRAW: Readonly<Record<ExplainFormat, (job: ExplainedJob) => string>> = {
  text: drawText,
  dot: drawDot,
  mermaid: drawMermaid,
  json: (job) => `${JSON.stringify({ job: job.job, nodes: job.nodes, chains: chainsOf(job) }, null, 2)}\n`,
}

const GUARANTEES: Readonly<Record<string, string>> = {
  'exactly-once': 'exactly once',
  upsert: 'upsert: the result is as if once, rows may be written again after a crash',
  'at-least-once': 'at least once: may repeat after a crash',
}

interface Chain {
  readonly nodes: readonly ExplainedNode[]
  readonly parallelism: number | undefined
}

/** The plan's chains, or each node by itself where there is no plan. */
function chainsOf(job: ExplainedJob): readonly ExplainedChain[] | undefined {
  return job.chains?.map(({ nodes, parallelism }) => ({ nodes, parallelism }))
}

function groups(job: ExplainedJob): readonly Chain[] {
  if (job.chains === undefined) return job.nodes.map((node) => ({ nodes: [node], parallelism: node.parallelism }))
  const byName = new Map(job.nodes.map((node) => [node.name, node]))
  return job.chains.map(({ nodes, parallelism }) => ({
    nodes: nodes.flatMap((name) => byName.get(name) ?? []),
    parallelism,
  }))
}

function drawText(job: ExplainedJob): string {
  const chains = groups(job)
  const nameWidth = Math.max(...job.nodes.map(({ name }) => name.length))
  const typeWidth = Math.max(...job.nodes.map(({ type }) => type.length))
  const lines = [`job ${job.job}: ${count(job.nodes.length, 'node')}${inChains(job)}`]
  for (const chain of chains) {
    lines.push('')
    for (const [i, node] of chain.nodes.entries()) {
      const mark = chain.nodes.length === 1 ? ' ' : i === 0 ? '┌' : i === chain.nodes.length - 1 ? '└' : '│'
      const start = `${mark} ${node.name.padEnd(nameWidth)}  ${node.type.padEnd(typeWidth)}`
      lines.push([start, ...facts(node, chain, chain.nodes[i - 1])].join('  ').trimEnd())
    }
  }
  return `${lines.join('\n')}\n`
}

function inChains(job: ExplainedJob): string {
  return job.chains === undefined ? '' : ` in ${count(job.chains.length, 'chain')}`
}

/** What is worth saying of a node, behind its name and type. That it reads the node above it goes without saying. */
function facts(node: ExplainedNode, chain: Chain, above: ExplainedNode | undefined): string[] {
  const out: string[] = []
  if (above === undefined) out.push(chain.parallelism === undefined ? '× default' : `× ${chain.parallelism}`)
  if (node.inputs.length > 0 && !readsJust(node, above)) out.push(`from ${node.inputs.map(inputText).join(', ')}`)
  if (node.boundedness !== undefined) out.push(node.boundedness)
  if (node.states.length > 0) out.push(`state: ${node.states.map(({ name, kind }) => `${name} (${kind})`).join(', ')}`)
  if (node.guarantee !== undefined) out.push(GUARANTEES[node.guarantee] ?? node.guarantee)
  return out
}

function readsJust(node: ExplainedNode, above: ExplainedNode | undefined): boolean {
  return node.inputs.length === 1 && node.inputs[0]?.from === above?.name && node.inputs[0]?.output === ''
}

function inputText({ from, output, partitioner }: ExplainedNode['inputs'][number]): string {
  return `${from}${output === '' ? '' : `[${output}]`}${partitioner === 'forward' ? '' : ` (${partitioner})`}`
}

function drawDot(job: ExplainedJob): string {
  const lines = [
    `digraph ${quoted(job.job)} {`,
    '  rankdir=LR',
    '  node [shape=box, style=rounded, fontname="sans-serif"]',
  ]
  for (const [i, chain] of groups(job).entries()) {
    const nodes = chain.nodes.map((node) => `${quoted(node.name)} [label=${quoted(label(node, chain).join('\n'))}]`)
    if (chain.nodes.length === 1) lines.push(...nodes.map((line) => `  ${line}`))
    else lines.push(`  subgraph cluster_${i} {`, '    style=dashed', ...nodes.map((line) => `    ${line}`), '  }')
  }
  for (const { from, to, text } of arrows(job)) {
    lines.push(`  ${quoted(from)} -> ${quoted(to)}${text === '' ? '' : ` [label=${quoted(text)}]`}`)
  }
  return `${lines.join('\n')}\n}\n`
}

function drawMermaid(job: ExplainedJob): string {
  const ids = new Map(job.nodes.map(({ name }, i) => [name, `n${i}`]))
  const lines = ['flowchart LR']
  for (const [i, chain] of groups(job).entries()) {
    const nodes = chain.nodes.map((node) => `${ids.get(node.name)}${mermaidBox(node, label(node, chain).join('<br>'))}`)
    if (chain.nodes.length === 1) lines.push(...nodes.map((line) => `  ${line}`))
    else lines.push(`  subgraph chain${i + 1}[" "]`, ...nodes.map((line) => `    ${line}`), '  end')
  }
  for (const { from, to, text } of arrows(job)) {
    lines.push(`  ${ids.get(from)} -->${text === '' ? '' : `|${text}|`} ${ids.get(to)}`)
  }
  return `${lines.join('\n')}\n`
}

function mermaidBox(node: ExplainedNode, text: string): string {
  const escaped = text.replaceAll('"', '#quot;')
  if (node.kind === 'source') return `(["${escaped}"])`
  return node.kind === 'sink' ? `[("${escaped}")]` : `["${escaped}"]`
}

/** The lines inside a box. */
function label(node: ExplainedNode, chain: Chain): string[] {
  const lines = [node.name, `${node.type}${chain.parallelism === undefined ? '' : ` × ${chain.parallelism}`}`]
  if (node.states.length > 0) lines.push(`state: ${node.states.map(({ name }) => name).join(', ')}`)
  if (node.guarantee !== undefined) lines.push(node.guarantee)
  return lines
}

function arrows(job: ExplainedJob): { readonly from: string; readonly to: string; readonly text: string }[] {
  return job.nodes.flatMap((node) =>
    node.inputs.map(({ from, output, partitioner }) => ({
      from,
      to: node.name,
      text: [output, partitioner === 'forward' ? '' : partitioner].filter((part) => part !== '').join(' '),
    })),
  )
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
