// Made with protoc 3.21: everything.pb (--include_imports --descriptor_set_out) and order.bin, which is order.txtpb (--encode=shop.Order).

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { protobufFile } from '../../../../../../src/connectors/kafka/formats/protobuf/protobuf-file.ts'
import { sameValue } from '../../../../../../src/util/same-value.ts'
import { refusal } from '../records.ts'
import { everything, type Fields, fileOf, NO_NUMBERS, NO_OLD, NO_ORDER, orders } from './messages.ts'

const ORDER: Fields = {
  ...NO_ORDER,
  id: -9007199254740993n,
  customerName: 'Zoë 😀',
  state: 'LOST',
  lines: [
    { item: 'a', count: -3 },
    { item: '', count: 0 },
  ],
  counts: JSON.parse('{"x":0,"__proto__":0}', (name, value) =>
    name === 'x' ? 2n ** 64n - 1n : value === 0 ? 1n : value,
  ),
  byId: { '-5': { item: 'b', count: 0 }, '6': { item: '', count: 0 } },
  byFlag: { true: 'PAID' },
  never: false,
  discount: 0,
  numbers: {
    aDouble: -0.5,
    aFloat: 1.5,
    anInt32: -1,
    anInt64: -(2n ** 63n),
    aUint32: 2 ** 32 - 1,
    aUint64: 2n ** 63n,
    aSint32: -(2 ** 31),
    aSint64: -(2n ** 63n),
    aFixed32: 2 ** 32 - 1,
    aFixed64: 2n ** 64n - 1n,
    anSfixed32: -2,
    anSfixed64: -3n,
    aBool: true,
    packed: [1, -2, 300],
    unpacked: [-1n, 2n ** 63n - 1n],
    doubles: [1.5, Number.NaN, Number.POSITIVE_INFINITY],
    states: ['PAID', 'NEW', 'LOST'],
    texts: ['', 'x'],
    bools: [true, false],
  },
  parent: { ...NO_ORDER, id: 5n, parent: { ...NO_ORDER, price: 1e300 } },
  proof: Buffer.from([0, 0xff]),
  old: { ...NO_OLD, name: 'n', size: 7, list: [3, 4], packed: [1, 2], names: { '-1': 'm' }, right: 'r' },
  price: 12.25,
}

describe('what protoc wrote', () => {
  test('is read with every field, of proto3 and proto2', async () => {
    const order = (await everything()).decode(readFileSync(fileOf('order.bin')))
    expect(order).toEqual(ORDER)
    expect(sameValue(order, ORDER)).toBe(true)
    expect(Object.keys(order)).toEqual(Object.keys(NO_ORDER))
  })

  test('is written the same, byte for byte', async () => {
    const numbers = await everything('shop.Numbers')
    const { texts, ...rest } = ORDER['numbers'] as Fields
    const written = numbers.encode({ ...rest, texts }) as Buffer
    expect(readFileSync(fileOf('order.bin')).includes(written)).toBe(true)
  })

  test('has the names that were declared, if asked for', async () => {
    const order = (await everything('shop.Order', { names: 'declared' })).decode(readFileSync(fileOf('order.bin')))
    expect(order['customer_name']).toBe('Zoë 😀')
    expect(order['paid_at']).toBe(null)
  })
})

