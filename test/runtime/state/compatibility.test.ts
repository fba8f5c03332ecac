// States whose declaration changed between two runs: refused by name, or migrated when read.

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { KeyedBackend } from '../../../runtime/state/keyed-backend.ts'
import { RocksStore } from '../../../runtime/state/rocks-store.ts'
import { META_ROW } from '../../../runtime/state/row-key.ts'
import { jsonCodec } from '../../../src/codec/json-codec.ts'
import { msgpackCodec } from '../../../src/codec/msgpack-codec.ts'
import type { ListState, MapState, StateDescriptor, StateOptions, ValueState } from '../../../src/contract/state.ts'
import { checkpoint, makeBackend, type Restorable, scratchFolder } from './support.ts'

const scratch = scratchFolder()
let folders = 0

function folder(): string {
  const path = join(scratch, `compatibility-${++folders}`)
  mkdirSync(path)
  return path
}

function descriptor(
  kind: StateDescriptor['kind'],
  options: StateOptions<unknown> = {},
  name = 'total',
): StateDescriptor {
  return { name, kind, options, ...(kind === 'reducing' ? { reduce: (a: unknown) => a } : {}) }
}

/** A checkpoint with one key that was written through these descriptors. */
async function written(
  descriptors: readonly StateDescriptor[],
  write: (states: unknown[]) => void,
): Promise<Restorable> {
  const backend = makeBackend(scratch)
  await backend.open([])
  const states = descriptors.map((one) => backend.register(one))
  backend.setCurrentKey('k')
  write(states)
  const restore = await checkpoint(backend, folder())
  await backend.close()
  return restore
}

async function opened(restore: Restorable): Promise<KeyedBackend> {
  const backend = makeBackend(scratch)
  await backend.open([restore])
  return backend
}

describe('a state that changed', () => {
  const ttl = { ttlMs: 1000 }
  const changes: readonly [string, StateDescriptor, StateDescriptor][] = [
    ['kind', descriptor('value'), descriptor('list')],
    ['kind, to a map', descriptor('value'), descriptor('map', { version: 2, migrate: (old) => old })],
    ['codec', descriptor('value'), descriptor('value', { codec: jsonCodec })],
    ['version without migrate', descriptor('value'), descriptor('value', { version: 2 })],
    [
      'version downwards',
      descriptor('value', { version: 3 }),
      descriptor('value', { version: 2, migrate: (old) => old }),
    ],
    ['time to live', descriptor('value'), descriptor('value', { ttl })],
    [
      'a codec nobody knows',
      descriptor('value', { codec: { ...msgpackCodec, name: 'private' } }),
      descriptor('value', { version: 2, migrate: (old) => old }),
    ],
  ]
  test.each(changes)('is refused with node and state named: %s', async (_what, before, after) => {
    const restore = await written([before], () => undefined)
    const backend = await opened(restore)
    expect(() => backend.register(after)).toThrow(
      expect.objectContaining({
        code: 'STATE_INCOMPATIBLE',
        details: expect.objectContaining({ state: 'total', node: 'totals' }),
      }),
    )
    await backend.close()
  })

  test('is migrated when read, whatever its kind, and only once', async () => {
    const before = [descriptor('value', {}, 'v'), descriptor('list', {}, 'l'), descriptor('map', {}, 'm')]
    const restore = await written(before, ([v, l, m]) => {
      ;(v as ValueState<number>).set(1)
      for (const n of [1, 2]) (l as ListState<number>).add(n)
      for (const n of [1, 2]) (m as MapState<number, number>).set(n, n * 10)
    })
    let migrations = 0
    const options: StateOptions<unknown> = {
      version: 2,
      codec: jsonCodec,
      ttl: { ttlMs: 1000 },
      migrate: (old, from) => {
        migrations += 1
        return `${old}/${from}`
      },
    }
    const after = [descriptor('map', options, 'm'), descriptor('value', options, 'v'), descriptor('list', options, 'l')]
    let last = restore
    for (let round = 0; round < 2; round++) {
      const backend = await opened(last)
      const [m, v, l] = after.map((one) => backend.register(one)) as [
        MapState<number, string>,
        ValueState<string>,
        ListState<string>,
      ]
      await backend.prefetch(['k'])
      backend.setCurrentKey('k')
      expect([v.get(), l.get(), [...m.entries()]]).toEqual([
        '1/1',
        ['1/1', '2/1'],
        [
          [1, '10/1'],
          [2, '20/1'],
        ],
      ])
      m.set(3, 'new')
      m.delete(3)
      last = await checkpoint(backend, folder())
      await backend.close()
    }
    expect(migrations).toBe(5)
    expect(last.handle.states.map(({ name, version, codec, ttl }) => ({ name, version, codec, ttl }))).toEqual(
      expect.arrayContaining([{ name: 'm', version: 2, codec: 'json', ttl: true }]),
    )
  })

  test('a reducing state may become a value state', async () => {
    const restore = await written([descriptor('reducing')], ([state]) => (state as { add(n: number): void }).add(7))
    const backend = await opened(restore)
    const total = backend.register(descriptor('value', { version: 2, migrate: (old) => old })) as ValueState<number>
    await backend.prefetch(['k'])
    backend.setCurrentKey('k')
    expect(total.get()).toBe(7)
    await backend.close()
  })
})

