import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compressSync } from 'snappy'
import { afterEach, describe, expect, it } from 'vitest'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'
import { type Deferred, deferred } from '../../../../../src/util/deferred.ts'
import { nodeFileSystem } from '../../../../../src/util/file-system.ts'
import { ReceiverWorld, type WorldOptions } from './receiver-world.ts'
import { incarnation, SENDER, TestSender } from './test-sender.ts'

const worlds: ReceiverWorld[] = []

async function world(options?: WorldOptions): Promise<ReceiverWorld> {
  const made = await ReceiverWorld.start(options)
  worlds.push(made)
  return made
}

afterEach(async () => {
  for (const one of worlds.splice(0)) await one.dispose()
})

function sendBatches(sender: TestSender, from: number, to: number): void {
  for (let i = from; i < to; i += 1) sender.send(i, [i])
}

const numbers = (to: number): number[] => Array.from({ length: to }, (_, i) => i)

describe('batches', () => {
  it('are kept in order and acknowledged', async () => {
    const here = await world()
    const sender = await TestSender.connect(here.port)
    expect(await sender.begin()).toMatchObject({ next: 0 })
    sendBatches(sender, 0, 100)
    await sender.acked(100)
    const [stream] = here.streams()
    expect(stream).toMatchObject({ next: 100, records: 100, first: 0 })
    expect(await here.records(stream as never)).toEqual(numbers(100))
  })

  it('are uncompressed in order, large beside small', async () => {
    const here = await world()
    const sender = await TestSender.connect(here.port)
    await sender.begin()
    const records = numbers(40).map((i) => 'x'.repeat(i % 3 === 0 ? 300_000 : 30) + i)
    for (const [i, record] of records.entries()) {
      const plain = Uint8Array.from(msgpackRecords.encode([record]))
      if (i % 4 === 1) sender.send(i, [record])
      else
        sender.send(i, [record], { compression: 'snappy', plainBytes: plain.length }, compressSync(Buffer.from(plain)))
    }
    await sender.acked(40)
    expect(await here.records(here.streams()[0] as never)).toEqual(records)
  })

  it('that come again are dropped and acknowledged again', async () => {
    const here = await world()
    const sender = await TestSender.connect(here.port)
    await sender.begin()
    sendBatches(sender, 0, 10)
    await sender.acked(10)
    const before = sender.acks.length
    sendBatches(sender, 3, 7)
    while (sender.acks.length < before + 4) await sender.heard()
    expect(sender.acks.slice(before).map(({ next }) => next)).toEqual([10, 10, 10, 10])
    sendBatches(sender, 10, 12)
    await sender.acked(12)
    expect(here.counters.get('repeatedBatches')).toBe(4)
    expect(await here.records(here.streams()[0] as never)).toEqual(numbers(12))
  })

  it('go on after a restart from what was durable', async () => {
    const here = await world()
    const first = await TestSender.connect(here.port)
    await first.begin('main', { first: 5 })
    sendBatches(first, 5, 8)
    await first.acked(8)
    await here.restart()
    const second = await TestSender.connect(here.port, { session: 2 })
    expect(await second.begin('main', { first: 7, acked: 8 })).toMatchObject({ next: 8 })
    sendBatches(second, 8, 10)
    await second.acked(10)
    expect(await here.records(here.streams()[0] as never)).toEqual([5, 6, 7, 8, 9])
  })

  it('are not acknowledged before they are synced', async () => {
    let isHeld = false
    const held: Deferred[] = []
    const here = await world({
      fileSystem: {
        ...nodeFileSystem,
        open: async (path, mode) => {
          const file = await nodeFileSystem.open(path, mode)
          const sync = file.sync.bind(file)
          file.sync = () => {
            if (!isHeld) return sync()
            const release = deferred()
            held.push(release)
            return release.promise.then(sync)
          }
          return file
        },
      },
    })
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    const sender = await TestSender.connect(here.port)
    await sender.begin()
    isHeld = true
    sendBatches(sender, 0, 1)
    await until(() => held.length === 1)
    sendBatches(sender, 1, 3)
    sendBatches(sender, 0, 1)
    await until(() => here.streams()[0]?.appended === 3 && here.counters.get('repeatedBatches') === 1)
    expect(sender.acks).toEqual([])
    held[0]?.resolve()
    await until(() => held.length === 2)
    expect((await sender.acked(1)).next).toBe(1)
    expect(sender.acks.every(({ next }) => next === 1)).toBe(true)
    isHeld = false
    held[1]?.resolve()
    await sender.acked(3)
  })
})

