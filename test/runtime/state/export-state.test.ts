// State to portable rows and back: whatever it was taken at and is restored at, with the same bytes in between.

import { createHash } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeFs } from '../../../runtime/checkpoint/fs.ts'
import { SavepointFile } from '../../../runtime/checkpoint/savepoint-file.ts'
import type { PortableRow } from '../../../runtime/checkpoint/savepoint-format.ts'
import { SavepointWriter } from '../../../runtime/checkpoint/savepoint-writer.ts'
import type { StateSection } from '../../../runtime/checkpoint/state-section.ts'
import { describeKey } from '../../../runtime/state/describe-key.ts'
import { exportKey, exportState } from '../../../runtime/state/export-state.ts'
import { PortableKeys } from '../../../runtime/state/portable-row.ts'
import { afterPrefix } from '../../../runtime/state/row-key.ts'
import { type Key, keyGroupOf } from '../../../src/util/key-group.ts'
import { manifestOf } from '../checkpoint/samples.ts'
import { expectKept, type Kept, keptArbitrary, LIVES_MS, openAll, ownerOf, save } from './kept-state.ts'
import { type Restorable, scratchFolder } from './support.ts'

const KEY_GROUPS = 16
const scratch = scratchFolder()
const freshFolder = (): string => mkdtempSync(join(scratch, 'each-'))

interface Saved {
  readonly bytes: Buffer
  readonly restorable: Restorable
  readonly section: StateSection
}

/** A savepoint with the state of these folders as its only section. */
async function saved(folder: string, sources: readonly Restorable[], sortBytes?: number): Promise<Saved> {
  const path = join(folder, `${++files}.savepoint`)
  const header = { job: 'shop', checkpoint: 1, created: '', keyGroups: KEY_GROUPS }
  const writer = await SavepointWriter.create(nodeFs, path, header)
  const exported = await exportState(sources, {
    node: 'totals',
    keyGroups: KEY_GROUPS,
    scratch: join(folder, `scratch-${files}`),
    ...(sortBytes !== undefined && { sortBytes }),
  })
  const place = await writer.section(exported.rows)
  await writer.finish(manifestOf(1))
  const section = { ...place, ...exported.summary(), keyGroups: KEY_GROUPS }
  const bytes = Buffer.from((await nodeFs.read(path)) ?? []).subarray(place.at, place.at + place.bytes)
  const handle = { folder: 'totals', files: [], keyGroups: { start: 0, end: KEY_GROUPS }, states: [], section }
  return { bytes, restorable: { folder: path, handle }, section }
}

let files = 0

/** A few keys with all there is. */
const SOME: readonly Kept[] = [
  { key: 'a', value: 'one', list: ['x', 'y'], map: new Map([['k', 1n]]), sum: 3, mortal: 'soon', event: [5, 7] },
  { key: 12, sum: -1, processing: [1000] },
  { key: ['a', 1], map: new Map(Array.from({ length: 100 }, (_, i) => [i, `v${i}`])), event: [5] },
  { key: 'timers only', event: [9] },
  { key: '\0\0', value: 'zeros', processing: [3] },
]

