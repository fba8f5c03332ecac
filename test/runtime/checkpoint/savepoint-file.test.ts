// The bytes of a savepoint: what was written is read back, in any range, and no damaged byte is believed.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { loadSavepoint, SavepointFile } from '../../../runtime/checkpoint/savepoint-file.ts'
import type { PortableRow } from '../../../runtime/checkpoint/savepoint-format.ts'
import { SavepointWriter } from '../../../runtime/checkpoint/savepoint-writer.ts'
import type { SectionPlace } from '../../../runtime/checkpoint/state-section.ts'
import type { MillraceError } from '../../../src/errors.ts'
import { crc32 } from '../../../src/util/crc32.ts'
import { MemoryFs } from './memory-fs.ts'
import { manifestOf } from './samples.ts'

const PATH = '/s.savepoint'
const HEADER = { job: 'shop', checkpoint: 1, created: '2026-11-21T00:00:00.000Z', keyGroups: 128 }

async function* inChunks(rows: readonly PortableRow[], size: number): AsyncGenerator<readonly PortableRow[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size)
}

async function written(...sections: (readonly PortableRow[])[]): Promise<{ fs: MemoryFs; places: SectionPlace[] }> {
  const fs = new MemoryFs()
  const writer = await SavepointWriter.create(fs, PATH, HEADER)
  const places: SectionPlace[] = []
  for (const rows of sections) places.push(await writer.section(inChunks(rows, 7)))
  await writer.finish(manifestOf(1))
  return { fs, places }
}

const rowsArbitrary = fc
  .uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 12 }), {
    selector: (key) => Buffer.from(key).toString('hex'),
    maxLength: 40,
  })
  .chain((keys) =>
    fc.tuple(
      fc.constant(keys.map((key) => Buffer.from(key)).sort(Buffer.compare)),
      fc.array(fc.nat({ max: 10_000 }), { minLength: keys.length, maxLength: keys.length }),
    ),
  )
  .map(([keys, sizes]) => keys.map((key, i): PortableRow => [key, Buffer.alloc(sizes[i] ?? 0, i)]))

async function rowsIn(file: SavepointFile, place: SectionPlace, from: Buffer, to: Buffer): Promise<PortableRow[]> {
  const rows: PortableRow[] = []
  for await (const chunk of file.scan(place, from, to)) rows.push(...chunk)
  return rows
}

it('gives back each section, whole and in any range of keys', async () => {
  const key = fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes))
  await fc.assert(
    fc.asyncProperty(rowsArbitrary, rowsArbitrary, key, key, async (one, two, from, to) => {
      const { fs, places } = await written(one, two)
      const file = (await SavepointFile.open(fs, PATH)) as SavepointFile
      await file.verify()
      for (const [i, rows] of [one, two].entries()) {
        const place = places[i] as SectionPlace
        expect(await rowsIn(file, place, Buffer.alloc(0), Buffer.alloc(20, 255))).toEqual(rows)
        const within = rows.filter(([at]) => Buffer.compare(at, from) >= 0 && Buffer.compare(at, to) < 0)
        expect(await rowsIn(file, place, from, to)).toEqual(within)
      }
    }),
    { numRuns: 40 },
  )
})

it('a query of one key reads a few blocks of many', async () => {
  const rows = Array.from({ length: 3000 }, (_, i): PortableRow => {
    const key = Buffer.alloc(4)
    key.writeUInt32BE(i)
    return [key, Buffer.alloc(1000, i)]
  })
  const { fs, places } = await written(rows)
  const file = (await SavepointFile.open(fs, PATH)) as SavepointFile
  const read = fs.bytesRead
  const [from, to] = [rows[1500]?.[0] as Buffer, rows[1501]?.[0] as Buffer]
  expect(await rowsIn(file, places[0] as SectionPlace, from, to)).toEqual([rows[1500]])
  expect(fs.bytesRead - read).toBeLessThan(300_000)
  expect((await fs.read(PATH))?.byteLength).toBeGreaterThan(3_000_000)
})