test('a state that is no longer declared is kept, through rewritings, until it is declared again', async () => {
  const both = [
    descriptor('value', {}, 'kept'),
    descriptor('map', {}, 'dropped-map'),
    descriptor('value', {}, 'dropped'),
  ]
  let restore = await written(both, ([kept, map, dropped]) => {
    ;(kept as ValueState<number>).set(1)
    ;(map as MapState<string, number>).set('a', 1)
    ;(dropped as ValueState<string>).set('precious')
  })
  const without = await opened(restore)
  const kept = without.register(both[0] as StateDescriptor) as ValueState<number>
  await without.prefetch(['k'])
  without.setCurrentKey('k')
  kept.clear()
  restore = await checkpoint(without, folder())
  await without.close()
  expect(restore.handle.states.map(({ name }) => name)).toEqual(['kept', 'dropped-map', 'dropped'])

  const again = await opened(restore)
  const [value, map, dropped] = both.map((one) => again.register(one)) as [
    ValueState<number>,
    MapState<string, number>,
    ValueState<string>,
  ]
  await again.prefetch(['k'])
  again.setCurrentKey('k')
  expect([value.get(), map.get('a'), dropped.get()]).toEqual([undefined, 1, 'precious'])
  await again.close()
})

test('two states of one name are refused', async () => {
  const backend = makeBackend(scratch)
  await backend.open([])
  backend.register(descriptor('value'))
  expect(() => backend.register(descriptor('list'))).toThrow(expect.objectContaining({ code: 'STATE_DUPLICATE' }))
  await backend.close()
})

test('state of another format is refused, with both named', async () => {
  const restore = await written([descriptor('value')], ([state]) => (state as ValueState<number>).set(1))
  const database = new RocksStore(join(restore.folder, restore.handle.folder))
  await database.open()
  const batch = database.batch()
  batch.put(META_ROW, Buffer.from(JSON.stringify({ format: 1, keyGroups: 16, states: [] })))
  await database.write(batch, true)
  await database.close()
  const files = readdirSync(database.folder).filter((name) => /^(\d+\.(sst|log)|CURRENT|MANIFEST|OPTIONS)/.test(name))
  const handle = { ...restore.handle, files: files.map((name) => ({ name, bytes: 0, crc: 0 })) }
  const backend = makeBackend(scratch)
  await expect(backend.open([{ ...restore, handle }])).rejects.toMatchObject({
    code: 'CHECKPOINT_VERSION',
    details: { checkpoint: 'state of totals', found: 1, expected: 2 },
  })
  await backend.close()
})
