import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mergeRows } from '../../../runtime/state/merge-rows.ts'
import type { Row } from '../../../runtime/state/rocks-store.ts'
import { RowSorter } from '../../../runtime/state/row-sorter.ts'
import { scratchFolder } from './support.ts'

const scratch = scratchFolder()
let sorters = 0

/** Keys begin with a key group: their first byte is below 128. */
const rowsArbitrary = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 127 }), fc.uint8Array({ maxLength: 5 })), {
    selector: ([group, rest]) => Buffer.from([group, ...rest]).toString('hex'),
    maxLength: 80,
  })
  .map((keys) => keys.map(([group, rest], i): Row => [Buffer.from([group, ...rest]), Buffer.from([i])]))

const hex = (rows: readonly Row[]): string[] =>
  rows.map(([key, value]) => `${key.toString('hex')} ${value.toString('hex')}`)
const inOrder = (rows: readonly Row[]): Row[] => rows.toSorted(([a], [b]) => Buffer.compare(a, b))

async function all(chunks: AsyncIterable<readonly Row[]>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const chunk of chunks) rows.push(...chunk)
  return rows
}

it.each([Number.POSITIVE_INFINITY, 2000, 0])(
  'gives rows back in order, with at most %i bytes in the heap',
  async (bytesMax) => {
    await fc.assert(
      fc.asyncProperty(rowsArbitrary, async (rows) => {
        const folder = join(scratch, `sorter-${++sorters}`)
        const sorter = new RowSorter(folder, bytesMax)
        for (const row of rows) await sorter.add(row)
        if (bytesMax === 0) expect(existsSync(folder)).toBe(rows.length > 0)
        expect(hex(await all(sorter.sorted()))).toEqual(hex(inOrder(rows)))
        await sorter.close()
        expect(existsSync(folder)).toBe(false)
      }),
      { numRuns: bytesMax === Number.POSITIVE_INFINITY ? 100 : 10 },
    )
  },
)

async function* inChunks(rows: readonly Row[], size: number): AsyncGenerator<readonly Row[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size)
}

it('two streams in order become one, whatever their chunks', async () => {
  const size = fc.integer({ min: 1, max: 9 })
  await fc.assert(
    fc.asyncProperty(rowsArbitrary, fc.integer({ min: 1, max: 5 }), size, size, async (rows, every, a, b) => {
      const left = inOrder(rows.filter((_, i) => i % every === 0))
      const right = inOrder(rows.filter((_, i) => i % every !== 0))
      expect(hex(await all(mergeRows(inChunks(left, a), inChunks(right, b))))).toEqual(hex(inOrder(rows)))
    }),
  )
})

it('a merge that is left early ends both streams', async () => {
  const ended: string[] = []
  async function* endless(name: string): AsyncGenerator<readonly Row[]> {
    try {
      for (let i = 0; ; i++) yield [[Buffer.from([i]), Buffer.from(name)]]
    } finally {
      ended.push(name)
    }
  }
  for await (const rows of mergeRows(endless('a'), endless('b'))) if (rows.length > 0) break
  expect(ended.sort()).toEqual(['a', 'b'])
})