describe('there and back', () => {
  test('any message', async () => {
    const format = await everything()
    fc.assert(
      fc.property(orders, (order) => {
        const back = format.decode(format.encode(order) as Buffer)
        if (!sameValue(back, order)) expect(back).toEqual(order)
      }),
    )
  })

  test('nothing is written of what is as if not set; null and undefined are not set', async () => {
    const format = await everything()
    expect(format.encode(NO_ORDER)).toHaveLength(0)
    expect(format.encode({ id: 0, state: 0, proof: new Uint8Array(), discount: undefined })).toHaveLength(0)
    expect(format.decode(Buffer.alloc(0))).toEqual(NO_ORDER)
    expect(format.decode(format.encode({ discount: 0, never: false }) as Buffer)).toMatchObject({
      discount: 0,
      never: false,
    })
    expect(format.decode(format.encode({ price: -0 }) as Buffer)['price']).toBe(-0)
  })

  test('values may be given in other ways that mean the same', async () => {
    const format = await everything()
    const given = { id: 5, state: -1, byId: new Map([[7n, { item: 'x' }]]), counts: new Map([['y', 2]]) }
    expect(format.decode(format.encode(given) as Buffer)).toEqual({
      ...NO_ORDER,
      id: 5n,
      state: 'LOST',
      byId: { '7': { item: 'x', count: 0 } },
      counts: { y: 2n },
    })
  })

  test('a long message within a message, and a long text', async () => {
    const format = await everything()
    const order = {
      ...NO_ORDER,
      parent: { ...NO_ORDER, customerName: 'x'.repeat(100_000), proof: Buffer.alloc(3000, 7) },
    }
    expect(format.decode(format.encode(order) as Buffer)).toEqual(order)
  })
})

describe('reading what others write', () => {
  const numbers = async (hex: string): Promise<Fields> => {
    const format = await everything('shop.Numbers')
    return format.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  }

  test('lists in one piece or one by one, whatever was declared', async () => {
    expect(await numbers('70 01 72 02 02 03 70 04')).toEqual({ ...NO_NUMBERS, packed: [1, 2, 3, 4] })
    expect(await numbers('7a 02 01 02 78 03')).toEqual({ ...NO_NUMBERS, unpacked: [-1n, 1n, -2n] })
  })

  test('the last of several values; a message that comes in pieces, put together', async () => {
    expect(await numbers('18 05 18 06')).toEqual({ ...NO_NUMBERS, anInt32: 6 })
    const format = await everything()
    const pieces = [{ inKind: { item: 'a' } }, { inKind: { count: 3 } }].map((one) => format.encode(one) as Buffer)
    expect(format.decode(Buffer.concat(pieces))['inKind']).toEqual({ item: 'a', count: 3 })
  })

  test('of a oneof the last that is set', async () => {
    const format = await everything()
    const pieces = [{ inKind: { item: 'a' } }, { paidAt: 5n }].map((one) => format.encode(one) as Buffer)
    expect(format.decode(Buffer.concat(pieces))).toMatchObject({ paidAt: 5n, never: null, inKind: null })
  })

  test('fields that are not declared are left out', async () => {
    expect(await numbers('f8 7f ff ff ff ff 0f 18 05 fa 7f 02 18 07 f9 7f 0000000000000000 fd 7f 00000000')).toEqual({
      ...NO_NUMBERS,
      anInt32: 5,
    })
  })

  test('numbers written longer than they need be', async () => {
    expect(await numbers('18 ff ff ff ff ff ff ff ff ff 01')).toMatchObject({ anInt32: -1 })
    expect(await numbers('20 80 80 80 80 80 80 80 80 80 01')).toMatchObject({ anInt64: -(2n ** 63n) })
    expect(await numbers('68 80 80 80 80 80 80 80 80 80 01')).toMatchObject({ aBool: true })
    expect(await numbers('18 85 80 00')).toMatchObject({ anInt32: 5 })
  })
})

