import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { confluent } from '../../../../../src/connectors/kafka/formats/confluent.ts'
import type { ValueFormat } from '../../../../../src/connectors/kafka/formats/format.ts'
import { json } from '../../../../../src/connectors/kafka/formats/json.ts'
import { indexesOf, indexList } from '../../../../../src/connectors/kafka/formats/message-indexes.ts'
import { everything } from './protobuf/messages.ts'
import { readAll, record, refusal, stored, thereAndBack } from './records.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('JSON', () => {
  test('behind a 0 and the id', () => {
    const { value } = confluent(json(), { schemaId: 258 }).write({ a: 1 })
    expect(value).toEqual(Buffer.concat([hex('00 00000102'), Buffer.from('{"a":1}')]))
    expect(readAll(confluent(json()), record({ value: value as Buffer }))).toEqual([{ a: 1 }])
  })

  test('of other schemas than those accepted is refused', () => {
    const format = confluent(json(), { accept: [7, 9] })
    expect(refusal(format, Buffer.concat([hex('00 00000008'), Buffer.from('{}')]))).toBe('schema 8: expected 7 or 9')
    expect(readAll(format, record({ value: Buffer.concat([hex('00 00000009'), Buffer.from('{}')]) }))).toEqual([{}])
  })

  test.each([
    ['{"a":1}', 'not framed for a schema registry: expected a byte 0 and the id of a schema, got bytes 7b2261223a'],
    ['', 'not framed for a schema registry: expected a byte 0 and the id of a schema, got no bytes'],
    [
      hex('00 000001'),
      'not framed for a schema registry: expected a byte 0 and the id of a schema, got bytes 00000001',
    ],
  ])('not framed: %o', (bytes, reason) => {
    expect(refusal(confluent(json()), bytes)).toBe(reason)
  })

  test('what is no JSON names the schema, and Avro', () => {
    expect(refusal(confluent(json()), hex('00 00000007 02 61'))).toMatch(
      /^schema 7: not JSON: .*\(Avro is not supported\)$/s,
    )
  })

  test('tombstones are refused, or left out', () => {
    expect(refusal(confluent(json()), null)).toMatch(/^no value \(a tombstone\): expected a value framed/)
    expect(readAll(confluent(json(), { tombstones: 'skip' }), record())).toEqual([])
  })
})

describe('protobuf', () => {
  test('the first message of a file has a single 0 behind the id', async () => {
    const format = confluent(await everything(), { schemaId: 1 })
    await format.open?.()
    expect(format.write({ id: 5n }).value).toEqual(hex('00 00000001 00 0805'))
    expect(thereAndBack(format, { id: 5n })).toMatchObject({ id: 5n })
  })

  test('others the way to where they are declared', async () => {
    const line = confluent(await everything('shop.Order.Line'), { schemaId: 1 })
    expect(line.write({ count: 1 }).value).toEqual(hex('00 00000001 04 00 00 1002'))
    expect(readAll(line, stored(line.write({ count: 1 })))).toEqual([{ item: '', count: 1 }])
    const numbers = confluent(await everything('shop.Numbers'), { schemaId: 1 })
    expect(numbers.write({ anInt32: 1 }).value).toEqual(hex('00 00000001 02 02 1801'))
    expect(refusal(line, hex('00 00000001 02 02 1801'))).toMatch(/message \[1\] of its file: expected \[0, 0\]/)
    expect(refusal(line, hex('00 00000001 04'))).toMatch(/which message of its file it is does not stand there/)
    expect(refusal(line, hex('00 00000001 ffff03'))).toMatch(/a message declared -?\d+ deep/)
  })

  test('where it is may be told', async () => {
    const format = confluent(await everything('shop.Numbers'), { schemaId: 1, messageIndexes: [3, 300] })
    expect(format.write({ anInt32: 1 }).value).toEqual(hex('00 00000001 04 06 d804 1801'))
    expect(thereAndBack(format, { anInt32: 1 })).toMatchObject({ anInt32: 1 })
  })

  test('any place comes back', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { minLength: 1, maxLength: 20 }), (indexes) => {
        const bytes = indexList(indexes)
        expect(indexesOf(Buffer.from([9, ...bytes, 9]), 1)).toEqual({ indexes, end: 1 + bytes.length })
      }),
    )
  })

  test('the file is opened with it', async () => {
    const { protobufFile } = await import('../../../../../src/connectors/kafka/formats/protobuf/protobuf-file.ts')
    const format = confluent(protobufFile({ file: '/nowhere.pb', message: 'a' }))
    await expect(format.open?.()).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' })
  })
})

describe('options', () => {
  test('to write, the id is needed', () => {
    expect(() => confluent(json()).write({})).toThrow('Option schemaId of confluent: is needed to write')
  })

  test('are checked', () => {
    expect(() => confluent(json(), { schemaId: -1 })).toThrow(/Option schemaId of confluent/)
    expect(() => confluent(json(), { accept: [] })).toThrow(/Option accept of confluent/)
    expect(() => confluent('avro' as unknown as ValueFormat<unknown>)).toThrow('Avro is not supported')
  })
})
