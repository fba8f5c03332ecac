// small-module.txt is what pbjs made of small.proto; as a text, so that it is not held to the rules for code that is written.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ProtobufType, protobuf } from '../../../../../../src/connectors/kafka/formats/protobuf/protobuf.ts'
import { protobufFile } from '../../../../../../src/connectors/kafka/formats/protobuf/protobuf-file.ts'
import { sameValue } from '../../../../../../src/util/same-value.ts'
import { refusal, thereAndBack } from '../records.ts'
import { type Fields, fileOf } from './messages.ts'

const load = createRequire(import.meta.url)

let dir: string
let file: string
let Small: ProtobufType

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'protobuf-'))
  file = join(dir, 'small.cjs')
  const text = await readFile(fileOf('small-module.txt'), 'utf8')
  await writeFile(
    file,
    text.replace(/"protobufjs\/minimal(\.js)?"/, JSON.stringify(load.resolve('protobufjs/minimal'))),
  )
  // Vitest's import conditions hide the class from protobufjs, which would round integers of 64 bits without it.
  Object.assign(globalThis, { Long: (load('long') as { default: unknown }).default })
  const { shop } = load(file) as { shop: { Small: ProtobufType } }
  Small = shop.Small
})

afterAll(() => rm(dir, { recursive: true }))

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

const smalls: fc.Arbitrary<Fields> = fc
  .tuple(
    fc.record({
      id: int64,
      state: fc.constantFrom(0, 1, 9),
      times: fc.array(int64),
      proof: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    }),
    fc.oneof(
      fc.constant({}),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((at) => ({ at })),
      fc.boolean().map((never) => ({ never })),
    ),
  )
  .map(([one, paid]) => ({ ...one, ...paid }))

describe('a class that protobufjs generated', () => {
  test('gives plain objects, and takes them', () => {
    fc.assert(
      fc.property(smalls, (message) => {
        const back = thereAndBack(protobuf(Small), message)
        expect(Object.getPrototypeOf(back)).toBe(Object.prototype)
        if (!sameValue(back, message)) expect(back).toEqual(message)
      }),
    )
    expect(protobuf(Small).decode(Buffer.alloc(0))).toEqual({ id: 0n, state: 0, times: [], proof: Buffer.alloc(0) })
  })

  test('reads what protobufFile() writes, and writes what that reads', async () => {
    const other = protobufFile({ file: fileOf('small.pb'), message: 'shop.Small' })
    await other.open?.()
    fc.assert(
      fc.property(smalls, (message) => {
        const bytes = protobuf(Small).encode(message)
        expect(bytes).toEqual(other.encode(message))
        const read = other.decode(Buffer.from(bytes))
        expect(protobuf(Small).decode(other.encode(read) as Buffer)).toEqual(message)
      }),
    )
  })

  test('refuses what is no such message', () => {
    expect(refusal(protobuf(Small), Buffer.of(8))).toMatch(/^not such a protobuf message: index out of range/)
    expect(() => protobuf(Small).write({ state: 'PAID' })).toThrow(
      'not such a protobuf message: state: enum value expected',
    )
    expect(() => protobuf(Small).write({ at: 1n, never: true })).toThrow('paid: multiple values')
    expect(() => protobuf(Small).write({ id: 2n ** 64n })).toThrow('18446744073709551616 does not fit into 64 bits')
    expect(() => protobuf(Small).write(null as unknown as Fields)).toThrow('a protobuf message is an object, not null')
    expect(refusal(protobuf(Small), null)).toMatch(/expected a protobuf message/)
  })

  test('is refused where protobufjs rounds integers of 64 bits', () => {
    const rounding: ProtobufType = {
      decode: () => ({ name: 'x', proof: Buffer.alloc(0), lines: [{ id: 2 ** 60 }] }),
      encode: () => ({ finish: () => Buffer.alloc(0) }),
      toObject: () => ({ name: 'x', proof: Buffer.alloc(0), lines: [{ id: 2n ** 60n }] }),
    }
    expect(refusal(protobuf(rounding), '')).toBe(
      'protobufjs has not found the package "long": id, an integer of 64 bits, would be rounded',
    )
  })

  test('works where code from strings is forbidden', async () => {
    const script = `const { shop } = require(${JSON.stringify(file)})
      const bytes = shop.Small.encode({ id: 5 }).finish()
      console.log(JSON.stringify(shop.Small.toObject(shop.Small.decode(bytes), { longs: String })))`
    const flags = ['--disallow-code-generation-from-strings', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, flags)
    expect(stdout.trim()).toBe('{"id":"5"}')
  })
})

describe('a class whose messages are plain objects', () => {
  const encode = (message: object) => ({ finish: () => Buffer.from(JSON.stringify(message)) })

  test('is used as it is', () => {
    const type: ProtobufType = { decode: (bytes) => JSON.parse(String(bytes)) as object, encode }
    expect(thereAndBack(protobuf(type), { a: [1] })).toEqual({ a: [1] })
  })

  test('must not give others: what is in their prototypes would be lost between threads', () => {
    class Message {}
    expect(refusal(protobuf({ decode: () => new Message(), encode }), '')).toMatch(/generate it with converters/)
  })
})
