// What goes into a spool comes out whole and in order, whatever fits into memory: against a plain sort, and on a disk that fails.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { KeyVisitor } from '../../../runtime/spool/key-merge.ts'
import { SortedSpool } from '../../../runtime/spool/sorted-spool.ts'
import { isMillraceError } from '../../../src/errors.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { type FileSystem, nodeFileSystem, type OpenFile } from '../../../src/util/file-system.ts'
import { canonicalKey, type Key } from '../../../src/util/key-group.ts'

const root = mkdtempSync(join(tmpdir(), 'spool-'))
afterAll(() => {
  rmSync(root, { recursive: true })
})
let spools = 0

/** This machine's, with `step` called before each thing that it does. */
function failing(step: () => void): FileSystem {
  const after = <T>(work: () => Promise<T>): Promise<T> => Promise.resolve().then(step).then(work)
  const wrapped = (file: OpenFile): OpenFile => ({
    read: (into, position) => after(() => file.read(into, position)),
    write: (parts, position) => after(() => file.write(parts, position)),
    truncate: (bytes) => file.truncate(bytes),
    sync: () => file.sync(),
    size: () => file.size(),
    close: () => file.close(),
  })
  return { ...nodeFileSystem, open: (path, mode) => after(() => nodeFileSystem.open(path, mode).then(wrapped)) }
}

interface Row {
  readonly input: number
  readonly key: Key
  readonly time: number | undefined
  readonly n: number
}

function spoolOf(bytesMax: number): { readonly spool: SortedSpool; readonly folder: string } {
  spools += 1
  const folder = join(root, `${spools}`)
  return { spool: new SortedSpool({ inputs: 2, bytesMax, folder, node: 'sums' }), folder }
}

/** Keeps what it is given, and sees to it that a key comes once. */
class Listener implements KeyVisitor {
  readonly byKey = new Map<string, Row[]>()
  readonly #slow: boolean
  #open: Row[] | undefined

  constructor(slow = false) {
    this.#slow = slow
  }

  records(batch: ReturnType<typeof batchOf>, input: number): Promise<void> | undefined {
    const key = canonicalKey((batch.keys as readonly Key[])[0] as Key)
    if (this.#open === undefined) {
      expect(this.byKey.has(key), `${key} comes once`).toBe(false)
      this.#open = []
      this.byKey.set(key, this.#open)
    }
    expect(this.byKey.get(key)).toBe(this.#open)
    for (const [i, value] of batch.values.entries()) {
      const row = value as Row
      expect(canonicalKey(batch.keys?.[i] as Key)).toBe(key)
      expect(batch.timestamps?.[i]).toBe(row.time)
      expect(input).toBe(row.input)
      this.#open.push(row)
    }
    return this.#slow ? Promise.resolve() : undefined
  }

  endOfKey(key: Key): Promise<void> | undefined {
    expect(this.byKey.get(canonicalKey(key))).toBe(this.#open)
    this.#open = undefined
    return this.#slow ? Promise.resolve() : undefined
  }
}

const keys: fc.Arbitrary<Key> = fc.oneof(
  fc.integer({ min: -3, max: 3 }),
  fc.constantFrom('', 'a', 'b', '1', '\0', 0.5, -0, true, false, 1n, -(2n ** 70n), Number.POSITIVE_INFINITY),
  fc.constantFrom<Key>([], [1], ['1'], [1, 'a'], [1, ['a']], [[]], [1n]),
)
const times = fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constantFrom(-(2 ** 52), 2 ** 52, 0.25))

/** Batches of one input, each with event times or without. */
const batches = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 1 }), fc.boolean(), fc.array(fc.tuple(keys, times), { maxLength: 30 })),
  { maxLength: 30 },
)

function rowsOf(script: typeof batches extends fc.Arbitrary<infer T> ? T : never): Row[][] {
  let n = 0
  return script.map(([input, timed, rows]) =>
    rows.map(([key, time]) => ({ input, key, time: timed ? time : undefined, n: n++ })),
  )
}

async function fill(spool: SortedSpool, rows: readonly (readonly Row[])[]): Promise<void> {
  for (const batch of rows) {
    const [first] = batch
    const timestamps = first?.time === undefined ? undefined : batch.map(({ time }) => time as number)
    await spool.add(
      batchOf(
        batch,
        timestamps,
        batch.map(({ key }) => key),
      ),
      first?.input ?? 0,
    )
  }
}

/** Event time (none first), then input, then arrival. */
function expectedOf(rows: readonly Row[]): Map<string, Row[]> {
  const byKey = new Map<string, Row[]>()
  for (const row of rows) {
    const key = canonicalKey(row.key)
    byKey.set(key, [...(byKey.get(key) ?? []), row])
  }
  const time = (row: Row): number => row.time ?? Number.NEGATIVE_INFINITY
  for (const list of byKey.values()) {
    list.sort((a, b) => (time(a) === time(b) ? a.input - b.input || a.n - b.n : time(a) < time(b) ? -1 : 1))
  }
  return byKey
}