describe('who may speak for a sender', () => {
  const refused = async (connecting: Promise<TestSender>, code: string): Promise<void> => {
    await expect(connecting).rejects.toMatchObject({ code })
  }

  it('a newer session ends the line of the older, and fences it', async () => {
    const here = await world()
    const zombie = await TestSender.connect(here.port, { session: 3 })
    await zombie.begin()
    sendBatches(zombie, 0, 2)
    await zombie.acked(2)
    const sender = await TestSender.connect(here.port, { session: 4 })
    expect(await zombie.line.closed).toMatchObject({ code: 'FENCED' })
    expect(await sender.begin()).toMatchObject({ next: 2 })
    await refused(TestSender.connect(here.port, { session: 3 }), 'FENCED')
    await here.restart()
    await refused(TestSender.connect(here.port, { session: 3 }), 'FENCED')
  })

  it('a second line of one session takes the place of the first', async () => {
    const here = await world()
    const first = await TestSender.connect(here.port)
    await first.begin()
    sendBatches(first, 0, 5)
    await first.acked(5)
    const second = await TestSender.connect(here.port)
    expect(await first.line.closed).toMatchObject({ code: 'BUSY' })
    expect(await second.begin()).toMatchObject({ next: 5 })
    sendBatches(second, 5, 6)
    await second.acked(6)
    expect(await here.records(here.streams()[0] as never)).toEqual(numbers(6))
  })

  it('a new incarnation replaces the one before, for ever', async () => {
    const here = await world()
    const older = await TestSender.connect(here.port, { session: 9 })
    await older.begin()
    sendBatches(older, 0, 2)
    await older.acked(2)
    const newer = await TestSender.connect(here.port, { incarnation: incarnation(2) })
    expect(await older.line.closed).toMatchObject({ code: 'FENCED' })
    expect(await newer.begin()).toMatchObject({ next: 0 })
    sendBatches(newer, 0, 3)
    await newer.acked(3)
    for (let again = 0; again < 2; again += 1) {
      await refused(TestSender.connect(here.port, { session: 10 }), 'FENCED')
      await here.restart()
    }
    expect(here.streams().map(({ next, isEnded }) => ({ next, isEnded }))).toMatchObject([
      { next: 2 },
      { next: 3, isEnded: false },
    ])
    expect(await Promise.all(here.streams().map((stream) => here.records(stream)))).toEqual([
      [0, 1],
      [0, 1, 2],
    ])
  })

  it('several senders do not meet', async () => {
    const here = await world()
    const names = ['south/a/line', 'south/b/line', 'west/a/line']
    const senders = await Promise.all(
      names.map((sender) => TestSender.connect(here.port, { sender, site: sender.split('/')[0] as string })),
    )
    await Promise.all(senders.map((sender) => sender.begin()))
    for (const [i, sender] of senders.entries()) for (let n = 0; n < 20; n += 1) sender.send(n, [`${i}:${n}`])
    await Promise.all(senders.map((sender) => sender.acked(20)))
    for (const [i, name] of names.entries())
      expect(await here.records(here.streams(name)[0] as never)).toEqual(numbers(20).map((n) => `${i}:${n}`))
  })

  it('another identity than the first that came is refused', async () => {
    process.env.RELAY_TEST_KEY = 'ab'.repeat(32)
    const key = { env: 'RELAY_TEST_KEY' }
    const here = await world({ settings: { psk: { keys: { east: key, other: key } } } })
    const sender = await TestSender.connect(here.port, {}, { identity: 'east', key })
    await sender.begin()
    await refused(TestSender.connect(here.port, { session: 2 }, { identity: 'other', key }), 'IDENTITY')
    await here.restart()
    await refused(TestSender.connect(here.port, { session: 3 }, { identity: 'other', key }), 'IDENTITY')
    const again = await TestSender.connect(here.port, { session: 2 }, { identity: 'east', key })
    expect(await again.begin()).toMatchObject({ next: 0 })
  })

  it('a name that is not of its site, or is this site, or is not let in, is refused', async () => {
    const here = await world({ settings: { senders: ['south/*/line', 'north/*'] } })
    await refused(TestSender.connect(here.port, { sender: 'south/orders/other' }), 'IDENTITY')
    await refused(TestSender.connect(here.port, { sender: 'south/../line' }), 'IDENTITY')
    await refused(TestSender.connect(here.port, { sender: 'south/a\0b/line' }), 'IDENTITY')
    await refused(TestSender.connect(here.port, { site: 'north', sender: 'north/orders/line' }), 'IDENTITY')
    const sender = await TestSender.connect(here.port)
    expect(await readdir(here.root)).toHaveLength(1)
    sender.close()
  })
})

