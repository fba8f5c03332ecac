import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { filesSink } from '../../../../src/connectors/files/index.ts'
import type { FilesSinkOptions } from '../../../../src/connectors/files/options.ts'
import type { AppendPrepared, AppendSinkFunction } from '../../../../src/contract/sink-function.ts'
import { present } from '../../../../src/util/assert.ts'
import { Decimal } from '../../../../src/util/decimal.ts'
import { folder, ManualClock, readAll, runtimeContext } from './drive.ts'

type Options = Partial<FilesSinkOptions<unknown>>

async function opened(directory: string, options: Options = {}, subtask = 0): Promise<AppendSinkFunction<unknown>> {
  const sink = filesSink<unknown>({ directory, format: 'lines', ...options })
  await sink.open(runtimeContext(new ManualClock(), [], 'stream', subtask))
  return sink
}

const published = async (directory: string): Promise<string[]> =>
  (await readdir(directory)).filter((name) => !name.startsWith('.')).sort()

const hidden = async (directory: string): Promise<string[]> =>
  (await readdir(directory)).filter((name) => name.startsWith('.')).sort()

/** What a reader of published parts sees, in order of name. */
async function seen(directory: string): Promise<string[]> {
  const texts = await Promise.all((await published(directory)).map((name) => readFile(join(directory, name), 'utf8')))
  return texts.join('').split('\n').slice(0, -1)
}

describe('filesSink', () => {
  it('I1, I2: shows an epoch when it is committed, not before', async () => {
    const dir = await folder()
    const sink = await opened(dir)
    await sink.restore([], undefined)
    await sink.write(['a', 'b'])
    const { commit } = await sink.prepare(1)
    await sink.write(['c'])
    expect(await published(dir)).toEqual([])
    await sink.commit(structuredClone(commit))
    expect(await published(dir)).toEqual(['files-00000001-0-0.txt'])
    expect(await seen(dir)).toEqual(['a', 'b'])
    await sink.close()
  })

  it('I1: committing again changes nothing, in this process or the next', async () => {
    const dir = await folder()
    const sink = await opened(dir)
    await sink.write(['a'])
    const { state, commit } = await sink.prepare(1)
    await sink.commit(commit)
    await sink.commit(commit)
    await sink.close()
    const again = await opened(dir)
    await again.restore([state], 1)
    await again.commit(commit)
    expect(await seen(dir)).toEqual(['a'])
    await again.close()
  })

  it('has nothing to commit for an epoch without records', async () => {
    const sink = await opened(await folder())
    expect((await sink.prepare(1)).commit).toBeUndefined()
    await sink.close()
  })

  it.each([
    [
      'ndjson',
      '{"n":1,"id":18446744073709551617,"price":"0.00000001","list":[9007199254740993,"1.5"],"at":"1970-01-01T00:00:00.000Z"}',
    ],
    ['csv', '1,18446744073709551617,0.00000001,"[9007199254740993,""1.5""]",1970-01-01T00:00:00.000Z'],
  ] as const)('writes bigints and Decimals into %s with all their digits', async (format, line) => {
    const dir = await folder()
    const sink = await opened(dir, { format })
    const list = [2n ** 53n + 1n, new Decimal('1.50')]
    const plain = { n: 1, id: 1, price: 1, list: 1, at: 1 }
    await sink.write([plain])
    await sink.write([{ n: 1, id: 2n ** 64n + 1n, price: new Decimal('1e-8'), list, at: new Date(0) }, plain])
    await sink.commit((await sink.prepare(1)).commit)
    const lines = await seen(dir)
    expect(lines.at(-2)).toBe(line)
    expect(lines.at(-1)).toBe(lines.at(-3))
    await sink.close()
  })

  it('rolls parts by size', async () => {
    const dir = await folder()
    const sink = await opened(dir, { roll: { bytes: 10 } })
    for (let i = 0; i < 10; i += 1) await sink.write([`record ${i}`, 'x'])
    const { commit } = await sink.prepare(1)
    await sink.commit(commit)
    expect(await published(dir)).toHaveLength(10)
    expect(await seen(dir)).toHaveLength(20)
    await sink.close()
  })

  it('I4: going back to an older checkpoint takes back what later ones published, whatever the parallelism is now', async () => {
    const dir = await folder()
    const states: unknown[][] = []
    const sinks = await Promise.all([0, 1].map((subtask) => opened(dir, {}, subtask)))
    for (const epoch of [1, 2, 3]) {
      const prepared: AppendPrepared[] = []
      for (const [i, sink] of sinks.entries()) {
        await sink.write([`${epoch}/${i}`])
        prepared.push(await sink.prepare(epoch))
      }
      for (const [i, sink] of sinks.entries()) await sink.commit(prepared[i]?.commit)
      states.push(prepared.map(({ state }) => state))
    }
    for (const sink of sinks) await sink.close()
    const one = await opened(dir)
    await one.restore(states[0] ?? [], 1)
    expect(await seen(dir)).toEqual(['1/0', '1/1'])
    await one.write(['2 again'])
    await one.commit((await one.prepare(4)).commit)
    expect(await seen(dir)).toEqual(['1/0', '1/1', '2 again'])
    await one.close()
  })

  it('touches no files but its own', async () => {
    const dir = await folder()
    const others = [
      '.other-0-0.inprogress',
      'files-2-00000009-0-0.txt',
      'files-00000009-0-0.txt.bak',
      'filesx00000009-0-0.txt',
    ]
    for (const name of others) await writeFile(join(dir, name), 'mine')
    const sink = await opened(dir, { prefix: 'files' })
    await sink.restore([], 1)
    await sink.close()
    expect((await readdir(dir)).sort()).toEqual(others.sort())
  })

  it('I5: refuses to begin beside the parts of a run it does not continue', async () => {
    const dir = await folder()
    const sink = await opened(dir)
    await sink.write(['a'])
    await sink.commit((await sink.prepare(1)).commit)
    await sink.close()
    const fresh = await opened(dir)
    await expect(fresh.restore([], undefined)).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' })
    await fresh.close()
  })

  it('fails loudly when what it is to publish is gone', async () => {
    const sink = await opened(await folder())
    const parts = [{ ready: '.files-00000001-0-0.ready', published: 'files-00000001-0-0.txt' }]
    await expect(sink.commit({ parts })).rejects.toMatchObject({ code: 'SINK_FAILED' })
    await sink.close()
  })

  it.each([
    ['ndjson', undefined, /no undefined/],
    ['lines', 1, /takes strings/],
    ['lines', 'a\nb', /newline/],
    ['csv', 'a', /takes objects/],
    ['csv', { a: 1, other: 2 }, /"other"/],
  ] as const)('refuses in %s the record %j', async (format, record, reason) => {
    const sink = await opened(await folder(), { format, ...(format === 'csv' && { columns: ['a'] as never }) })
    const write = async (): Promise<void> => sink.write([record])
    await expect(write()).rejects.toThrow(reason)
    await sink.close()
  })

  it.each([false, true])('writes what filesSource reads back, gzip %s', async (gzip) => {
    const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é', ''), maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ a: cell, b: cell }), { minLength: 1 }),
        fc.constantFrom('csv', 'ndjson'),
        check,
      ),
      { numRuns: 60 },
    )
    async function check(records: object[], format: 'csv' | 'ndjson'): Promise<void> {
      const dir = await folder()
      const sink = await opened(dir, { format, gzip })
      for (const record of records) await sink.write([record])
      await sink.commit((await sink.prepare(1)).commit)
      await sink.close()
      expect(await readAll({ paths: `${dir}/*`, format })).toEqual(records)
    }
  })

  it('writes records of any size in order, gzip members included', async () => {
    const dir = await folder()
    const sink = await opened(dir, { gzip: true })
    const lines = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(50_000))
    for (const line of lines) await sink.write([line])
    await sink.commit((await sink.prepare(1)).commit)
    const [name] = await published(dir)
    const text = gunzipSync(await readFile(join(dir, name as string))).toString()
    expect(text.split('\n').slice(0, -1)).toEqual(lines)
    await sink.close()
  })

  it('I1-I4: whatever the sequence of epochs, crashes and ways back, readers see each record once', async () => {
    const action = fc.oneof(
      { weight: 4, arbitrary: fc.constant('write' as const) },
      { weight: 3, arbitrary: fc.constant('checkpoint' as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('abort' as const, 'crash' as const, 'crash before commit' as const, 'back' as const),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
        const world = new World(await folder())
        await world.start(undefined)
        for (const one of actions) await world.act(one)
        await world.act('checkpoint')
        expect(await seen(world.dir)).toEqual(world.complete.at(-1)?.records)
        expect((await hidden(world.dir)).filter((name) => name.endsWith('.ready'))).toEqual([])
        await world.stop()
      }),
      { numRuns: 100 },
    )
  })
})

