import { appendFile, mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { folder, readAll, readWithRestores, SourceDriver } from './drive.ts'

const lines = (values: readonly unknown[], end = '\n'): string =>
  values.map((value) => JSON.stringify(value) + end).join('')

describe('filesSource, bounded', () => {
  it('reads NDJSON of several files by glob, in order of path', async () => {
    const dir = await folder()
    await mkdir(join(dir, 'deep'))
    await writeFile(join(dir, 'b.ndjson'), lines([{ b: 1 }]))
    await writeFile(join(dir, 'a.ndjson'), lines([{ a: 1 }, { a: 2 }]))
    await writeFile(join(dir, 'deep', 'c.ndjson'), lines([{ c: 1 }]))
    await writeFile(join(dir, 'no.txt'), 'no')
    const paths = [`${dir}/**/*.ndjson`, `!${dir}/b.*`]
    expect(await readAll({ paths, format: 'ndjson' })).toEqual([{ a: 1 }, { a: 2 }, { c: 1 }])
    expect(await readAll({ paths: `${dir}/{a,b}.ndjson`, format: 'ndjson' })).toEqual([{ a: 1 }, { a: 2 }, { b: 1 }])
  })

  it('takes a path literally if there is such a file, whatever a glob would make of it', async () => {
    const dir = await folder()
    await writeFile(join(dir, 'a [1] (copy).txt'), 'x\n')
    expect(await readAll({ paths: join(dir, 'a [1] (copy).txt'), format: 'lines' })).toEqual(['x'])
  })

  it('fails when nothing matches, unless that is said to be fine', async () => {
    const dir = await folder()
    await expect(readAll({ paths: `${dir}/*.csv`, format: 'csv' })).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' })
    expect(await readAll({ paths: `${dir}/*.csv`, format: 'csv', allowNone: true })).toEqual([])
  })

  it('I1: any text in any cut, CRLF, blank lines, no last newline: each line once, also restored after every poll', async () => {
    const dir = await folder()
    const file = join(dir, 'a.txt')
    const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((line) => line.replaceAll(/[\r\n]/g, ''))
    await fc.assert(
      fc.asyncProperty(
        fc.array(text),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.integer({ min: 1, max: 7 }),
        check,
      ),
      { numRuns: 150 },
    )
    async function check(records: string[], end: string, lastEnds: boolean, recordsMax: number): Promise<void> {
      const whole = records.map((line) => line + end).join('')
      await rm(file, { force: true })
      // A byte order mark at the beginning of a file is not part of its first record.
      const content = (lastEnds ? whole : whole.slice(0, -end.length)).replace(/^\uFEFF+/, '')
      await writeFile(file, content)
      const expected = content.split(end)
      if (expected.at(-1) === '') expected.pop()
      expect(await readWithRestores({ paths: file, format: 'lines' }, recordsMax)).toEqual(expected)
      expect(await readAll({ paths: file, format: 'lines' }, 1 + recordsMax * 10)).toEqual(expected)
    }
  })

  it('I1: characters of several bytes across the chunks a file is read in', async () => {
    const file = join(await folder(), 'a.ndjson')
    const values = Array.from({ length: 30_000 }, (_, i) => ({ i, text: '𝒳é漢'.repeat(i % 9) }))
    await writeFile(file, lines(values))
    expect(await readAll({ paths: file, format: 'ndjson' })).toEqual(values)
    expect(await readWithRestores({ paths: file, format: 'ndjson' }, 977)).toEqual(values)
  })

  it.each([0, 1, 2, 3])(
    'skips a byte order mark, also one that comes in pieces, in a file of %d more bytes',
    async (more) => {
      const file = join(await folder(), 'a.txt')
      const rest = 'x\ny'.slice(0, more)
      await writeFile(file, `\uFEFF${rest}`)
      expect(await readAll({ paths: file, format: 'lines' })).toEqual(rest.split('\n').filter((line) => line !== ''))
      await writeFile(file, rest)
      expect(await readAll({ paths: file, format: 'lines' })).toEqual(rest.split('\n').filter((line) => line !== ''))
    },
  )

  it('reads gzip, of several members, and goes on in the middle of it', async () => {
    const file = join(await folder(), 'a.ndjson.gz')
    const values = Array.from({ length: 5000 }, (_, i) => ({ i, text: 'é'.repeat(i % 100) }))
    await writeFile(file, Buffer.concat([gzipSync(lines(values.slice(0, 999))), gzipSync(lines(values.slice(999)))]))
    expect(await readAll({ paths: file, format: 'ndjson' })).toEqual(values)
    expect(await readWithRestores({ paths: file, format: 'ndjson' }, 700)).toEqual(values)
  })

  it('fails on a gzip file that is cut short, and names it', async () => {
    const file = join(await folder(), 'a.ndjson.gz')
    const whole = gzipSync(lines(Array.from({ length: 5000 }, (_, i) => i * 7919)))
    await writeFile(file, whole.subarray(0, -20))
    await expect(readAll({ paths: file, format: 'ndjson' })).rejects.toMatchObject({
      code: 'SOURCE_FAILED',
      message: expect.stringContaining(file),
    })
  })

  it('fails when a file was replaced while it was being read', async () => {
    const file = join(await folder(), 'a.ndjson')
    await writeFile(file, lines([1, 2, 3]))
    const driver = await SourceDriver.start({ paths: file, format: 'ndjson' })
    expect(await driver.poll(1)).toEqual([1])
    const from = driver.snapshot()
    await writeFile(`${file}.new`, lines([7, 8, 9]))
    await rename(`${file}.new`, file)
    await driver.close()
    const again = await SourceDriver.start({ paths: file, format: 'ndjson' }, { from })
    await expect(again.poll()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
    await again.close()
  })
})

describe('filesSource, malformed records', () => {
  const bad = ['{"a":1}', '', '{"a":', '{"a":2}', 'nonsense', '{"a":3}'].join('\n')

  it('fails with file and line', async () => {
    const file = join(await folder(), 'a.ndjson')
    await writeFile(file, bad)
    await expect(readAll({ paths: file, format: 'ndjson' })).rejects.toMatchObject({
      code: 'RECORD_MALFORMED',
      details: { file, line: 3 },
    })
  })

  it('puts them aside with file, line, reason and text', async () => {
    const file = join(await folder(), 'a.ndjson')
    await writeFile(file, bad)
    for (const recordsMax of [1, 1024]) {
      const records = await readWithRestores({ paths: file, format: 'ndjson', onMalformed: 'side' }, recordsMax)
      expect(records).toEqual([
        { ok: true, value: { a: 1 } },
        { ok: false, file, line: 3, raw: '{"a":', reason: expect.stringContaining('not JSON') },
        { ok: true, value: { a: 2 } },
        { ok: false, file, line: 5, raw: 'nonsense', reason: expect.stringContaining('not JSON') },
        { ok: true, value: { a: 3 } },
      ])
    }
  })

  it('calls only the lines malformed that are not UTF-8', async () => {
    const file = join(await folder(), 'a.txt')
    await writeFile(file, Buffer.concat([Buffer.from('é\n'), Buffer.from([0xff, 0x41, 0x0a]), Buffer.from('z\n')]))
    for (const recordsMax of [1, 2, 100]) {
      expect(await readWithRestores({ paths: file, format: 'lines', onMalformed: 'side' }, recordsMax)).toEqual([
        { ok: true, value: 'é' },
        { ok: false, file, line: 2, raw: '\uFFFDA', reason: 'not valid UTF-8' },
        { ok: true, value: 'z' },
      ])
    }
  })

  it.each(['ndjson', 'lines', 'csv'] as const)(
    'I3: skips an overlong record of %s without holding it',
    async (format) => {
      const file = join(await folder(), 'a')
      const long = '9'.repeat(900_000)
      await writeFile(file, `1\n${long}\n2\n${long}`)
      const options = {
        paths: file,
        format,
        onMalformed: 'side',
        recordBytesMax: 1000,
        csv: { header: ['n'] },
      } as const
      const two = format === 'ndjson' ? 2 : format === 'csv' ? { n: '2' } : '2'
      const records = await readWithRestores(options, 10)
      expect(records.slice(1)).toEqual([
        { ok: false, file, line: 2, raw: '9'.repeat(1000), reason: 'longer than 1000 bytes' },
        { ok: true, value: two },
        { ok: false, file, line: 4, raw: '9'.repeat(1000), reason: 'longer than 1000 bytes' },
      ])
      await expect(readAll({ ...options, onMalformed: 'fail' })).rejects.toMatchObject({ details: { line: 2 } })
    },
  )

  it('asks the schema, whose complaint is the reason', async () => {
    const file = join(await folder(), 'a.csv')
    await writeFile(file, 'n\n1\n"\nx"\n3\n')
    const schema = {
      parse(value: unknown): number {
        const n = Number((value as { n: string }).n)
        if (Number.isNaN(n)) throw new Error('n is\n no number')
        return n
      },
    }
    expect(await readAll({ paths: file, format: 'csv', schema, onMalformed: 'side' })).toEqual([
      { ok: true, value: 1 },
      { ok: false, file, line: 3, raw: '"\nx"', reason: 'n is no number' },
      { ok: true, value: 3 },
    ])
  })
})

describe('filesSource, CSV', () => {
  const cell = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', ',', '"', '\n', '\r\n', ';', ' ', 'é', '𝒳', ''), maxLength: 8 }),
    fc.string({ maxLength: 5 }),
  )
  const table = fc
    .integer({ min: 1, max: 4 })
    .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 12 }))

  it('I1: reads back any table, also restored after every poll', async () => {
    const dir = await folder()
    let run = 0
    await fc.assert(
      fc.asyncProperty(table, fc.constantFrom(',', ';', '\t'), fc.constantFrom('\n', '\r\n'), fc.boolean(), check),
      { numRuns: 250 },
    )
    async function check(rows: string[][], delimiter: string, end: string, quoteAll: boolean): Promise<void> {
      const quoted = (text: string): string =>
        quoteAll || text === '' || /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
      const file = join(dir, `${run++}.csv`)
      const header = (rows[0] as string[]).map((_, i) => `c${i}`)
      await writeFile(file, [header, ...rows].map((row) => row.map(quoted).join(delimiter) + end).join(''))
      const expected = rows.map((row) => Object.fromEntries(row.map((text, i) => [`c${i}`, text])))
      const options = { paths: file, format: 'csv', csv: { delimiter } } as const
      expect(await readWithRestores(options, 2)).toEqual(expected)
      expect(await readAll(options)).toEqual(expected)
    }
  })

  it('puts aside records with too few or too many fields and with stray quotes, and reads the others', async () => {
    const file = join(await folder(), 'a.csv')
    await writeFile(file, 'a,b\n1,2\n3\n4,5,6\n7,8" pipe\n"x"y,9\n"multi\nline",10\n11,12\n"never closed,13\n14,15\n')
    const records = await readAll({ paths: file, format: 'csv', onMalformed: 'side' })
    expect(records).toEqual([
      { ok: true, value: { a: '1', b: '2' } },
      { ok: false, file, line: 3, raw: '3', reason: '1 field where the header has 2' },
      { ok: false, file, line: 4, raw: '4,5,6', reason: '3 fields where the header has 2' },
      { ok: false, file, line: 5, raw: '7,8" pipe', reason: expect.stringMatching(/quote/i) },
      { ok: false, file, line: 6, raw: '"x"y,9', reason: expect.stringMatching(/quote/i) },
      { ok: true, value: { a: 'multi\nline', b: '10' } },
      { ok: true, value: { a: '11', b: '12' } },
      { ok: false, file, line: 10, raw: '"never closed,13', reason: 'a quoted field is not closed' },
      { ok: true, value: { a: '14', b: '15' } },
    ])
  })

  it('pads records with too few fields if told to', async () => {
    const file = join(await folder(), 'a.csv')
    await writeFile(file, 'a,b,c\n1\n"2",x\n')
    expect(await readAll({ paths: file, format: 'csv', csv: { pad: true } })).toEqual([
      { a: '1', b: '', c: '' },
      { a: '2', b: 'x', c: '' },
    ])
  })

  it('keeps a column named __proto__ a column', async () => {
    const file = join(await folder(), 'a.csv')
    await writeFile(file, '__proto__,constructor\n1,2\n')
    const [row] = (await readAll({ paths: file, format: 'csv' })) as [object]
    expect(Object.entries(row)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('refuses a header with a name twice, whatever is done with malformed records', async () => {
    const file = join(await folder(), 'a.csv')
    await writeFile(file, '\n\na,b,a\n1,2,3\n')
    await expect(readAll({ paths: file, format: 'csv', onMalformed: 'side' })).rejects.toMatchObject({
      code: 'RECORD_MALFORMED',
      details: { file, line: 3 },
    })
    const header = ['x', 'y', 'z']
    expect(await readAll({ paths: file, format: 'csv', csv: { header } })).toHaveLength(2)
  })
})

describe('filesSource, following', () => {
  async function following(
    format: 'lines' | 'csv' = 'lines',
  ): Promise<{ dir: string; file: string; driver: SourceDriver }> {
    const dir = await folder()
    const file = join(dir, 'app.log')
    await writeFile(file, '')
    const driver = await SourceDriver.start({ paths: `${dir}/*.log`, format, follow: true })
    return { dir, file, driver }
  }

  it('I2: yields what is added, and waits for the end of a line', async () => {
    const { file, driver } = await following()
    expect(await driver.drain()).toEqual([])
    await appendFile(file, 'one\ntw')
    expect(await driver.later()).toEqual(['one'])
    const from = driver.snapshot()
    await appendFile(file, 'o\nthree\n')
    expect(await driver.later()).toEqual(['two', 'three'])
    await driver.close()
    const again = await SourceDriver.start({ paths: `${file}`, format: 'lines', follow: true }, { from })
    expect(await again.drain()).toEqual(['two', 'three'])
    expect(await again.poll()).toBe('idle')
    await again.close()
  })

  it('follows a file that is renamed, and the new one of its name: nothing lost, nothing twice', async () => {
    const { dir, file, driver } = await following()
    await appendFile(file, 'one\n')
    expect(await driver.later()).toEqual(['one'])
    await appendFile(file, 'two\n')
    await rename(file, join(dir, 'app.log.1'))
    await writeFile(file, 'new one\n')
    await appendFile(join(dir, 'app.log.1'), 'three, by a writer that had not noticed\n')
    expect([...(await driver.later()), ...(await driver.discover())]).toEqual([
      'two',
      'three, by a writer that had not noticed',
      'new one',
    ])
    await driver.close()
  })

  it('finds a file again that was renamed while the job was down', async () => {
    const { dir, file, driver } = await following()
    await appendFile(file, 'one\n')
    expect(await driver.later()).toEqual(['one'])
    const from = driver.snapshot()
    await driver.close()
    await appendFile(file, 'two\n')
    await rename(file, join(dir, 'app.log.1'))
    await writeFile(file, 'new one\n')
    const again = await SourceDriver.start({ paths: `${dir}/*.log`, format: 'lines', follow: true }, { from })
    expect([...(await again.drain()), ...(await again.later())].sort()).toEqual(['new one', 'two'])
    await again.close()
  })

  it('begins a truncated file again, and says so', async () => {
    const { file, driver } = await following('csv')
    await appendFile(file, 'a,b\n1,2\n3,4\n')
    expect(await driver.later()).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ])
    await truncate(file, 0)
    await appendFile(file, 'b,a\n5,6\n')
    expect(await driver.later()).toEqual([{ b: '5', a: '6' }])
    expect(driver.log).toMatchObject([{ level: 'warn', message: expect.stringContaining('truncated') }])
    await driver.close()
  })

  it('notices that a file was truncated also when it has grown beyond where it was read', async () => {
    const { file, driver } = await following()
    await appendFile(file, 'one\ntwo\n')
    expect(await driver.later()).toEqual(['one', 'two'])
    await truncate(file, 0)
    await appendFile(file, 'three\nfour\nfive\n')
    expect(await driver.later()).toEqual(['three', 'four', 'five'])
    await driver.close()
  })

  it('lets a removed file go, with the last line it had', async () => {
    const { file, driver } = await following()
    await appendFile(file, 'one\nlast')
    expect(await driver.later()).toEqual(['one'])
    await rm(file)
    expect(await driver.later()).toEqual(['last'])
    expect(driver.snapshot().splits).toEqual([])
    expect(driver.log).toEqual([])
    await driver.close()
  })

  it('says so when a file was removed before it was read', async () => {
    const { file, driver } = await following()
    const from = driver.snapshot()
    await driver.close()
    await rm(file)
    const again = await SourceDriver.start({ paths: file, format: 'lines', follow: true }, { from })
    expect(await again.drain()).toEqual([])
    expect(again.log).toMatchObject([{ level: 'error', message: expect.stringContaining('removed') }])
    await again.close()
  })

  it('gives out a file once, whatever it is called later', async () => {
    const { dir, file, driver } = await following()
    await appendFile(file, 'one\n')
    expect(await driver.later()).toEqual(['one'])
    await rename(file, join(dir, 'other.log'))
    await writeFile(join(dir, 'new.log'), 'new\n')
    expect(await driver.discover()).toEqual(['new'])
    await appendFile(join(dir, 'other.log'), 'more\n')
    expect(await driver.later()).toEqual(['more'])
    await driver.close()
  })

  it('reads what is there and ends in batch mode, the last line too', async () => {
    const { file, driver } = await following()
    await driver.close()
    await appendFile(file, 'one\nlast')
    const batch = await SourceDriver.start({ paths: file, format: 'lines', follow: true }, { mode: 'batch' })
    expect(await batch.drain()).toEqual(['one', 'last'])
    expect(await batch.poll()).toBe('end')
    await batch.close()
  })

  it('reads more files than it keeps open', async () => {
    const dir = await folder()
    const names = Array.from({ length: 400 }, (_, i) => `${String(i).padStart(3, '0')}.log`)
    await Promise.all(names.map((name) => writeFile(join(dir, name), `${name}\n`)))
    const driver = await SourceDriver.start({ paths: `${dir}/*.log`, format: 'lines', follow: true })
    expect(await driver.drain()).toEqual(names)
    for (const name of ['000.log', '399.log']) await appendFile(join(dir, name), 'more\n')
    expect(await driver.later()).toEqual(['more', 'more'])
    await rm(join(dir, '001.log'))
    expect(await driver.later()).toEqual([])
    expect(driver.snapshot().splits).toHaveLength(399)
    await driver.close()
  })
})