describe('what the two ends must agree on', () => {
  const answer = async (here: ReceiverWorld, more: Parameters<TestSender['open']>[1]): Promise<unknown> => {
    const sender = await TestSender.connect(here.port)
    const answered = await sender.open('main', more)
    sender.close()
    return answered
  }

  async function withFive(): Promise<ReceiverWorld> {
    const here = await world()
    const sender = await TestSender.connect(here.port)
    await sender.begin()
    sendBatches(sender, 0, 5)
    await sender.acked(5)
    return here
  }

  it('more here than the sender has', async () => {
    expect(await answer(await withFive(), { next: 4 })).toMatchObject({ kind: 'streamRefused', code: 'PAST_END' })
  })

  it('less here than was acknowledged, or than is kept there', async () => {
    const here = await withFive()
    expect(await answer(here, { acked: 6 })).toMatchObject({ code: 'FORGOTTEN' })
    expect(await answer(here, { first: 6 })).toMatchObject({ code: 'FORGOTTEN' })
    expect(await answer(here, { first: 5, acked: 5 })).toMatchObject({ next: 5 })
  })

  it('a queue that was deleted', async () => {
    const here = await withFive()
    await here.stop()
    await rm(here.root, { recursive: true })
    await here.restart()
    expect(await answer(here, { acked: 5 })).toMatchObject({ code: 'FORGOTTEN' })
    expect(await answer(here, { acked: 0 })).toMatchObject({ kind: 'streamOpened', next: 0 })
  })

  it('a queue of which a part was deleted is named', async () => {
    const here = await withFive()
    await here.stop()
    const [sender = ''] = await readdir(here.root)
    const [generation = ''] = (await readdir(join(here.root, sender))).filter((name) => name !== 'sender.json')
    const [facts = ''] = (await readdir(join(here.root, sender, generation))).filter((name) => name.endsWith('.json'))
    await rm(join(here.root, sender, generation, facts))
    await expect(here.restart()).rejects.toMatchObject({ code: 'LOG_CORRUPT', message: expect.stringContaining(facts) })
    await writeFile(join(here.root, sender, generation, facts), 'x')
    await expect(here.restart()).rejects.toMatchObject({ code: 'LOG_CORRUPT', message: expect.stringContaining(facts) })
    await rm(join(here.root, sender, 'sender.json'))
    await expect(here.restart()).rejects.toMatchObject({
      code: 'LOG_CORRUPT',
      message: expect.stringContaining('sender.json'),
    })
  })

  it('what a crash left half made is made anew', async () => {
    const here = await world()
    await here.stop()
    await mkdir(join(here.root, 'south-orders-line~000'))
    await writeFile(join(here.root, 'south-orders-line~000', 'sender.json.new'), '{"for')
    await here.restart()
    expect(await answer(here, {})).toMatchObject({ kind: 'streamOpened', next: 0 })
  })

  it('the codec of records', async () => {
    expect(await answer(await withFive(), { codec: 'other' })).toMatchObject({ code: 'CODEC' })
  })
})

