import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Manifest } from '../../../runtime/checkpoint/manifest.ts'
import { checkRepeats, type RestoreWishes } from '../../../runtime/checkpoint/restore-checks.ts'
import { planRestore } from '../../../runtime/checkpoint/restore-plan.ts'
import type { NodeRestore } from '../../../runtime/checkpoint/snapshot.ts'
import type { GraphDescription, NodeDescription } from '../../../runtime/plan/physical-plan.ts'
import { planJob } from '../../../runtime/plan/planner.ts'
import { msgpackCodec } from '../../../src/codec/msgpack-codec.ts'
import { keyGroupRange } from '../../../src/util/key-group.ts'
import { handleOf, manifestOf, nodeOf, snapshotOf, taskOf } from './samples.ts'

const pack = (value: unknown): Uint8Array => new Uint8Array(msgpackCodec.encode(value))
const unpack = (bytes: Uint8Array): unknown => msgpackCodec.decode(bytes)

const SOURCE = nodeOf('in', { kind: 'source' })
const edge = (from: string, partitioner: 'hash' | 'forward') => [{ from, output: '', partitioner, input: 0 }]
const SUMS = nodeOf('sums', { keyed: true, inputs: edge('in', 'hash') })
const OUT = nodeOf('out', { kind: 'sink', sinkKind: 'append', inputs: edge('sums', 'forward'), rewindable: true })
const KEY_GROUPS = 16

const graphOf = (...nodes: NodeDescription[]): GraphDescription => ({ job: 'shop', nodes })

/** What a run of this parallelism leaves: splits s0…, a key group range, a state and a committable for each subtask. */
function checkpointOf(parallelism: number, splits: number): Manifest {
  const tasks = Array.from({ length: parallelism }, (_, i) => {
    const { start, end } = keyGroupRange(i, parallelism, KEY_GROUPS)
    const mine = Array.from({ length: splits }, (_, n) => ({ id: `s${n}` })).filter((_, n) => n % parallelism === i)
    return taskOf(0, i, [
      snapshotOf('in', i, {
        splits: pack(mine),
        enumerator: i === 0 ? { small: pack('enumerator'), state: undefined } : undefined,
      }),
      snapshotOf('sums', i, { keyed: handleOf(`sums-${i}`, start, end) }),
      snapshotOf('out', i, { operator: pack(`part ${i}`), commit: pack(`commit ${i}`) }),
    ])
  })
  return manifestOf(9, { keyGroups: KEY_GROUPS, graph: graphOf(SOURCE, SUMS, OUT), tasks })
}

function restore(
  manifest: Manifest,
  graph: GraphDescription,
  parallelism: number,
  wishes: Partial<RestoreWishes> = {},
): Readonly<Record<string, readonly NodeRestore[]>> {
  const plan = planJob(graph, { parallelism, workers: 2, keyGroups: KEY_GROUPS })
  return planRestore({ folder: '/c/9', manifest, graph, plan, wishes: { map: {}, allowDroppedState: [], ...wishes } })
}

const GRAPH = graphOf(SOURCE, SUMS, OUT)
const splitsOf = (node: NodeRestore): string[] =>
  (unpack(node.splits ?? pack([])) as { id: string }[]).map(({ id }) => id)