interface Complete {
  readonly id: number
  readonly state: unknown
  /** Of every epoch not known to be published, aborted checkpoints' epochs included. */
  readonly commits: readonly unknown[]
  /** All records up to here. */
  readonly records: readonly string[]
}

/** A machine with one sink and a source of numbers that goes back with its checkpoints. */
class World {
  readonly dir: string
  readonly complete: Complete[] = []
  #sink: AppendSinkFunction<unknown> | undefined
  #written: string[] = []
  #uncommitted: unknown[] = []
  #id = 0

  constructor(dir: string) {
    this.dir = dir
  }

  async start(from: Complete | undefined): Promise<void> {
    this.#sink = await opened(this.dir, { roll: { bytes: 6 } })
    await this.#sink.restore(from === undefined ? [] : [from.state], from?.id)
    for (const commit of from?.commits ?? []) await this.#sink.commit(structuredClone(commit))
    this.#uncommitted = []
    this.#written = [...(from?.records ?? [])]
  }

  async stop(): Promise<void> {
    await this.#sink?.close()
  }

  async act(action: 'write' | 'checkpoint' | 'abort' | 'crash' | 'crash before commit' | 'back'): Promise<void> {
    if (action === 'write') {
      const record = String(this.#written.length)
      this.#written.push(record)
      await this.#sink?.write([record])
    } else if (action === 'crash') {
      await this.#restart(this.complete.at(-1))
    } else if (action === 'back') {
      this.complete.splice(Math.max(1, this.complete.length - 2))
      await this.#restart(this.complete.at(-1))
    } else {
      const { state, commit } = await present(this.#sink, 'a sink').prepare(++this.#id)
      if (commit !== undefined) this.#uncommitted.push(structuredClone(commit))
      if (action === 'abort') return
      const complete = { id: this.#id, state, commits: [...this.#uncommitted], records: [...this.#written] }
      this.complete.push(complete)
      if (action === 'crash before commit') return this.#restart(complete)
      for (const one of this.#uncommitted.splice(0)) await this.#sink?.commit(one)
    }
  }

  async #restart(from: Complete | undefined): Promise<void> {
    await this.stop()
    await this.start(from)
  }
}
