import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type SourceCheckpoint, SourceRig } from '../../../../../runtime/testing/source-rig.ts'
import type { RelaySourceOptions } from '../../../../../src/connectors/relay/receive/options.ts'
import { relaySource } from '../../../../../src/connectors/relay/receive/relay-source.ts'
import { ReceiverWorld } from './receiver-world.ts'
import { incarnation, SENDER, TestSender } from './test-sender.ts'

const folders: string[] = []
const rigs: SourceRig[] = []

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.close()
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'relay-source-'))
  folders.push(folder)
  return folder
}

/** As the rig calls the node. */
const rootOf = (folder: string): string => join(folder, 'nodes', 'source', 'received')

interface Sending {
  readonly life?: number
  readonly session?: number
  readonly stream?: string
  readonly batches: readonly (readonly unknown[])[]
  readonly sender?: string
}

/** Receives batches while no source runs; they begin where the stream stands. */
async function receive(folder: string, sendings: readonly Sending[]): Promise<void> {
  const world = await ReceiverWorld.start({ root: rootOf(folder) })
  for (const { life = 1, session = 1, stream = 'main', batches, sender: name = SENDER } of sendings) {
    const sender = await TestSender.connect(world.port, { incarnation: incarnation(life), session, sender: name })
    const { next } = await sender.begin(stream)
    for (const [i, batch] of batches.entries()) {
      sender.send(next + i, batch)
      if (i % 4 === 3) await sender.acked(next + i + 1)
    }
    await sender.acked(next + batches.length)
    sender.close()
  }
  await world.stop()
}

interface Life {
  readonly restore?: SourceCheckpoint
  readonly parallelism?: number
  readonly options?: Partial<RelaySourceOptions<unknown>>
}

async function begin(folder: string, { restore, parallelism = 1, options }: Life = {}): Promise<SourceRig> {
  const create = () => relaySource<unknown>({ site: 'north', listen: { port: 0 }, ...options })
  const rig = new SourceRig({ create, folder, parallelism, mode: 'stream', restore })
  rigs.push(rig)
  await rig.open()
  rig.start()
  return rig
}

async function read(rig: SourceRig, count: number, maxRecords = 1024): Promise<unknown[]> {
  const records: unknown[] = []
  while (records.length < count) {
    const batch = await rig.next(Math.min(maxRecords, count - records.length))
    if (batch === 'end') break
    records.push(...batch.values)
  }
  return records
}