describe('a section of state', () => {
  it('is the same bytes whatever the parallelism, the history, and the order of declarations', async () => {
    await fc.assert(
      fc.asyncProperty(keptArbitrary, async (all) => {
        const folder = freshFolder()
        const taken = await Promise.all(
          [1, 2, 3].map(async (parallelism) => {
            const order = parallelism === 2 ? 'other' : 'one'
            const options = { parallelism, keyGroups: KEY_GROUPS, helpings: parallelism, order } as const
            // With a limit that few timers fit in, they are sorted on disk.
            return saved(folder, await save(folder, all, options), parallelism === 3 ? 500 : undefined)
          }),
        )
        const [one, two, three] = taken.map(({ bytes }) => bytes.toString('hex'))
        expect(two).toBe(one)
        expect(three).toBe(one)
        const counts = taken.map(({ section: { keys, states, timers } }) => ({ keys, states, timers }))
        expect(counts).toEqual([counts[0], counts[0], counts[0]])
      }),
      { numRuns: 12 },
    )
  })

  it('is what this format has always been', async () => {
    const folder = freshFolder()
    const { bytes, section } = await saved(folder, await save(folder, SOME, { parallelism: 2, keyGroups: KEY_GROUPS }))
    // Another hash means another format: raise SAVEPOINT_FORMAT and go on reading this one.
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(
      '3705cf7fee41cb237c9c030ddd849d285a7fdf0f19a1cb60b96d70c759def1cd',
    )
    expect(section).toMatchObject({
      keys: 4,
      timers: { event: { count: 4, earliest: 5 }, processing: { count: 2, earliest: 3 } },
      states: [
        { name: 'list', kind: 'list', entries: 1 },
        { name: 'map', kind: 'map', entries: 101 },
        { name: 'mortal', kind: 'value', ttl: true, entries: 1 },
        { name: 'sum', kind: 'reducing', entries: 2 },
        { name: 'value', kind: 'value', codec: 'msgpack', version: 1, entries: 2 },
      ],
    })
  })

  it('is restored at any parallelism and with any number of key groups', async () => {
    await fc.assert(
      fc.asyncProperty(
        keptArbitrary,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(3, KEY_GROUPS, 100),
        async (all, before, after, keyGroups) => {
          const folder = freshFolder()
          const from = await save(folder, all, { parallelism: before, keyGroups: KEY_GROUPS })
          const { restorable } = await saved(folder, from)
          const states = await openAll(folder, { parallelism: after, keyGroups }, [restorable])
          await expectKept(states, all, keyGroups)
          for (const { backend } of states) await backend.close()
        },
      ),
      { numRuns: 25 },
    )
  })

  it('keeps the time at which the life of a value began', async () => {
    const folder = freshFolder()
    const { restorable } = await saved(folder, await save(folder, SOME, { parallelism: 1, keyGroups: KEY_GROUPS }))
    for (const [now, expected] of [
      [LIVES_MS - 1, 'soon'],
      [LIVES_MS, undefined],
    ] as const) {
      const states = await openAll(folder, { parallelism: 2, keyGroups: KEY_GROUPS, now: () => now }, [restorable])
      const { backend, mortal } = ownerOf(states, 'a', KEY_GROUPS)
      await backend.prefetch(['a'])
      backend.setCurrentKey('a')
      expect(mortal.get()).toBe(expected)
      for (const each of states) await each.backend.close()
    }
  })

  it('a savepoint of what was restored from a savepoint is the same again', async () => {
    const folder = freshFolder()
    const first = await saved(folder, await save(folder, SOME, { parallelism: 1, keyGroups: KEY_GROUPS }))
    const states = await openAll(folder, { parallelism: 3, keyGroups: KEY_GROUPS }, [first.restorable])
    const again = await Promise.all(
      states.map(async ({ backend }, i) => {
        const snapshot = backend.freeze()
        while (!snapshot.encodeSlice(1));
        return { folder, handle: await snapshot.finish(folder, `again-${i}`) }
      }),
    )
    for (const { backend } of states) await backend.close()
    expect((await saved(folder, again)).bytes.equals(first.bytes)).toBe(true)
  })
})

describe('one key', () => {
  const textOf = (rows: Parameters<typeof describeKey>[0], states: Parameters<typeof describeKey>[1]): unknown => {
    const { states: kept, timers } = describeKey(rows, states)
    const plain = kept
      .map(({ name, values }) => [name, values.map(({ key, value }) => (key === undefined ? value : [key, value]))])
      .sort()
    return { plain, timers: timers.map(({ domain, time }) => `${domain} ${time}`).sort() }
  }

  it.each(SOME)('%# is told alike by a savepoint and by the folders it was made of', async ({ key }) => {
    const folder = freshFolder()
    const sources = await save(folder, SOME, { parallelism: 3, keyGroups: KEY_GROUPS, helpings: 2 })
    const { restorable, section } = await saved(folder, sources)
    const group = keyGroupOf(key, KEY_GROUPS)
    const source = sources.find(({ handle }) => handle.keyGroups.start <= group && group < handle.keyGroups.end)
    const options = { node: 'totals', keyGroups: KEY_GROUPS, scratch: join(folder, 'key') }
    const live = await exportKey(source as Restorable, key, options)
    const file = (await SavepointFile.open(nodeFs, restorable.folder)) as SavepointFile
    const rows = await rowsOf(file, section, key)
    await file.close()
    expect(rows.length).toBeGreaterThan(0)
    expect(textOf(live.rows, live.states)).toEqual(textOf(rows, section.states))
  })

  it('that is not there has no rows', async () => {
    const folder = freshFolder()
    const sources = await save(folder, SOME, { parallelism: 1, keyGroups: KEY_GROUPS })
    const options = { node: 'totals', keyGroups: KEY_GROUPS, scratch: join(folder, 'key') }
    expect((await exportKey(sources[0] as Restorable, 'nobody', options)).rows).toEqual([])
  })
})

async function rowsOf(file: SavepointFile, section: StateSection, key: Key): Promise<PortableRow[]> {
  const prefix = new PortableKeys(KEY_GROUPS).prefix(key)
  const rows: PortableRow[] = []
  for await (const chunk of file.scan(section, prefix, afterPrefix(prefix))) rows.push(...chunk)
  return rows
}
