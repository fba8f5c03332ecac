import { MessageChannel } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { FrameCodec } from '../../../runtime/channel/frame.ts'
import { PortReader, PortWriter } from '../../../runtime/channel/port-channel.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { Decimal } from '../../../src/util/decimal.ts'

const codec = new FrameCodec()

it.each([
  ['dates', new Date(1_700_000_000_123)],
  ['small bigints', 5n],
  ['64-bit integers', -(2n ** 63n)],
  ['unsigned 64-bit integers', 2n ** 64n - 1n],
  ['integers beyond 64 bits', 2n ** 200n],
  ['safe integers', Number.MAX_SAFE_INTEGER],
  ['negative fractions', -0.1],
  ['infinity', Number.NEGATIVE_INFINITY],
  ['NaN', Number.NaN],
  ['decimals', new Decimal('12345678901234567890.123456789')],
  ['decimals in records', { price: new Decimal('-0.10'), fees: [new Decimal(1)] }],
  [
    'maps',
    new Map<unknown, unknown>([
      [1, { a: 1n }],
      ['x', [new Date(0)]],
    ]),
  ],
  ['sets', new Set([1, 'a'])],
  ['undefined', undefined],
  ['undefined members', { a: undefined, b: null }],
  ['typed arrays', new Float64Array([1.5, -2])],
  [
    'nested objects',
    {
      rows: [
        { id: 1, tags: ['a'] },
        { id: 2, tags: [] },
      ],
    },
  ],
  ['text beyond ASCII', '😀 héllo'],
])('carries %s', (_, value) => {
  expect(codec.decode(codec.encode(batchOf([value, value]), 'n')).values).toEqual([value, value])
})

class Money {
  toJSON(): string {
    return '5 EUR'
  }
}

class Point {
  readonly #secret = 2
  readonly x = 1
  get y(): number {
    return this.#secret
  }
}

it.each([
  ['-0 as 0', -0, 0],
  ['-0 in a record as 0', { a: -0 }, { a: 0 }],
  ['an instance as its own fields', new Point(), { x: 1 }],
  ['an instance with toJSON() as what that gives', new Money(), '5 EUR'],
  ['holes as undefined', Array(1), [undefined]],
  ['a field named __proto__ under another name', JSON.parse('{"__proto__": 1, "a": 2}'), { __proto_: 1, a: 2 }],
  ['a record without its symbols', { a: 1, [Symbol('s')]: 2 }, { a: 1 }],
  ['a list without its further fields', Object.assign([1], { more: 2 }), [1]],
  ['half a surrogate pair as U+FFFD', '\ud800', '\ufffd\ufffd\ufffd'],
])('carries %s', (_, value, expected) => {
  const [out] = codec.decode(codec.encode(batchOf<unknown>([value]), 'n')).values
  expect(out).toStrictEqual(expected)
})

it('carries one object that is referred to twice as two', () => {
  const shared = { n: 1 }
  const [out] = codec.decode(codec.encode(batchOf([[shared, shared]]), 'n')).values as [[object, object]]
  expect(out).toEqual([shared, shared])
  expect(out[0]).not.toBe(out[1])
})

it('carries buffers as buffers', () => {
  const [value] = codec.decode(codec.encode(batchOf([Buffer.from('hi')]), 'n')).values
  expect(Buffer.isBuffer(value)).toBe(true)
  expect(String(value)).toBe('hi')
})

it('keeps timestamps and keys, of every type a key can have', () => {
  const batch = batchOf([1, 2, 3, 4], [10, 20, 30, 40], ['a', 1n, true, ['x', 2]])
  expect(codec.decode(codec.encode(batch, 'n'))).toEqual(batch)
})

it.each([
  ['a function', { callback: () => 1 }, /function/],
  ['a symbol', Symbol('x'), /symbol/],
])('refuses %s, naming the node', (_, value, reason) => {
  expect(() => codec.encode(batchOf([value]), 'orders')).toThrow(
    expect.objectContaining({ code: 'RECORD_CODEC', message: expect.stringMatching(/"orders"/) }),
  )
  expect(() => codec.encode(batchOf([value]), 'orders')).toThrow(reason)
})

it('refuses a record that refers to itself', () => {
  const record: Record<string, unknown> = {}
  record.self = record
  expect(() => codec.encode(batchOf([record]), 'orders')).toThrow(/refers to itself/)
})

it('hands frames over a port, in order with control elements', async () => {
  const { port1, port2 } = new MessageChannel()
  const writer = new PortWriter(port1, { bounds: { bytes: 1 << 20, frames: 8 }, node: 'n' })
  const reader = new PortReader(port2, { bytes: 1 << 20, frames: 8 })
  void writer.write(batchOf([{ id: 1n, at: new Date(5) }]))
  void writer.write({ kind: 'barrier', id: 3, final: false })
  void writer.write(batchOf([2]))
  const got: unknown[] = []
  while (got.length < 3) {
    await new Promise((resolve) => setImmediate(resolve))
    for (let element = reader.take(); element !== undefined; element = reader.take()) got.push(element)
  }
  expect(got).toEqual([batchOf([{ id: 1n, at: new Date(5) }]), { kind: 'barrier', id: 3, final: false }, batchOf([2])])
  writer.close()
  reader.close()
})

it('I2: a writer waits when the reader does not read, and goes on when it does', async () => {
  const { port1, port2 } = new MessageChannel()
  const bounds = { bytes: 10_000, frames: 1000 }
  const writer = new PortWriter(port1, { bounds, node: 'n' })
  const reader = new PortReader(port2, bounds)
  let frames = 0
  let full: Promise<void> | undefined
  while (full === undefined) {
    full = writer.write(batchOf(Array.from({ length: 100 }, (_, i) => i)))
    frames += 1
  }
  expect(writer.bytesOut).toBeGreaterThanOrEqual(bounds.bytes)
  expect(writer.bytesOut).toBeLessThan(bounds.bytes + 2 * (writer.bytesOut / frames))
  let free = false
  const waiting = full.then(() => {
    free = true
  })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(free).toBe(false)
  const reading = (async () => {
    let read = 0
    while (read < frames) {
      if (reader.take() !== undefined) read += 1
      else await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await Promise.all([waiting, reading])
  writer.close()
  reader.close()
})
