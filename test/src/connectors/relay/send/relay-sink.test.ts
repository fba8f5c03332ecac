// A sender against a model receiver over real sockets, through the contract of sinks.

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RelaySinkOptions } from '../../../../../src/connectors/relay/index.ts'
import { msgpackRecords } from '../../../../../src/connectors/relay/queue/record-codec.ts'
import { ModelReceiver } from './model-receiver.ts'
import { fastClock, SenderRig, until } from './sender-rig.ts'

let folder = ''
let receiver: ModelReceiver
const rigs: SenderRig<number, number>[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relay-sink-'))
  receiver = new ModelReceiver({ clock: fastClock })
  await receiver.listen()
})
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.crash()
  await receiver.close()
  await rm(folder, { recursive: true, force: true })
})

function rigOf(options: Partial<RelaySinkOptions<number>> = {}): SenderRig<number, number> {
  const rig = new SenderRig<number, number>(folder, { site: 'here', targets: receiver.address, ...options })
  rigs.push(rig)
  return rig
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

describe('relaySink', () => {
  it('sends what complete checkpoints hold, and nothing else', async () => {
    const rig = rigOf()
    await rig.start()
    await rig.write(numbers(0, 10))
    await rig.checkpoint(10)
    await rig.write(numbers(10, 20))
    await rig.checkpoint(20, false)
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ main: numbers(0, 10) })
    // The aborted epoch goes with the next one.
    await rig.write(numbers(20, 30))
    await rig.checkpoint(30)
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ main: numbers(0, 30) })
    expect(receiver.faults).toEqual([])
  })

  it('cuts back to the checkpoint after a crash, and sends what it held', async () => {
    const rig = rigOf()
    await receiver.crash()
    await rig.start()
    await rig.write(numbers(0, 10))
    await rig.checkpoint(10)
    await rig.write(numbers(90, 99))
    await rig.checkpoint(99, false)
    await rig.crash()
    await rig.start()
    await rig.write(numbers(10, 15))
    await rig.checkpoint(15)
    await receiver.listen()
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ main: numbers(0, 15) })
  })

  it('keeps streams apart, and removes those that began after the checkpoint', async () => {
    const stream = (n: number): string => (n < 100 ? `of ../${n % 3}` : 'late')
    const rig = rigOf({ stream })
    await rig.start()
    await rig.write(numbers(0, 30))
    await rig.checkpoint(30)
    await rig.write([100])
    await rig.checkpoint(31, false)
    await rig.crash()
    expect(await readdir(join(folder, 'relay', 'streams'))).toHaveLength(4)
    await rig.start()
    expect(await readdir(join(folder, 'relay', 'streams'))).toHaveLength(3)
    await rig.sink.drained?.()
    const mod = (k: number): number[] => numbers(0, 30).filter((n) => n % 3 === k)
    expect(receiver.read()).toEqual({ 'of ../0': mod(0), 'of ../1': mod(1), 'of ../2': mod(2) })
  })

  it.each([
    ['', 'has 1 to 200 bytes'],
    ['é'.repeat(101), 'has 1 to 200 bytes'],
    ['a\nb', 'no control characters'],
  ])('refuses a stream named %j, by node', async (name, reason) => {
    const rig = rigOf({ stream: () => name })
    await rig.start()
    await expect(rig.write([1])).rejects.toMatchObject({ code: 'RELAY_RECORD' })
    await expect(rig.write([1])).rejects.toThrow(reason)
    await expect(rig.write([1])).rejects.toThrow('Sink "out"')
  })

  it('has records copied that wait behind much that goes, for they may be views of all that was fetched', async () => {
    const kept: number[] = []
    const keep = (value: number): number => {
      kept.push(value)
      return value
    }
    const stream = (value: number): string => (value < 0 ? 'slow' : 'hot')
    const rig = rigOf({ codec: { ...msgpackRecords, keep }, stream, batchBytes: 1024 })
    await rig.start()
    await rig.write([-1])
    for (let i = 0; i < 20; i += 1) await rig.write(numbers(i * 1_000, i * 1_000 + 1_000))
    expect(kept.filter((value) => value < 0)).toEqual([-1])
    expect(kept.length).toBeLessThan(2_000)
    await rig.checkpoint(1)
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ slow: [-1], hot: numbers(0, 20_000) })
  })

  it('refuses records that the codec cannot write, and those that are larger than a frame, by stream', async () => {
    const rig = new SenderRig<unknown, number>(folder, {
      site: 'here',
      targets: receiver.address,
      frameBytesMax: 65_536,
      batchBytes: 1024,
    })
    await rig.start()
    await expect(rig.write([1, () => 1])).rejects.toThrow('stream "main": codec msgpack cannot write a record')
    await expect(rig.write([Buffer.alloc(70_000)])).rejects.toThrow('frameBytesMax of 65536')
    await rig.crash()
  })

  it('goes on where the receiver wants, whatever is cut', async () => {
    const rig = rigOf({ batchBytes: 1024 })
    await rig.start()
    for (let i = 0; i < 20; i += 1) {
      await rig.write(numbers(i * 1000, i * 1000 + 1000))
      await rig.checkpoint(i)
      receiver.cut()
    }
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ main: numbers(0, 20_000) })
    expect(receiver.faults).toEqual([])
    expect(rig.counters.get('reconnects')).toBeGreaterThan(0)
  })

  it('brings each target everything; a new one begins with the oldest that is kept, and one removed frees its share', async () => {
    const other = new ModelReceiver({ clock: fastClock })
    const targets = { a: receiver.address, b: '127.0.0.1:9' }
    const rig = rigOf({ targets, batchBytes: 1024, queueBytesMax: 65_536 })
    await rig.start()
    await rig.write(numbers(0, 5000))
    await rig.checkpoint(1)
    await until(() => receiver.count() === 5000)
    await rig.crash()
    await other.listen()
    await rig.start(rig.last, { ...rig.options, targets: { a: receiver.address, c: other.address } })
    await rig.sink.drained?.()
    expect(other.read()).toEqual({ main: numbers(0, 5000) })
    expect(receiver.read()).toEqual({ main: numbers(0, 5000) })
    await other.close()
  })

  it('waits while more than the bound waits for a target, and goes on as it is taken', async () => {
    await receiver.crash()
    const rig = rigOf({ batchBytes: 1024, queueBytesMax: 65_536 })
    await rig.start()
    // One epoch may be larger than the bound.
    await rig.write(numbers(0, 60_000))
    await rig.checkpoint(1)
    let done = false
    const waiting = rig.write(numbers(60_000, 60_010)).then(() => {
      done = true
    })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(done).toBe(false)
    const told = () => rig.logged.filter((line) => line.includes('the queue is full')).length
    expect(told()).toBe(1)
    await receiver.listen()
    await waiting
    await rig.checkpoint(2)
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ main: numbers(0, 60_010) })
    expect(told()).toBe(1)
    // Said again when it is full again, after it was not.
    await receiver.crash()
    await rig.write(numbers(60_010, 120_000))
    await rig.checkpoint(3)
    const again = rig.write([120_000])
    await until(() => told() === 2)
    await receiver.listen()
    await again
  })

  it('gives up what all have', async () => {
    const rig = rigOf({ batchBytes: 1024, queueBytesMax: 65_536 })
    await rig.start()
    for (let i = 0; i < 10; i += 1) {
      await rig.write(numbers(i * 10_000, i * 10_000 + 10_000))
      await rig.checkpoint(i)
      await rig.sink.drained?.()
    }
    // A segment is given up a moment after the last of its batches was acknowledged.
    const [stream = ''] = await readdir(join(folder, 'relay', 'streams'))
    const segments = (): Promise<string[]> => readdir(join(folder, 'relay', 'streams', stream))
    while ((await segments()).length > 2) await new Promise((resolve) => setTimeout(resolve, 1))
  })

  it('lets no stream starve another', async () => {
    const rig = rigOf({ stream: (n) => (n < 1_000_000 ? 'large' : 'small'), batchBytes: 1024 })
    await receiver.crash()
    await rig.start()
    await rig.write(numbers(0, 100_000))
    await rig.write([1_000_000])
    await rig.checkpoint(1)
    await receiver.listen()
    await rig.sink.drained?.()
    expect(receiver.arrivals.length).toBeGreaterThan(100)
    expect(receiver.arrivals.indexOf('small')).toBeLessThan(20)
  })

  it('begins anew under another incarnation when the job goes back, with all that was not acknowledged', async () => {
    const rig = rigOf()
    await rig.start()
    await rig.write(numbers(0, 10))
    const first = await rig.checkpoint(10)
    await rig.sink.drained?.()
    await receiver.crash()
    await rig.write(numbers(10, 20))
    const second = await rig.checkpoint(20)
    await rig.write(numbers(20, 30))
    await rig.checkpoint(30)
    await rig.crash()
    await receiver.listen()
    await rig.start(second)
    await rig.write(numbers(120, 130))
    await rig.sink.drained?.()
    expect(receiver.lives).toHaveLength(2)
    expect(receiver.read()).toEqual({ main: numbers(0, 20) })
    // An attempt that has published nothing of its own goes on in the same incarnation.
    await rig.crash()
    await rig.start(second)
    await rig.write(numbers(220, 230))
    await rig.checkpoint(40)
    await rig.sink.drained?.()
    expect(receiver.lives).toHaveLength(2)
    expect(receiver.read()).toEqual({ main: [...numbers(0, 20), ...numbers(220, 230)] })
    // Back behind the place that it went back to before.
    await rig.crash()
    await rig.start(first)
    await rig.write(numbers(310, 320))
    await rig.checkpoint(50)
    await rig.sink.drained?.()
    expect(receiver.lives).toHaveLength(3)
    expect(receiver.read().main?.slice(-10)).toEqual(numbers(310, 320))
  })

  it('goes back without sending again what the receiver has and has not said', async () => {
    const rig = rigOf()
    receiver.silent = true
    await rig.start()
    await rig.write(numbers(0, 10))
    const first = await rig.checkpoint(10)
    await rig.write(numbers(10, 20))
    await rig.checkpoint(20)
    while (receiver.batches < 2) await new Promise((resolve) => setTimeout(resolve, 1))
    await rig.crash()
    receiver.speak()
    await rig.start(first)
    await rig.write(numbers(110, 120))
    await rig.checkpoint(30)
    await rig.sink.drained?.()
    expect(receiver.lives).toHaveLength(2)
    expect(receiver.read()).toEqual({ main: [...numbers(0, 20), ...numbers(110, 120)] })
  })

  it('goes back behind what was given up, also where nobody noted what targets had', async () => {
    const rig = rigOf({ batchBytes: 1024, queueBytesMax: 65_536 })
    await rig.start()
    await rig.write(numbers(0, 10))
    const first = await rig.checkpoint(10)
    for (let i = 1; i < 5; i += 1) {
      await rig.write(numbers(i * 20_000, i * 20_000 + 20_000))
      await rig.checkpoint(i)
      await rig.sink.drained?.()
    }
    await rig.crash()
    await rm(join(folder, 'relay', 'acked'), { recursive: true, force: true })
    const before = receiver.read().main?.length ?? 0
    await rig.start(first)
    await rig.write(numbers(5000, 7000))
    await rig.checkpoint(2)
    await rig.sink.drained?.()
    expect(receiver.lives).toHaveLength(2)
    expect(receiver.read().main?.slice(before)).toEqual(numbers(5000, 7000))
    await rig.crash()
    await rig.start()
    await rig.sink.drained?.()
    expect(receiver.count()).toBe(before + 2000)
  })

  it('starts after a kill between giving up batches and noting that they were acknowledged', async () => {
    const rig = rigOf({ batchBytes: 1024, queueBytesMax: 65_536 })
    await rig.start()
    for (let i = 0; i < 4; i += 1) {
      await rig.write(numbers(i * 20_000, i * 20_000 + 20_000))
      await rig.checkpoint(i)
      await rig.sink.drained?.()
      await rig.crash()
      await rig.start()
    }
    expect(receiver.read()).toEqual({ main: numbers(0, 80_000) })
  })

  it('refuses a queue that is not the one of the checkpoint', async () => {
    const rig = rigOf()
    await rig.start()
    await rig.write(numbers(0, 10))
    const checkpoint = await rig.checkpoint(10)
    await rig.crash()
    const path = join(folder, 'relay', 'sender.json')
    const identity = await readFile(path, 'utf8')
    await writeFile(path, identity.replace(/"incarnation": "../, '"incarnation": "zz'))
    await expect(rig.start(checkpoint)).rejects.toThrow('it is of another run of the sender')
    await writeFile(path, identity)
    await rm(join(folder, 'relay', 'streams'), { recursive: true })
    await expect(rig.start(checkpoint)).rejects.toThrow('it ends before batch 0, and the checkpoint speaks of 1')
    await rm(join(folder, 'relay'), { recursive: true })
    await expect(rig.start(checkpoint)).rejects.toThrow('it is not there')
  })

  it('keeps aside what an earlier run had not sent, and says so; removes what was', async () => {
    const rig = rigOf()
    await rig.start()
    await rig.write(numbers(0, 10))
    await rig.checkpoint(10)
    await rig.sink.drained?.()
    await rig.crash()
    rig.last = undefined
    await rig.start()
    expect(await readdir(folder)).toEqual(['relay'])
    await receiver.crash()
    await rig.write(numbers(0, 10))
    await rig.checkpoint(10)
    await rig.crash()
    rig.last = undefined
    await rig.start()
    expect((await readdir(folder)).filter((name) => name.startsWith('relay-aside-'))).toHaveLength(1)
    expect(rig.logged.join()).toContain('batches of the run before were not acknowledged')
  })

  it.each(['FENCED', 'IDENTITY'])('fails for good when it is refused: %s', async (code) => {
    await receiver.crash()
    const rig = rigOf()
    await rig.start()
    await rig.write([1])
    await rig.checkpoint(1)
    receiver.refuse = { code, reason: 'for a reason' }
    await receiver.listen()
    await expect(rig.sink.drained?.()).rejects.toMatchObject({ code: 'RELAY_REFUSED' })
    await expect(rig.sink.drained?.()).rejects.toThrow('Sink "out": target "target" refuses sender "here/test/out"')
    expect(() => rig.sink.write([2])).toThrow('for a reason')
    await expect(rig.sink.prepare(2)).rejects.toThrow('for a reason')
    await expect(rig.sink.commit([])).rejects.toThrow('for a reason')
  })

  it.each(['CODEC', 'PAST_END', 'FORGOTTEN'])('fails for good when a stream is refused: %s', async (code) => {
    receiver.refuseStreams = { code, reason: 'for a reason' }
    const rig = rigOf()
    await rig.start()
    await rig.write([1])
    await rig.checkpoint(1)
    await expect(rig.sink.drained?.()).rejects.toThrow('stream "main": for a reason')
  })

  it.each([
    [0, 'FORGOTTEN: stream "main": it wants batch 0 and had acknowledged all before 1: its queue is lost'],
    [9, 'PAST_END: stream "main": it has 9 batches, and here are 1'],
  ])('fails for good when the receiver wants batch %i, which cannot be', async (wants, reason) => {
    const rig = rigOf()
    await rig.start()
    await rig.write([1])
    await rig.checkpoint(1)
    await rig.sink.drained?.()
    await rig.close()
    receiver.wants = wants
    await rig.start()
    const refused = async (): Promise<void> => {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        await rig.write([2])
      }
    }
    await expect(refused()).rejects.toThrow(reason)
    await expect(rig.sink.prepare(3)).rejects.toMatchObject({ code: 'RELAY_REFUSED' })
  })

  it('ends a line on which batches are acknowledged that were not sent, and believes none of it', async () => {
    const rig = rigOf({ batchBytes: 1024 })
    receiver.boasts = 1000
    await rig.start()
    await rig.write(numbers(0, 5000))
    await rig.checkpoint(1)
    await until(() => rig.logged.some((line) => line.includes('was not sent')))
    receiver.boasts = 0
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ main: numbers(0, 5000) })
  })

  it.each(['BUSY', 'VERSION'])('tries again for ever what may heal, and says so once: %s', async (code) => {
    receiver.refuse = { code, reason: 'not now' }
    const rig = rigOf()
    await rig.start()
    await rig.write([1])
    await rig.checkpoint(1)
    await until(() => receiver.refusals > 3)
    expect(rig.logged.filter((line) => line.includes('not now'))).toHaveLength(1)
    receiver.refuse = undefined
    await rig.sink.drained?.()
    expect(receiver.read()).toEqual({ main: [1] })
  })

  it('ends the wait for targets when it is closed', async () => {
    await receiver.crash()
    const rig = rigOf()
    await rig.start()
    await rig.write([1])
    await rig.checkpoint(1)
    const drained = rig.sink.drained?.()
    await rig.crash()
    await drained
  })

  it('lets what is under way end before it is closed', async () => {
    await receiver.crash()
    const rig = rigOf({ queueBytesMax: 65_536, stream: (n) => `s${n % 20}` })
    await rig.start()
    await rig.write(numbers(0, 60_000))
    await rig.checkpoint(1)
    const under = [rig.write(numbers(60_000, 90_000)), rig.sink.prepare(2), rig.sink.commit([['s0', 1, 1]])]
    const ended: number[] = []
    const all = under.map((one, i) =>
      Promise.resolve(one).then(
        () => ended.push(i),
        () => ended.push(i),
      ),
    )
    await rig.close()
    expect(ended).toHaveLength(3)
    await Promise.all(all)
    await rig.start()
    await receiver.listen()
    await rig.sink.drained?.()
    expect(receiver.count()).toBe(60_000)
  })

  it('compresses if it is told to, and only what gets smaller', async () => {
    const rig = rigOf({ compression: 'snappy', batchBytes: 4096 })
    await rig.start()
    await rig.write(new Array(50_000).fill(7))
    await rig.checkpoint(1)
    await rig.sink.drained?.()
    expect(receiver.compressed).toBeGreaterThan(receiver.batches - 3)
    expect(receiver.read()).toEqual({ main: new Array(50_000).fill(7) })
  })

  it('shows what waits', async () => {
    await receiver.crash()
    const rig = rigOf()
    await rig.start()
    await rig.write(numbers(0, 100))
    await rig.checkpoint(1)
    await until(() => (rig.counters.get('backlogRecords') ?? 0) === 100)
    expect(rig.counters.get('backlogRecords{target,main}')).toBe(100)
    expect(rig.counters.get('backlogBytes')).toBeGreaterThan(100)
    await until(() => (rig.counters.get('lagMs') ?? 0) > 0)
    await rig.crash()
    await rig.start()
    expect(rig.counters.get('backlogRecords')).toBe(100)
    await receiver.listen()
    await rig.sink.drained?.()
    expect(rig.counters.get('backlogRecords')).toBe(0)
    expect(rig.counters.get('ackedSequence{target,main}')).toBe(rig.counters.get('sentSequence{target,main}'))
  })
})
