import { describe, expect, it } from 'vitest'
import { fingerprintOf, firstDifference } from '../../../runtime/plan/fingerprint.ts'
import type { GraphDescription, NodeDescription } from '../../../runtime/plan/physical-plan.ts'

const source: NodeDescription = {
  name: 'in',
  kind: 'source',
  type: 'generate',
  parallelism: undefined,
  keyed: false,
  states: [],
  inputs: [],
  boundedness: 'bounded',
  guarantee: undefined,
  sinkKind: undefined,
  rewindable: undefined,
}
const graph = (...nodes: NodeDescription[]): GraphDescription => ({ job: 'j', nodes })

describe('fingerprint', () => {
  it('is equal for equal graphs whatever the order of properties', () => {
    const reordered = Object.fromEntries(Object.entries(source).reverse()) as unknown as NodeDescription
    expect(fingerprintOf(graph(source))).toBe(fingerprintOf(graph(reordered)))
    expect(firstDifference(graph(source), graph(reordered))).toBeUndefined()
  })

  it.each([
    [graph({ ...source, type: 'files' }), 'type of node "in" is "generate" once and "files" once'],
    [graph({ ...source, name: 'other' }), 'node 1 is "in" once and "other" once'],
    [graph(source, { ...source, name: 'more' }), 'node 2 is absent once and "more" once'],
    [{ ...graph(source), job: 'k' }, 'the job is called "j" once and "k" once'],
    [graph({ ...source, parallelism: 3 }), 'parallelism of node "in" is undefined once and 3 once'],
  ])('names the first difference', (other, difference) => {
    expect(fingerprintOf(other)).not.toBe(fingerprintOf(graph(source)))
    expect(firstDifference(graph(source), other)).toBe(difference)
  })
})