describe('bytes that are no such message', () => {
  test.each([
    ['cut off within a number', '18', 'no shop.Numbers: it ends within a value, behind byte 1'],
    ['cut off within a text', '92 01 05 61', 'no shop.Numbers: it ends within a value, behind byte 3'],
    ['cut off within a double', '09 00', 'no shop.Numbers: it ends within a value, behind byte 1'],
    [
      'of another type',
      '1d 00000000',
      'no shop.Numbers: field 3, shop.Numbers.an_int32, is written as wire type 5, not 0',
    ],
    [
      'with a number without end',
      '18 ffffffffffffffffffffff',
      'no shop.Numbers: byte 1 begins a number of more than 10 bytes',
    ],
    [
      'with a long one without end',
      '20 ffffffffffffffffffffff',
      'no shop.Numbers: byte 11 ends a number of more than 10 bytes',
    ],
    ['with field 0', '00 00', 'no shop.Numbers: a field of shop.Numbers has number 0'],
    ['with a group', 'fb 7f', 'no shop.Numbers: a group, which is not supported'],
    ['with wire type 6', 'fe 7f', 'no shop.Numbers: wire type 6, which does not exist'],
    ['with a text that is none', '92 01 01 ff', 'no shop.Numbers: a string is not UTF-8'],
  ])('%s', async (_what, hex, reason) => {
    const format = await everything('shop.Numbers')
    expect(refusal(format, Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBe(reason)
  })

  test('without what is required', async () => {
    expect(refusal(await everything('legacy.Old'), Buffer.alloc(0))).toBe(
      'no legacy.Old: legacy.Old.name is required, and not there',
    )
    const order = await everything()
    expect(refusal(order, Buffer.from('7a00', 'hex'))).toContain('legacy.Old.name is required')
  })

  test('messages within messages without end', async () => {
    let bytes = Buffer.alloc(0)
    for (let depth = 0; depth < 150; depth += 1) {
      const head = bytes.length < 128 ? [0x6a, bytes.length] : [0x6a, (bytes.length & 0x7f) | 0x80, bytes.length >> 7]
      bytes = Buffer.concat([Buffer.from(head), bytes])
    }
    expect(refusal(await everything(), bytes)).toBe('no shop.Order: messages within messages, more than 100 deep')
  })

  test('whatever they are, it says so or reads what can be written again', async () => {
    const format = await everything()
    const whole = readFileSync(fileOf('order.bin'))
    const damaged = fc
      .tuple(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length))
      .map(([at, byte, length]) => Buffer.from(whole.map((was, i) => (i === at ? byte : was))).subarray(0, length))
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array()), (bytes) => {
        let order: Fields
        try {
          order = format.decode(Buffer.from(bytes))
        } catch (error) {
          expect((error as Error).message).toMatch(/^no shop\.Order: /)
          return
        }
        expect(sameValue(format.decode(format.encode(order) as Buffer), order)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a value that a field cannot hold is refused', () => {
  test.each<[Fields, string]>([
    [{ ids: 1 }, 'shop.Order has no field "ids": it has id, customerName, state, lines'],
    [{ id: 1.5 }, 'shop.Order.id is 1.5: expected a bigint of 64 bits'],
    [{ id: 2n ** 63n }, 'shop.Order.id is 9223372036854775808: expected a bigint of 64 bits'],
    [{ customerName: 5 }, 'shop.Order.customer_name is 5: expected a string'],
    [{ customerName: 'half \ud800' }, 'shop.Order.customer_name holds half a surrogate pair'],
    [{ state: 'GONE' }, 'shop.Order.state is a string: expected one of NEW, PAID, LOST'],
    [{ lines: {} }, 'shop.Order.lines is an object: expected an array'],
    [{ lines: [null] }, 'shop.Order.lines is null: expected an object'],
    [{ counts: [] }, 'shop.Order.counts is an array: expected an object or a Map'],
    [{ counts: { a: -1n } }, 'shop.Order.CountsEntry.value is -1: expected a bigint of 64 bits, not negative'],
    [{ byId: { x: {} } }, 'shop.Order.ByIdEntry.key is a string: expected a bigint of 64 bits'],
    [{ byFlag: { yes: 'NEW' } }, 'shop.Order.ByFlagEntry.key is a string: expected a boolean'],
    [{ paidAt: 1n, never: true }, 'shop.Order.paid_at and never are both set: of a oneof at most one is'],
    [
      { numbers: { anInt32: 2 ** 31 } },
      'shop.Numbers.an_int32 is 2147483648: expected an integer from -2147483648 to 2147483647',
    ],
    [{ numbers: { aUint32: -1 } }, 'shop.Numbers.a_uint32 is -1: expected an integer from 0 to 4294967295'],
    [{ numbers: { aDouble: '1' } }, 'shop.Numbers.a_double is a string: expected a number'],
    [{ proof: 'x' }, 'shop.Order.proof is a string: expected a Uint8Array'],
    [{ old: {} }, 'legacy.Old.name is required, and not there'],
    [{ parent: 'x' }, 'shop.Order.parent is a string: expected an object'],
  ])('%o', async (message, reason) => {
    const format = await everything()
    expect(() => format.encode(message)).toThrow(reason)
    expect(format.encode({ id: 1n })).toEqual(Buffer.from([8, 1]))
  })

  test('and one that is no message, or holds itself', async () => {
    const format = await everything()
    expect(() => format.write(null as unknown as Fields)).toThrow('shop.Order is null: expected an object')
    const ring: Fields = {}
    ring['parent'] = ring
    expect(() => format.write(ring)).toThrow('messages within messages, more than 100 deep')
  })
})

describe('opening', () => {
  const opening = (file: string, message: string): Promise<unknown> =>
    Promise.resolve(protobufFile({ file, message }).open?.()).catch((error: unknown) => error)

  test('names what is not there', async () => {
    expect(await opening(fileOf('everything.pb'), 'shop.Ordr')).toMatchObject({
      code: 'CONNECTOR_OPTION',
      message: expect.stringContaining(
        'which has legacy.Old, legacy.Grouped, legacy.Grouped.Pair, shop.Order, shop.Order.Line',
      ),
    })
    expect(await opening('/nowhere.pb', 'shop.Order')).toMatchObject({
      code: 'CONNECTOR_OPTION',
      message: expect.stringContaining('Option file of protobufFile: cannot be read: ENOENT'),
    })
    expect(await opening(fileOf('everything.proto'), 'shop.Order')).toMatchObject({
      code: 'CONNECTOR_OPTION',
      message: expect.stringContaining('expected a FileDescriptorSet, made by protoc --include_imports'),
    })
  })

  test('refuses groups by name, where the message has one', async () => {
    expect(await opening(fileOf('everything.pb'), 'legacy.Grouped')).toMatchObject({
      code: 'CONNECTOR_OPTION',
      message: expect.stringContaining('legacy.Grouped.pair is a group, which is not supported'),
    })
  })

  test('says which imports the file lacks', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'protobuf-'))
    try {
      const file = join(dir, 'lacking.pb')
      // The set without its first file, legacy.proto.
      const set = readFileSync(fileOf('everything.pb'))
      const first =
        set.readUInt8(1) & 0x80 ? (set.readUInt8(1) & 0x7f) + (set.readUInt8(2) << 7) + 3 : set.readUInt8(1) + 2
      await writeFile(file, set.subarray(first))
      expect(await opening(file, 'shop.Order')).toMatchObject({
        message: expect.stringContaining(
          'shop.Order.old is of legacy.Old, which the file does not have: make it with protoc --include_imports',
        ),
      })
      expect(await opening(file, '.shop.Order.Line')).toBeUndefined()
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  test('reads the file once for all subtasks, and again after it failed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'protobuf-'))
    try {
      const file = join(dir, 'late.pb')
      const format = protobufFile({ file, message: 'shop.Order' })
      await expect(format.open?.()).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' })
      await writeFile(file, readFileSync(fileOf('everything.pb')))
      await Promise.all([format.open?.(), format.open?.()])
      await rm(file)
      await format.open?.()
      expect(format.decode(Buffer.from([8, 1]))['id']).toBe(1n)
    } finally {
      await rm(dir, { recursive: true })
    }
  })

  test('says where the message is declared in its file, not counting the entries of maps', async () => {
    expect((await everything()).messageIndexes?.()).toEqual([0])
    expect((await everything('shop.Order.Line')).messageIndexes?.()).toEqual([0, 0])
    expect((await everything('shop.Numbers')).messageIndexes?.()).toEqual([1])
  })

  test('options are checked', () => {
    expect(() => protobufFile({ file: '', message: 'a' })).toThrow(/Option file of protobufFile/)
  })
})