describe('planRestore', () => {
  const counts = [1, 2, 3, 8]
  it.each(counts.flatMap((was) => counts.map((now) => [was, now] as const)))(
    '%i subtasks to %i: nothing lost, nothing twice',
    (was, now) => {
      const restored = restore(checkpointOf(was, 5), GRAPH, now)
      const [sources, sums, outs] = [restored.in ?? [], restored.sums ?? [], restored.out ?? []]
      expect([sources.length, sums.length, outs.length]).toEqual([now, now, now])
      expect(sources.flatMap(splitsOf).sort()).toEqual(['s0', 's1', 's2', 's3', 's4'])
      expect(sources.map((node) => node.enumerator !== undefined)).toEqual(sources.map((_, i) => i === 0))
      const all = (pick: (node: NodeRestore) => readonly Uint8Array[]): unknown[] =>
        outs.flatMap((node) => pick(node).map((bytes) => unpack(bytes) as unknown)).sort()
      expect(all((node) => node.operator)).toEqual(Array.from({ length: was }, (_, i) => `part ${i}`))
      expect(all((node) => node.commits)).toEqual(Array.from({ length: was }, (_, i) => `commit ${i}`))
      for (const [subtask, node] of sums.entries()) {
        const mine = keyGroupRange(subtask, now, KEY_GROUPS)
        for (let group = 0; group < KEY_GROUPS; group++) {
          const holders = node.keyed.filter(({ keyGroups }) => keyGroups.start <= group && group < keyGroups.end)
          if (group >= mine.start && group < mine.end) expect(holders).toHaveLength(1)
        }
        if (was === now) expect(node.keyed.map(({ folder }) => folder)).toEqual([`sums-${subtask}`])
      }
    },
  )

  it('splits stay with their subtask while the parallelism is the same, and are spread evenly otherwise', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }), fc.nat(40), (was, now, splits) => {
        const restored = restore(checkpointOf(was, splits), GRAPH, now).in ?? []
        const sizes = restored.map((node) => splitsOf(node).length)
        expect(sizes.reduce((a, b) => a + b, 0)).toBe(splits)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        if (was === now) expect(restored.map(splitsOf)[0]).toEqual(splits > 0 ? expect.arrayContaining(['s0']) : [])
      }),
    )
  })

  const broadcast = (input: number) => ({ from: 'in', output: '', partitioner: 'broadcast' as const, input })
  it.each([
    ['broadcast state of any old subtask serves each new one', 'operator', 1, [['of 0'], ['of 1'], ['of 0']]],
    ['the state of an operator of one broadcast stream is its own', 'operator', 0, [['of 0'], ['of 1'], []]],
    ['and so is that of a sink', 'sink', 0, [['of 0'], ['of 1'], []]],
  ] as const)('%s', (_what, kind, input, expected) => {
    const node = nodeOf('rules', { kind, inputs: [broadcast(input)], ...(kind === 'sink' && { sinkKind: 'append' }) })
    const graph = graphOf(SOURCE, node)
    const tasks = [0, 1].map((i) => taskOf(0, i, [snapshotOf('rules', i, { operator: pack(`of ${i}`) })]))
    const restored = restore(manifestOf(9, { keyGroups: KEY_GROUPS, graph, tasks }), graph, 3)
    expect(restored.rules?.map(({ operator }) => operator.map(unpack))).toEqual(expected)
  })

  it('union state of all old subtasks goes to each new one, and of those that have none nothing', () => {
    const graph = graphOf(SOURCE, nodeOf('envelope', { unionState: true, inputs: edge('in', 'forward') }))
    const tasks = [0, 1, 2].map((i) =>
      taskOf(0, i, [snapshotOf('envelope', i, i === 1 ? {} : { operator: pack(`of ${i}`) })]),
    )
    const restored = restore(manifestOf(9, { keyGroups: KEY_GROUPS, graph, tasks }), graph, 2)
    const all = ['of 0', 'of 2']
    expect(restored.envelope?.map(({ operator }) => operator.map(unpack))).toEqual([all, all])
  })

  it('tells each node the folder and the checkpoint; a new node gets nothing', () => {
    const restored = restore(
      checkpointOf(1, 1),
      graphOf(SOURCE, SUMS, OUT, nodeOf('more', { inputs: edge('in', 'forward') })),
      1,
    )
    expect(restored.more).toBeUndefined()
    expect(restored.sums?.[0]).toMatchObject({ folder: '/c/9', checkpoint: 9 })
  })

  const renamed = graphOf(SOURCE, { ...SUMS, name: 'totals' }, { ...OUT, inputs: edge('totals', 'forward') })

  it('refuses a node with state that is gone, unless it was renamed or is given up', () => {
    expect(() => restore(checkpointOf(2, 1), renamed, 2)).toThrow(
      /Checkpoint 9 holds state of node "sums".*--map sums=NEW/,
    )
    const mapped = restore(checkpointOf(2, 1), renamed, 2, { map: { sums: 'totals' } })
    expect(mapped.totals?.map((node) => [node.node, node.keyed[0]?.folder])).toEqual([
      ['totals', 'sums-0'],
      ['totals', 'sums-1'],
    ])
    const dropped = restore(checkpointOf(2, 1), renamed, 2, { allowDroppedState: ['sums'] })
    expect(Object.keys(dropped).sort()).toEqual(['in', 'out'])
  })

  it('a node without state may go without a word', () => {
    const manifest = manifestOf(9, {
      keyGroups: KEY_GROUPS,
      tasks: [taskOf(0, 0, [snapshotOf('gone', 0, { splits: pack([]) })])],
    })
    expect(restore(manifest, GRAPH, 1)).toEqual({})
  })

  it.each<[string, GraphDescription, RegExp]>([
    [
      'not keyed any more',
      graphOf(SOURCE, { ...SUMS, keyed: false }, OUT),
      /keyed state of node "sums", which is now not keyed/,
    ],
    [
      'of another kind',
      graphOf({ ...SOURCE, kind: 'operator' }, SUMS, OUT),
      /state of a source of node "in", which is now an operator/,
    ],
    [
      'a sink of another kind',
      graphOf(SOURCE, SUMS, { ...OUT, sinkKind: 'epoch' }),
      /sink of kind append of node "out", which is now one of kind epoch/,
    ],
  ])('refuses a node that is %s', (_what, graph, message) => {
    expect(() => restore(checkpointOf(1, 1), graph, 1)).toThrow(message)
    expect(() => restore(checkpointOf(1, 1), graph, 1, { allowDroppedState: ['in', 'sums', 'out'] })).not.toThrow()
  })

  it('refuses other key groups', () => {
    const other = { ...checkpointOf(1, 1), keyGroups: 32 }
    expect(() => restore(other, GRAPH, 1)).toThrow(/"sums" was checkpointed with 32 key groups and now has 16/)
  })

  it('refuses a mapping that leads nowhere or two to one place', () => {
    expect(() => restore(checkpointOf(1, 1), GRAPH, 1, { map: { sums: 'nowhere' } })).toThrow(
      /map\.sums.*no node "nowhere"/,
    )
    expect(() => restore(checkpointOf(1, 1), renamed, 1, { map: { sums: 'totals', out: 'totals' } })).toThrow(
      /"sums" and "out" of the checkpoint would both go to "totals"|now one of kind|a sink/,
    )
  })
})

describe('checkRepeats', () => {
  it('refuses sinks that cannot rewind, unless allowed', () => {
    const sinks = [nodeOf('a', { rewindable: true }), nodeOf('b', { rewindable: false }), nodeOf('c')]
    expect(() => checkRepeats(sinks, 4, [])).toThrow(/Sink "b".*after checkpoint 4.*--allow-repeat b/)
    expect(() => checkRepeats(sinks, 4, ['b'])).not.toThrow()
  })
})
