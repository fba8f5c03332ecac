import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { doubleText, jsonText } from '../../../../../src/connectors/mysql/log/json-text.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'
import { RowLog } from './row-log.ts'

/** A document of the types that JSON itself has; whole numbers are bigints, all numbers that are not are doubles. */
type Document = null | boolean | bigint | number | string | readonly Document[] | { readonly [key: string]: Document }

const LITERALS = [null, true, false]

interface Encoded {
  readonly type: number
  readonly bytes: Buffer
}

function number(type: number, size: number, write: (bytes: Buffer) => unknown): Encoded {
  const bytes = Buffer.alloc(size)
  write(bytes)
  return { type, bytes }
}

function encodeInteger(value: bigint): Encoded {
  const n = Number(value)
  if (value >= -0x8000n && value < 0x8000n) return number(5, 2, (bytes) => bytes.writeInt16LE(n))
  if (value > 0 && value < 0x10000n) return number(6, 2, (bytes) => bytes.writeUInt16LE(n))
  if (value >= -0x80000000n && value < 0x80000000n) return number(7, 4, (bytes) => bytes.writeInt32LE(n))
  if (value > 0 && value < 0x100000000n) return number(8, 4, (bytes) => bytes.writeUInt32LE(n))
  if (value < 2n ** 63n) return number(9, 8, (bytes) => bytes.writeBigInt64LE(value))
  return number(10, 8, (bytes) => bytes.writeBigUInt64LE(value))
}

function encodeString(text: string): Encoded {
  const bytes = Buffer.from(text)
  const length: number[] = []
  for (let rest = bytes.length; ; rest >>= 7) {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    if (rest <= 0x7f) break
  }
  return { type: 12, bytes: Buffer.concat([Buffer.from(length), bytes]) }
}

function encode(value: Document, isLarge: boolean): Encoded {
  if (typeof value === 'bigint') return encodeInteger(value)
  if (typeof value === 'number') return number(11, 8, (bytes) => bytes.writeDoubleLE(value))
  if (typeof value === 'string') return encodeString(value)
  if (value === null || typeof value === 'boolean') return { type: 4, bytes: Buffer.from([LITERALS.indexOf(value)]) }
  return encodeContainer(value, isLarge)
}

function encodeContainer(value: readonly Document[] | { readonly [key: string]: Document }, isLarge: boolean): Encoded {
  const word = isLarge ? 4 : 2
  const words = (...numbers: number[]): Buffer =>
    Buffer.concat(numbers.map((n) => number(0, word, (bytes) => bytes.writeUIntLE(n, 0, word)).bytes))
  const isArray = Array.isArray(value)
  const keys = isArray ? [] : Object.keys(value).map((key) => Buffer.from(key))
  const values = Object.values(value).map((one: Document) => encode(one, isLarge))
  const head = 2 * word + keys.length * (word + 2) + values.length * (word + 1)
  const parts = [words(values.length, 0)]
  let at = head
  for (const key of keys) {
    parts.push(words(at), number(0, 2, (bytes) => bytes.writeUInt16LE(key.length)).bytes)
    at += key.length
  }
  for (const { type, bytes } of values) {
    const isWithin = type === 4 || type === 5 || type === 6 || (isLarge && (type === 7 || type === 8))
    parts.push(Buffer.from([type]), isWithin ? Buffer.concat([bytes, Buffer.alloc(word)]).subarray(0, word) : words(at))
    if (!isWithin) at += bytes.length
  }
  const within = values.filter(
    ({ type }) => !(type === 4 || type === 5 || type === 6 || (isLarge && (type === 7 || type === 8))),
  )
  const bytes = Buffer.concat([...parts, ...keys, ...within.map((one) => one.bytes)])
  return { type: (isArray ? 2 : 0) + (isLarge ? 1 : 0), bytes }
}

/** As the server prints it: a blank behind each comma and colon. */
function print(value: Document): string {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return doubleText(value)
  if (Array.isArray(value)) return `[${value.map(print).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([key, one]) => `${JSON.stringify(key)}: ${print(one)}`)
      .join(', ')}}`
  return JSON.stringify(value)
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary-ascii', maxLength: 20 }),
  fc.constantFrom('', '"', '\\', '/\u007f', '\u0000\u001f\b\f\n\r\t', 'é😀', '__proto__'),
)
const integers = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.integer({ min: -70_000, max: 70_000 }).map(BigInt),
  fc.constantFrom(2n ** 53n, -(2n ** 53n), 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n),
)
const doubles = fc.double({ noNaN: true, noDefaultInfinity: true })
const { document } = fc.letrec<{ document: Document }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false),
    integers,
    doubles,
    text,
    fc.array(tie('document'), { maxLength: 6 }),
    fc.dictionary(text, tie('document'), { maxKeys: 6, noNullPrototype: true }),
  ),
}))

describe('jsonText', () => {
  it('prints any document, small or large', () => {
    fc.assert(
      fc.property(document, fc.boolean(), (value, isLarge) => {
        const { type, bytes } = encode(value, isLarge)
        const buffer = Buffer.concat([Buffer.from([0xee, type]), bytes, Buffer.from([0xee])])
        expect(jsonText(buffer, 1, buffer.length - 1)).toBe(print(value))
      }),
      { numRuns: 1000 },
    )
  })

  it('a document that is damaged throws, and the next is not touched by it', () => {
    const { type, bytes } = encode(['é', { a: 'b' }], false)
    const buffer = Buffer.concat([Buffer.from([type]), bytes])
    for (let length = 1; length < buffer.length; length += 1)
      expect(() => jsonText(buffer.subarray(0, length), 0, length), `${length}`).toThrow(RangeError)
    expect(() => jsonText(Buffer.from([13]), 0, 1)).toThrow(/a JSON value of type 13/)
    expect(() => jsonText(Buffer.from([4, 3]), 0, 2)).toThrow(/a JSON literal 3/)
    expect(jsonText(buffer, 0, buffer.length)).toBe('["é", {"a": "b"}]')
  })

  it('no bytes are null: the value of a column added to rows that were there', () => {
    expect(jsonText(Buffer.alloc(3), 1, 1)).toBe('null')
  })
})