it('the same rows are the same bytes, whatever the chunks and whatever is before them', async () => {
  const rows = fc.sample(rowsArbitrary, { seed: 7, numRuns: 1 })[0] ?? []
  const bytesOf = async (place: number, ...sections: (readonly PortableRow[])[]): Promise<Buffer> => {
    const { fs, places } = await written(...sections)
    const { at, bytes } = places[place] as SectionPlace
    return Buffer.from((await fs.read(PATH)) ?? []).subarray(at, at + bytes)
  }
  expect(rows.length).toBeGreaterThan(0)
  expect((await bytesOf(1, rows.slice(3), rows)).equals(await bytesOf(0, rows))).toBe(true)
})

/** What comes of reading all of it. */
async function outcome(fs: MemoryFs): Promise<string> {
  return loadSavepoint(fs, PATH).then(
    () => 'read',
    (error: MillraceError) => error.code,
  )
}

const SMALL: readonly PortableRow[] = [
  [Buffer.from([0, 1]), Buffer.from('one')],
  [Buffer.from([0, 2]), Buffer.from('two')],
]

it('a bit flipped anywhere is told; so is an end cut off anywhere, or something behind it', async () => {
  const { fs } = await written(SMALL, [])
  const whole = Buffer.from((await fs.read(PATH)) ?? [])
  expect(await outcome(fs)).toBe('read')
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    fs.replace(PATH, flipped)
    expect(await outcome(fs), `byte ${at} flipped`).toBe('SAVEPOINT_CORRUPT')
    fs.replace(PATH, whole.subarray(0, at))
    expect(await outcome(fs), `cut at byte ${at}`).toBe('SAVEPOINT_CORRUPT')
  }
  fs.replace(PATH, Buffer.concat([whole, Buffer.from([0])]))
  expect(await outcome(fs)).toBe('SAVEPOINT_CORRUPT')
  fs.replace(PATH, Buffer.concat([whole, whole]))
  expect(await outcome(fs)).toBe('SAVEPOINT_CORRUPT')
})

it('a block that is read for one key is checked, though nobody has verified the whole', async () => {
  const { fs, places } = await written(SMALL)
  const whole = Buffer.from((await fs.read(PATH)) ?? [])
  const place = places[0] as SectionPlace
  for (let at = place.at; at < place.at + place.bytes; at++) {
    const flipped = Buffer.from(whole)
    flipped[at] = (flipped[at] ?? 0) ^ 16
    fs.replace(PATH, flipped)
    const file = (await SavepointFile.open(fs, PATH)) as SavepointFile
    await expect(rowsIn(file, place, Buffer.from([0]), Buffer.from([9]))).rejects.toMatchObject({
      code: 'SAVEPOINT_CORRUPT',
      details: { file: PATH },
    })
  }
})

it('a newer format is refused by its number, a file of another kind by its beginning', async () => {
  const { fs } = await written(SMALL)
  const newer = Buffer.from((await fs.read(PATH)) ?? [])
  newer.writeUInt32BE(2, 8)
  newer.writeUInt32BE(crc32(newer.subarray(0, 12)), 12)
  fs.replace(PATH, newer)
  await expect(loadSavepoint(fs, PATH)).rejects.toMatchObject({
    code: 'SAVEPOINT_VERSION',
    message: expect.stringContaining('has format 2; this release reads format 1'),
  })
  fs.replace(PATH, Buffer.from('SQLite format 3, and then some more so that it is long enough'))
  await expect(loadSavepoint(fs, PATH)).rejects.toThrow('damaged at byte 0: it does not begin as a savepoint does')
})

it('the halves of two savepoints are not one', async () => {
  const fs = new MemoryFs()
  const writer = await SavepointWriter.create(fs, PATH, { ...HEADER, checkpoint: 2 })
  await writer.finish(manifestOf(1))
  await expect(loadSavepoint(fs, PATH)).rejects.toThrow('its beginning is of one savepoint and its end of another')
})
