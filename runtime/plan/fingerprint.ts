// Fingerprints: how workers that each built the job's graph find out whether they built the same.

import { createHash } from 'node:crypto'
import type { GraphDescription, NodeDescription } from './physical-plan.ts'

/** SHA-256 of a graph's description; equal for equal graphs, whatever the order of their objects' properties. */
export function fingerprintOf(graph: GraphDescription): string {
  return createHash('sha256').update(canonical(graph)).digest('hex')
}

/** The first thing in which two graphs differ, for a person; undefined if they are equal. */
export function firstDifference(a: GraphDescription, b: GraphDescription): string | undefined {
  if (a.job !== b.job) return `the job is called "${a.job}" once and "${b.job}" once`
  const length = Math.max(a.nodes.length, b.nodes.length)
  for (let i = 0; i < length; i++) {
    const difference = nodeDifference(i, a.nodes[i], b.nodes[i])
    if (difference !== undefined) return difference
  }
  return undefined
}

function nodeDifference(
  index: number,
  a: NodeDescription | undefined,
  b: NodeDescription | undefined,
): string | undefined {
  if (a?.name !== b?.name) return `node ${index + 1} is ${nameOf(a)} once and ${nameOf(b)} once`
  if (a === undefined || b === undefined) return undefined
  for (const key of Object.keys({ ...a, ...b }) as (keyof NodeDescription)[]) {
    const [left, right] = [canonical(a[key]), canonical(b[key])]
    if (left !== right) return `${key} of node "${a.name}" is ${left} once and ${right} once`
  }
  return undefined
}

function nameOf(node: NodeDescription | undefined): string {
  return node === undefined ? 'absent' : `"${node.name}"`
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([x], [y]) => (x < y ? -1 : 1)))
        : part,
    ) ?? 'undefined'
  )
}