/** What reading throws, without what says at which node. */
async function failureOf(reading: Promise<unknown>): Promise<unknown> {
  const failure = await reading.then(
    () => undefined,
    (error: unknown) => error,
  )
  return (failure as { failure?: unknown } | undefined)?.failure ?? failure
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function end(rig: SourceRig): Promise<void> {
  rigs.splice(rigs.indexOf(rig), 1)
  await rig.close()
}

const records = (name: string, from: number, to: number): string[][] =>
  Array.from({ length: to - from }, (_, i) => [`${name}${from + i}`])

describe('incarnations of a sender', () => {
  it.each([1, 2, 3])('are read one after the other, at parallelism %i', async (parallelism) => {
    const folder = await newFolder()
    for (const life of [1, 2, 3]) {
      await receive(
        folder,
        ['a', 'b'].map((stream) => ({ life, stream, batches: records(`${life}${stream}`, 0, 4) })),
      )
    }
    const rig = await begin(folder, { parallelism })
    const got = (await read(rig, 24, 1)) as string[]
    expect(got.map((record) => record[0])).toEqual([...'111111112222222233333333'])
    expect(await rig.isQuiet(5)).toBe(true)
  })

  it('are read in their order across restores, at other parallelisms', async () => {
    const folder = await newFolder()
    for (const life of [1, 2, 3]) {
      await receive(
        folder,
        ['a', 'b', 'c'].map((stream) => ({ life, stream, batches: records(`${life}${stream}`, 0, 3) })),
      )
    }
    const got: unknown[] = []
    let restore: SourceCheckpoint | undefined
    for (let i = 0; got.length < 27; i += 1) {
      const rig = await begin(folder, { parallelism: [2, 1, 3][i % 3] as number, ...(restore && { restore }) })
      got.push(...(await read(rig, Math.min(2, 27 - got.length), 1)))
      restore = await rig.checkpoint()
      if (i % 2 === 0) await rig.complete(restore)
      // Lost with this life.
      if (got.length < 25) await read(rig, 1, 1)
      await end(rig)
    }
    expect((got as string[]).map((record) => record[0]).join('')).toBe('1'.repeat(9) + '2'.repeat(9) + '3'.repeat(9))
    expect(new Set(got).size).toBe(27)
  })

  it('that were read out are removed when more is kept than may be', async () => {
    const folder = await newFolder()
    for (const life of [1, 2]) await receive(folder, [{ life, batches: records(`${life}`, 0, 3) }])
    const options = { keepBytes: 0 }
    const rig = await begin(folder, { options })
    await read(rig, 6)
    await rig.complete(await rig.checkpoint())
    const last = await rig.checkpoint()
    await rig.complete(last)
    await rig.isQuiet(10)
    await end(rig)
    const [sender = ''] = await readdir(rootOf(folder))
    expect((await readdir(join(rootOf(folder), sender))).sort()).toEqual(['00000001-02020202', 'sender.json'])
    const again = await begin(folder, { options, restore: last })
    expect(await again.isQuiet(10)).toBe(true)
  })
})

describe('going back', () => {
  const BIG = 'x'.repeat(1 << 20)
  /** Forty batches of 1 MiB: more than two segments. */
  const big = Array.from({ length: 40 }, (_, i) => [`${i}:${BIG}`])
  const place = (record: unknown): number => Number(String(record).split(':')[0])

  async function readSome(folder: string, keepBytes: number): Promise<SourceCheckpoint> {
    const rig = await begin(folder, { options: { keepBytes } })
    await read(rig, 1)
    const early = await rig.checkpoint()
    await rig.complete(early)
    await read(rig, 38)
    await rig.complete(await rig.checkpoint())
    await rig.isQuiet(20)
    await end(rig)
    return early
  }

  it('reads again what is kept', async () => {
    const folder = await newFolder()
    await receive(folder, [{ batches: big }])
    const early = await readSome(folder, 256 << 20)
    const rig = await begin(folder, { restore: early })
    expect((await read(rig, 39)).map(place)).toEqual(Array.from({ length: 39 }, (_, i) => i + 1))
  })

  it('is refused by name where what it needs was given up', async () => {
    const folder = await newFolder()
    await receive(folder, [{ batches: big }])
    const early = await readSome(folder, 0)
    const rig = await begin(folder, { restore: early })
    expect(await failureOf(read(rig, 1))).toMatchObject({
      code: 'LOG_GONE',
      message: expect.stringMatching(
        /batch 1 of stream "main" of sender "south\/orders\/line".*batches from \d+ on are kept/,
      ),
    })
  })

  it('is refused where a stream came later, and its beginning was given up', async () => {
    const folder = await newFolder()
    await receive(folder, [{ stream: 'other', batches: [['first']] }])
    const rig = await begin(folder, { options: { keepBytes: 0 } })
    await read(rig, 1)
    const early = await rig.checkpoint()
    await end(rig)
    await receive(folder, [{ batches: big, session: 2 }])
    const later = await begin(folder, { restore: early, options: { keepBytes: 0 } })
    await read(later, 39)
    await later.complete(await later.checkpoint())
    await later.isQuiet(20)
    await end(later)
    const back = await begin(folder, { restore: early })
    expect(await failureOf(read(back, 1))).toMatchObject({
      code: 'LOG_GONE',
      message: expect.stringContaining('batch 0 of'),
    })
  })

  it('is refused where an incarnation was given up', async () => {
    const folder = await newFolder()
    await receive(folder, [{ life: 1, batches: records('1', 0, 3) }])
    const rig = await begin(folder, { options: { keepBytes: 0 } })
    const early = await rig.checkpoint()
    await read(rig, 3)
    const restore = await rig.checkpoint()
    await end(rig)
    await receive(folder, [{ life: 2, batches: records('2', 0, 3) }])
    const later = await begin(folder, { restore, options: { keepBytes: 0 } })
    await read(later, 3)
    for (let i = 0; i < 2; i += 1) await later.complete(await later.checkpoint())
    await later.isQuiet(20)
    await end(later)
    const back = await begin(folder, { restore: early })
    expect(await failureOf(read(back, 1))).toMatchObject({ code: 'LOG_GONE', message: expect.stringContaining(SENDER) })
  })

  it('afresh reads what is kept, from the oldest on', async () => {
    const folder = await newFolder()
    await receive(folder, [{ batches: big }])
    await readSome(folder, 0)
    const rig = await begin(folder)
    const got = (await read(rig, 1)).map(place)
    expect(got[0]).toBeGreaterThan(1)
    const rest = (await read(rig, 39 - (got[0] as number))).map(place)
    expect([...got, ...rest]).toEqual(Array.from({ length: 40 - (got[0] as number) }, (_, i) => i + (got[0] as number)))
  })
})

describe('a queue that is not what the checkpoint knows', () => {
  async function checkpointed(folder: string): Promise<SourceCheckpoint> {
    await receive(folder, [{ batches: records('', 0, 5) }])
    const rig = await begin(folder)
    await read(rig, 3)
    const checkpoint = await rig.checkpoint()
    await end(rig)
    return checkpoint
  }

  it('deleted', async () => {
    const folder = await newFolder()
    const restore = await checkpointed(folder)
    await rm(rootOf(folder), { recursive: true })
    expect(await failureOf(begin(folder, { restore }).then((rig) => read(rig, 1)))).toMatchObject({
      code: 'LOG_GONE',
      message: expect.stringContaining(SENDER),
    })
  })

  it('deleted, and made by another run', async () => {
    const folder = await newFolder()
    const restore = await checkpointed(folder)
    await rm(rootOf(folder), { recursive: true })
    await receive(folder, [{ life: 2, batches: records('', 0, 5) }])
    expect(await failureOf(begin(folder, { restore }).then((rig) => read(rig, 1)))).toMatchObject({ code: 'LOG_GONE' })
  })

  it('cut short', async () => {
    const folder = await newFolder()
    const restore = await checkpointed(folder)
    await rm(rootOf(folder), { recursive: true })
    await receive(folder, [{ batches: records('', 0, 2) }])
    expect(await failureOf(begin(folder, { restore }).then((rig) => read(rig, 1)))).toMatchObject({
      code: 'LOG_CORRUPT',
      message: expect.stringContaining('ends before batch 2'),
    })
  })
})

describe('closed while it starts', () => {
  it('lets go of its port and of its logs', async () => {
    const folder = await newFolder()
    await receive(folder, [{ batches: records('', 0, 5) }])
    const port = await freePort()
    for (let i = 0; i < 3; i += 1) await end(await begin(folder, { options: { listen: { port } } }))
    const server = createServer().listen(port, '127.0.0.1')
    await once(server, 'listening')
    await new Promise((resolve) => server.close(resolve))
    const rig = await begin(folder, { options: { listen: { port } } })
    expect(await read(rig, 5)).toHaveLength(5)
  })
})

describe('batches that are not what they say', () => {
  const malformed = async (send: (sender: TestSender) => void): Promise<void> => {
    const folder = await newFolder()
    const world = await ReceiverWorld.start({ root: rootOf(folder) })
    const sender = await TestSender.connect(world.port)
    await sender.begin()
    sender.send(0, ['good'])
    send(sender)
    await sender.acked(2)
    await world.stop()
    const rig = await begin(folder)
    expect(await read(rig, 1, 1)).toEqual(['good'])
    expect(await failureOf(read(rig, 1))).toMatchObject({
      code: 'RECORD_MALFORMED',
      message: expect.stringContaining(`stream "main" of sender "${SENDER}", batch:1: `),
    })
  }

  it('in the count of records', () => malformed((sender) => sender.send(1, [1, 2], { count: 3 })))
  it('in the codec of records', () => malformed((sender) => sender.send(1, [1], {}, Uint8Array.of(0xc1, 1))))
})

describe('streams', () => {
  it('come while it runs, from several senders', async () => {
    const folder = await newFolder()
    const port = await freePort()
    const rig = await begin(folder, { parallelism: 2, options: { listen: { port } } })
    // By then it listens.
    await rig.checkpoint()
    const names = ['south/a/line', 'south/b/line', 'south/c/line']
    const senders = await Promise.all(
      names.map(async (name) => {
        const sender = await TestSender.connect(port, { sender: name })
        await sender.begin()
        return sender
      }),
    )
    const got: unknown[] = []
    for (let round = 0; round < 5; round += 1) {
      for (const [i, sender] of senders.entries()) sender.send(round, [`${names[i]}:${round}`])
      got.push(...(await read(rig, 3)))
    }
    for (const name of names)
      expect(got.filter((record) => String(record).startsWith(name))).toEqual(
        Array.from({ length: 5 }, (_, round) => `${name}:${round}`),
      )
    for (const sender of senders) sender.close()
  })
})