describe('credit', () => {
  it('is a window beyond what is durable, and stops while too much is unread', async () => {
    const MIB = 1 << 20
    const here = await world({ settings: { frameBytesMax: MIB, windowBytes: 2 * MIB, queueBytesMax: 3 * MIB } })
    const sender = await TestSender.connect(here.port)
    let { credit } = await sender.begin()
    expect(credit).toBe(2 * MIB)
    const record = 'x'.repeat(500_000)
    const bytes = msgpackRecords.encode([record]).length
    let sent = 0
    for (; sent * bytes + bytes <= credit; sent += 1) {
      sender.send(sent, [record])
      credit = (await sender.acked(sent + 1)).credit
    }
    // Room for 3 MiB, and what was granted before that was full.
    expect(sent * bytes).toBeGreaterThan(4 * MIB)
    expect(sent * bytes).toBeLessThanOrEqual(6 * MIB)
    here.receiver.setUnread(0)
    while ((sender.acks.at(-1)?.credit ?? 0) <= credit) await sender.heard()
    expect(sender.acks.at(-1)).toMatchObject({ next: sent, credit: sent * bytes + 2 * MIB })
  })

  it('is not to be overdrawn', async () => {
    const here = await world({ settings: { frameBytesMax: 1 << 20, queueBytesMax: 1 << 20 } })
    const sender = await TestSender.connect(here.port)
    here.receiver.setUnread(2 << 20)
    expect(await sender.begin()).toMatchObject({ credit: 0 })
    sender.send(0, [1])
    expect(await sender.line.closed).toMatchObject({ code: 'LIMIT', reason: expect.stringContaining('without credit') })
  })
})

describe('what should not come', () => {
  const cases: Record<string, (sender: TestSender) => void | Promise<void>> = {
    'a batch on a stream that is not open': (sender) => sender.send(0, [1], { stream: 7 }),
    'a gap': (sender) => sender.send(1, [1]),
    'a stream number again': (sender) => void sender.open('other').catch(() => {}),
    'stream number 0': (sender) => void sender.open('other', { stream: 0 }).catch(() => {}),
    'a stream twice': (sender) => void sender.open('main', { stream: 2 }).catch(() => {}),
    'a name with NUL': (sender) => void sender.open('a\0b', { stream: 2 }).catch(() => {}),
    'a name of 300 bytes': (sender) => void sender.open('x'.repeat(300), { stream: 2 }).catch(() => {}),
    'no name': (sender) => void sender.open('', { stream: 2 }).catch(() => {}),
    'a first beyond the next': (sender) => void sender.open('other', { stream: 2, first: 9, next: 8 }).catch(() => {}),
    'batches beyond 2^48': (sender) => void sender.open('other', { stream: 2, next: 2 ** 48 }).catch(() => {}),
    'no records': (sender) => sender.send(0, [1], { count: 0 }),
    'records beyond 2^48': (sender) => sender.send(0, [1], { firstRecord: 2 ** 48 }),
    'a time beyond 2^48': (sender) => sender.send(0, [1], { atMs: 2 ** 50 }),
    'plain bytes that are not the body': (sender) => sender.send(0, [1], { plainBytes: 77 }),
    'more plain bytes than are taken': (sender) =>
      sender.send(0, [1], { plainBytes: 2 ** 31, compression: 'snappy' }, Buffer.alloc(64)),
    'a ratio that snappy cannot reach': (sender) =>
      sender.send(0, [1], { plainBytes: 10_000, compression: 'snappy' }, Buffer.alloc(64)),
    'a body that declares otherwise': (sender) =>
      sender.send(0, [1], { plainBytes: 99, compression: 'snappy' }, compressSync(Buffer.alloc(100))),
    'a body without a length': (sender) =>
      sender.send(0, [1], { plainBytes: 99, compression: 'snappy' }, Buffer.alloc(64, 0xff)),
    'a body that is no snappy': (sender) =>
      sender.send(
        0,
        [1],
        { plainBytes: 99, compression: 'snappy' },
        Buffer.concat([Buffer.from([99]), Buffer.alloc(64, 0xff)]),
      ),
    'another compression': (sender) => sender.send(0, [1], { compression: 'zip' }),
    'what only a receiver says': (sender) => void sender.line.send({ kind: 'ack', stream: 1, next: 0, credit: 0 }),
  }

  it.each(Object.entries(cases))('%s ends the line, and nothing else', async (_, misbehave) => {
    const here = await world()
    const other = await TestSender.connect(here.port, { sender: 'south/other/line' })
    await other.begin()
    const sender = await TestSender.connect(here.port)
    await sender.begin()
    await misbehave(sender)
    expect((await sender.line.closed).code).toMatch(/PROTOCOL|LIMIT/)
    expect(here.streams(SENDER).map(({ next }) => next)).toEqual([0])
    other.send(0, ['fine'])
    await other.acked(1)
    expect(here.broken).toEqual([])
  })

  it('more streams than a thousand, of one line or of several', async () => {
    // The disk is not what is tested.
    const here = await world({
      fileSystem: {
        ...nodeFileSystem,
        syncDirectory: () => Promise.resolve(),
        open: async (path, mode) =>
          Object.assign(await nodeFileSystem.open(path, mode), { sync: () => Promise.resolve() }),
      },
    })
    const open = async (sender: TestSender, from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n += 1) await sender.begin(`s${n}`, { stream: n + 1 })
    }
    const first = await TestSender.connect(here.port)
    await open(first, 0, 600)
    const second = await TestSender.connect(here.port)
    await open(second, 600, 1_000)
    expect(await second.open('one more', { stream: 1_001 })).toMatchObject({ kind: 'streamRefused', code: 'LIMIT' })
    const third = await TestSender.connect(here.port)
    await open(third, 0, 1_000)
    void third.open('s0', { stream: 1_001 }).catch(() => {})
    expect(await third.line.closed).toMatchObject({ code: 'LIMIT' })
    expect(here.streams()).toHaveLength(1_000)
  })

  it.each(['__proto__', '../../x', '/etc/passwd', 'a/b', '.', 'CON', 'ä\u{1f600}', 'x'.repeat(200)])(
    'stream %s is but a name',
    async (name) => {
      const here = await world()
      const sender = await TestSender.connect(here.port)
      await sender.begin(name)
      sendBatches(sender, 0, 3)
      await sender.acked(3)
      await here.restart()
      expect(here.streams().map(({ facts }) => facts.name)).toEqual([name])
      expect(await here.records(here.streams()[0] as never)).toEqual([0, 1, 2])
      const path = here.streams()[0]?.place.path ?? ''
      expect(path.startsWith(`${here.root}/`)).toBe(true)
      expect(path.slice(here.root.length + 1).split('/')).toHaveLength(3)
    },
  )
})