test('gives every record back, key by key, by event time, input and arrival, at any budget', async () => {
  await fc.assert(
    fc.asyncProperty(
      batches,
      fc.constantFrom(0, 2_000, 20_000, Number.POSITIVE_INFINITY),
      fc.boolean(),
      async (script, bytesMax, slow) => {
        const rows = rowsOf(script)
        const { spool } = spoolOf(bytesMax)
        await fill(spool, rows)
        const listener = new Listener(slow)
        await spool.replay(listener)
        await spool.close()
        const sorted = (map: Map<string, Row[]>): unknown => [...map].sort(([a], [b]) => (a < b ? -1 : 1))
        // What went through a file is equal, not the same: -0 is 0.
        const plain = JSON.stringify(sorted(listener.byKey), show)
        expect(plain).toBe(JSON.stringify(sorted(expectedOf(rows.flat())), show))
      },
    ),
    { numRuns: 300 },
  )
})

function show(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value === Number.POSITIVE_INFINITY ? 'infinity' : value
}

/** `count` records of which `skew` (from 0 to 1) are of key 0, in no order of time. */
function* bulk(count: number, keyCount: number, skew = 0): Generator<Row[]> {
  for (let from = 0; from < count; from += 1000) {
    yield Array.from({ length: Math.min(1000, count - from) }, (_, i) => {
      const n = from + i
      const time = (n * 7919) % 10_007
      return { input: 0, key: (n * 31) % 1000 < skew * 1000 ? 0 : (n * 7) % keyCount, time, n }
    })
  }
}

describe('memory', () => {
  test('holds no more than the budget of 2 M keys, and leaves no file', async () => {
    const budget = 16 << 20
    const { spool, folder } = spoolOf(budget)
    let most = 0
    for (const rows of bulk(2_000_000, 2_000_000)) {
      await fill(spool, [rows])
      most = Math.max(most, spool.residentRecords)
      expect(spool.residentBytes).toBeLessThanOrEqual(budget * 1.1)
    }
    expect(most).toBeLessThan(200_000)
    expect(spool.spilledBytes).toBeGreaterThan(budget)
    let records = 0
    let seen = 0
    await spool.replay({
      records: (batch) => {
        records += batch.values.length
        return undefined
      },
      endOfKey: () => {
        seen += 1
        return undefined
      },
    })
    expect([records, seen]).toEqual([2_000_000, 2_000_000])
    expect(readdirSync(folder)).toEqual([])
    await spool.close()
  })

  test('streams a key with most of the records from disk, by event time', async () => {
    const { spool } = spoolOf(1 << 20)
    for (const rows of bulk(200_000, 1000, 0.9)) await fill(spool, [rows])
    let hot = 0
    let last = Number.NEGATIVE_INFINITY
    let longest = 0
    await spool.replay({
      records: ({ keys: of, timestamps = [], values }) => {
        longest = Math.max(longest, values.length)
        if (of?.[0] !== 0) return undefined
        hot += values.length
        for (const time of timestamps) {
          expect(time).toBeGreaterThanOrEqual(last)
          last = time
        }
        return undefined
      },
      endOfKey: () => undefined,
    })
    expect(hot).toBeGreaterThanOrEqual(180_000)
    expect(longest).toBeLessThanOrEqual(1024)
    await spool.close()
  })

  test('merges in several passes when there are more runs than can be read together', async () => {
    const { spool, folder } = spoolOf(0)
    const rows = [...bulk(100_000, 5_000)]
    await fill(spool, rows)
    expect(readdirSync(folder).length).toBe(100)
    const listener = new Listener()
    await spool.replay(listener)
    await spool.close()
    expect(listener.byKey).toEqual(expectedOf(rows.flat()))
  })
})

describe('the disk', () => {
  test('a damaged run is an error, never a record', async () => {
    const { spool, folder } = spoolOf(0)
    for (const rows of bulk(3_000, 10)) await fill(spool, [rows])
    const path = join(folder, readdirSync(folder)[1] as string)
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1
    writeFileSync(path, bytes)
    const error = await spool.replay(new Listener()).catch((thrown: unknown) => thrown)
    expect(isMillraceError(error) && [error.code, error.details.path]).toEqual(['IO', path])
    await spool.close()
    expect(readdirSync(root)).not.toContain(folder)
  })

  test('that fails at any step is an error with the path, never a lost record', async () => {
    const rows = [...bulk(6_000, 500)]
    for (let failAt = 1; ; failAt += 1) {
      let steps = 0
      const step = (): void => {
        steps += 1
        if (steps === failAt) throw new Error('no space left on device')
      }
      const folder = join(root, `failing-${failAt}`)
      const spool = new SortedSpool({ inputs: 1, bytesMax: 0, folder, node: 'sums', fileSystem: failing(step) })
      const listener = new Listener()
      const error = await fill(spool, rows)
        .then(() => spool.replay(listener))
        .catch((thrown: unknown) => thrown)
      await spool.close()
      expect(existsSync(folder)).toBe(false)
      if (steps < failAt) {
        expect(error).toBeUndefined()
        expect(listener.byKey).toEqual(expectedOf(rows.flat()))
        return
      }
      expect(isMillraceError(error) && error.code, `step ${failAt}`).toBe('IO')
      expect(String(error)).toContain(folder)
    }
  })

  test('a record that cannot be written names the node', () => {
    const { spool } = spoolOf(0)
    const added = (async () => spool.add(batchOf([() => 1], undefined, [1]), 0))()
    return expect(added).rejects.toMatchObject({ code: 'RECORD_CODEC', details: { node: 'sums' } })
  })
})