describe('doubleText', () => {
  it.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [-1.5, '-1.5'],
    [1e14, '100000000000000.0'],
    [1e15, '1e15'],
    [-1e20, '-1e20'],
    [1234567890123456.8, '1234567890123456.8'],
    [12345678901234568, '1.2345678901234568e16'],
    [1e-15, '0.000000000000001'],
    [1e-16, '1e-16'],
    [1.2345678901234568e-15, '0.0000000000000012345678901234568'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e308'],
  ])('%d is %s, as the server said', (value, printed) => {
    expect(doubleText(value)).toBe(printed)
  })

  it('means the same number, and always looks like no whole one', () => {
    fc.assert(
      fc.property(doubles, (value) => {
        const printed = doubleText(value)
        expect(Number(printed)).toBe(value)
        expect(printed).toMatch(/^-?(0|[1-9]\d*)(\.\d+)?(e-?\d+)?$/)
        expect(printed).toMatch(/[.e]/)
      }),
      { numRuns: 2000 },
    )
  })
})

describeServers('JSON', ['mysql'], (server) => {
  const quote = (value: string): string =>
    `'${value.replaceAll(/[\\'\0]/g, (found) => (found === '\0' ? '\\0' : `\\${found}`))}'`
  const number = fc.oneof(
    integers.map(String),
    doubles.map((value) => (Object.is(value, -0) ? '-0.0' : String(value))),
  )
  /** Values that only SQL makes. */
  const opaque = fc.oneof(
    fc
      .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 30 }))
      .map(([n, scale]) => `CAST(${n}e-${scale} AS DECIMAL(60,${scale}))`),
    fc
      .date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T00:00:00Z'), noInvalidDate: true })
      .chain((date) =>
        fc
          .constantFrom('DATE', 'DATETIME', 'DATETIME(6)', 'TIME(3)')
          .map((type) => `CAST(${quote(date.toISOString().replace('Z', ''))} AS ${type})`),
      ),
    fc
      .tuple(fc.constantFrom('', '-'), fc.integer({ min: 0, max: 838 }), fc.integer({ min: 0, max: 999_999 }))
      .map(([sign, hour, micros]) => `CAST('${sign}${hour}:59:58.${String(micros).padStart(6, '0')}' AS TIME(6))`),
    fc.constant("TIMESTAMP'2024-02-29 23:59:59.5'"),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => `X'${Buffer.from(bytes).toString('hex')}'`),
    fc.integer({ min: 0, max: 300 }).map((bits) => `b'${bits.toString(2)}'`),
  )
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom("CAST('null' AS JSON)", 'true', 'false'),
      number.map((value) => `CAST('${value}' AS JSON)`),
      text.map(quote),
      opaque,
      fc.array(tie('expression'), { maxLength: 8 }).map((values) => `JSON_ARRAY(${values.join(', ')})`),
      fc
        .array(fc.tuple(text.map(quote), tie('expression')), { maxLength: 8 })
        .map((entries) => `JSON_OBJECT(${entries.flat().join(', ')})`),
    ),
  }))

  it('of any kind is what the server prints', async () => {
    const log = await RowLog.open(server.url(await server.database('json')))
    await log.sql.run('CREATE TABLE t (id int PRIMARY KEY, j json)')
    const documents = fc.sample(expression, 1000)
    const rows = await log.rows(async () => {
      for (let i = 0; i < documents.length; i += 50) {
        const values = documents.slice(i, i + 50).map((one, k) => `(${i + k}, JSON_ARRAY(${one}))`)
        await log.sql.run(`INSERT INTO t VALUES ${values.join(', ')}`)
      }
    })
    const printed = await log.sql.query('SELECT id, CAST(j AS CHAR) FROM t ORDER BY id')
    expect(rows.map(({ after }) => after)).toEqual(printed)
    log.sql.close()
  })

  it('beyond 64 KB, and a hundred deep', async () => {
    const log = await RowLog.open(server.url(await server.database('json')))
    await log.sql.run('CREATE TABLE t (id int PRIMARY KEY, j json)')
    let deep = '18446744073709551615'
    for (let depth = 0; depth < 99; depth += 1) deep = depth % 2 ? `[${deep}]` : `{"a": ${deep}}`
    const many = Array.from({ length: 3000 }, (_, i) => [
      i * 1_000_003 - 1_000_000_000,
      `text ${i} ${'x'.repeat(i % 200)}`,
    ])
    const rows = await log.rows(async () => {
      await log.sql.run(`INSERT INTO t VALUES (1, '${deep}'), (2, '${JSON.stringify(many)}')`)
      await log.sql.run(
        `INSERT INTO t VALUES (3, '${JSON.stringify(Object.fromEntries(many.map(([n, s]) => [s, n])))}')`,
      )
      await log.sql.run(`UPDATE t SET j = JSON_REPLACE(JSON_REMOVE(j, '$[7]'), '$[8]', 1) WHERE id = 2`)
    })
    const printed = await log.sql.query('SELECT id, CAST(j AS CHAR) FROM t ORDER BY id')
    expect([rows[0], rows[3], rows[2]].map((row) => row?.after)).toEqual(printed)
    log.sql.close()
  })
})