describe('a disk that fails', () => {
  it('ends the line of its sender alone, acknowledges nothing unsynced, and is tried again', async () => {
    let isFull = false
    const full = (): never => {
      throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    }
    const here = await world({
      fileSystem: {
        ...nodeFileSystem,
        open: async (path, mode) => {
          const file = await nodeFileSystem.open(path, mode)
          if (!path.includes('south-orders-line') || mode === 'read') return file
          const write = file.write.bind(file)
          file.write = (parts, position) => (isFull ? full() : write(parts, position))
          return file
        },
      },
    })
    const other = await TestSender.connect(here.port, { sender: 'south/other/line' })
    await other.begin()
    const sender = await TestSender.connect(here.port)
    await sender.begin()
    sendBatches(sender, 0, 3)
    await sender.acked(3)
    isFull = true
    sendBatches(sender, 3, 6)
    expect(await sender.line.closed).toMatchObject({ code: 'BUSY', reason: expect.stringContaining('ENOSPC') })
    expect(sender.acks.at(-1)?.next).toBe(3)
    other.send(0, ['fine'])
    await other.acked(1)
    isFull = false
    let again: TestSender | undefined
    while (again === undefined) {
      again = await TestSender.connect(here.port).catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const { next } = await again.begin()
    expect(next).toBe(3)
    sendBatches(again, next, 8)
    await again.acked(8)
    expect(await here.records(here.streams(SENDER)[0] as never)).toEqual(numbers(8))
    expect(here.logged.filter((line) => line.includes('cannot be written'))).toHaveLength(1)
    expect(here.counters.get('logsInTrouble')).toBe(0)
    expect(here.broken).toEqual([])
  })
})
