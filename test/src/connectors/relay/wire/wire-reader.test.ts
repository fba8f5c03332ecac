import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { describe, expect, test } from 'vitest'
import { encodeFrame, FrameDecoder } from '../../../../../src/connectors/relay/wire/frame.ts'
import type { Message } from '../../../../../src/connectors/relay/wire/messages.ts'
import { WireFailure } from '../../../../../src/connectors/relay/wire/wire-failure.ts'
import { type Rng, seededRng } from '../../../../../src/util/rng.ts'
import { frameOf, oracleHeader, oracleMessage, plain } from './wire-oracle.ts'

const full = process.env.MILLRACE_FULL === '1'
const ACK = 8
const HELLO = 1
const OPEN_STREAM = 4

/** A message of what is written in bytes, within a Frame. */
function member(field: number, ...bytes: number[]): Uint8Array {
  return protobuf.Writer.create()
    .uint32((field << 3) | 2)
    .bytes(Uint8Array.from(bytes))
    .finish()
}

function read(header: Uint8Array): Message {
  const decoder = new FrameDecoder(1 << 20)
  decoder.push(frameOf(header))
  const message = decoder.next()?.message
  if (message === undefined) throw new Error('no frame')
  return message
}

function failureOf(header: Uint8Array): WireFailure {
  try {
    read(header)
  } catch (error) {
    expect(error).toBeInstanceOf(WireFailure)
    return error as WireFailure
  }
  throw new Error('it was taken')
}

const repeated = (count: number, ...bytes: number[]) => Array.from({ length: count }, () => bytes).flat()

describe('a header is refused', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['a number longer than need be', member(ACK, 8, 0x81, 0x00), /longer than need be/],
    ['a zero of many bytes', member(ACK, 8, 0x80, 0x80, 0x80, 0x00), /longer than need be/],
    ['a tag longer than need be', member(ACK, 0x88, 0x00, 1), /longer than need be/],
    ['a length longer than need be', Uint8Array.of((ACK << 3) | 2, 0x82, 0x00, 8, 1), /longer than need be/],
    ['a number without an end', member(ACK, 8, ...repeated(30, 0xff)), /over 2\^53/],
    ['a number of 2^53', member(ACK, 16, ...repeated(7, 0x80), 0x10), /over 2\^53/],
    ['a number of 2^64 - 1', member(ACK, 16, ...repeated(9, 0xff), 1), /over 2\^53/],
    [
      'a number of 2^32 where 32 bits are agreed',
      member(ACK, 8, 0x80, 0x80, 0x80, 0x80, 0x10),
      /Ack.stream is over 2\^32/,
    ],
    ['a number cut off', member(ACK, 8, 0x80), /beyond the header/],
    ['a field of another type', member(ACK, 10, 0), /Ack.stream is of type 2, not 0/],
    ['text as a number', member(OPEN_STREAM, 16, 1), /OpenStream.name is of type 0, not 2/],
    ['a member of another type', Uint8Array.of((ACK << 3) | 0, 1), /ack is of type 0, not 2/],
    ['field 0', member(ACK, 2, 0), /field 0/],
    ['a field number over 2^29', member(ACK, 0x80, 0x80, 0x80, 0x80, 0x10, 0), /field \d+ is none/],
    ['a field twice', member(ACK, 8, 1, 8, 1), /Ack.stream is there twice/],
    ['a member twice', Buffer.concat([member(ACK, 8, 1), member(ACK, 8, 1)]), /ack is there twice/],
    ['two members', Buffer.concat([member(ACK, 8, 1), member(9)]), /two messages/],
    ['no member', Uint8Array.of(0x78, 1), /without a message/],
    ['a group', member(ACK, 0x7b, 0x7c), /of type 3/],
    ['the end of a group', member(ACK, 0x7c), /of type 4/],
    ['groups 10,000 deep', member(ACK, ...repeated(10_000, 0x7b)), /of type 3/],
    ['groups 10,000 deep outside', Uint8Array.from(repeated(10_000, 0x7b)), /of type 3/],
    ['a type that there is not', member(ACK, 0x7e), /of type 6/],
    ['a length beyond the message', member(OPEN_STREAM, 18, 5, 0x61), /OpenStream.name goes beyond/],
    ['a length beyond the header', Uint8Array.of((ACK << 3) | 2, 5, 8), /goes beyond/],
    ['a length of 2^31', Uint8Array.of((ACK << 3) | 2, 0x80, 0x80, 0x80, 0x80, 0x08), /over|beyond/],
    ['an unknown field cut off', member(ACK, 0x79, 1, 2, 3), /beyond/],
    ['an unknown number of 11 bytes', member(ACK, 0x78, ...repeated(10, 0xff), 1), /over 2\^64/],
    ['65 unknown fields', member(ACK, ...repeated(65, 0x78, 0)), /more than 64 unknown/],
    ['unknown fields without end', member(ACK, ...repeated(8000, 0x78, 0)), /more than 64 unknown/],
    ['text that is no UTF-8', member(OPEN_STREAM, 18, 2, 0xc3, 0x28), /OpenStream.name is no UTF-8/],
    ['a surrogate alone', member(OPEN_STREAM, 18, 3, 0xed, 0xa0, 0x80), /no UTF-8/],
    ['an overlong slash', member(OPEN_STREAM, 18, 2, 0xc0, 0xaf), /no UTF-8/],
    ['a name of 301 bytes', member(OPEN_STREAM, 18, 0xad, 0x02, ...repeated(301, 0x61)), /301 bytes, over 300/],
    ['an incarnation of 17 bytes', member(HELLO, 34, 17, ...repeated(17, 1)), /17 bytes, over 16/],
    ['17 compressions', member(HELLO, ...repeated(17, 50, 0)), /more than 16 items/],
  ])('%s', (_what, header, reason) => {
    expect(failureOf(header).reason).toMatch(reason)
  })
})

describe('a header is taken', () => {
  test('with up to 64 unknown fields of any type and value', () => {
    const unknown = [0x78, ...repeated(9, 0xff), 1, 0x79, ...repeated(8, 1), 0x7d, 1, 1, 1, 1, 0x7a, 3, 1, 1, 1]
    expect(read(member(ACK, 8, 5, ...unknown, ...repeated(60, 0x78, 0)))).toEqual({
      kind: 'ack',
      stream: 5,
      next: 0,
      credit: 0,
    })
  })

  test('with fields in any order, and defaults that are written', () => {
    expect(read(member(ACK, 24, 0, 16, 9, 8, 1))).toEqual({ kind: 'ack', stream: 1, next: 9, credit: 0 })
  })

  test('and what is kept of it does not keep the chunk that it came in', () => {
    const message = read(oracleHeader({ ...hello, incarnation: Uint8Array.from({ length: 16 }, (_, i) => i) }))
    const { incarnation } = message as typeof hello
    expect([...incarnation]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
    expect(incarnation.buffer.byteLength).toBe(16)
  })
})

const hello = {
  kind: 'hello' as const,
  version: 1,
  site: 'east',
  sender: 'east/orders/out',
  incarnation: new Uint8Array(16).fill(200),
  session: 2 ** 40,
  compressions: ['snappy', 'none'],
  frameBytesMax: 8_388_608,
  release: '0.1.0',
  tokens: ['0123456789abcdef', ''],
}
const REAL: readonly Message[] = [
  hello,
  {
    kind: 'welcome',
    version: 1,
    site: 'west',
    compressions: ['snappy'],
    frameBytesMax: 9,
    plainBytesMax: 9,
    heartbeatMs: 5000,
    release: 'x',
    former: new Uint8Array(16).fill(3),
    token: '0123456789abcdef',
  },
  { kind: 'openStream', stream: 3, name: 'Straße', codec: 'msgpack', first: 5, next: 2 ** 33, acked: 7, common: 6 },
  { kind: 'streamRefused', stream: 3, code: 'CODEC', reason: 'json is not msgpack' },
  {
    kind: 'batch',
    stream: 1,
    sequence: 70_000,
    firstRecord: 5e9,
    count: 10,
    atMs: 1.7e12,
    compression: 'snappy',
    plainBytes: 3e5,
  },
  { kind: 'ack', stream: 1, next: 2 ** 50, credit: 1 },
  { kind: 'goodbye', code: '', reason: 'ends' },
]

/** Turns over, puts in, takes out or repeats bytes, once to four times. */
function mutated(header: Uint8Array, rng: Rng): Buffer {
  let bytes: Buffer = Buffer.from(header)
  for (let times = 1 + rng.int(4); times > 0; times -= 1) {
    const at = rng.int(bytes.length + 1)
    const to = Math.min(bytes.length, at + rng.int(6))
    const how = rng.int(5)
    if (how === 0 && at < bytes.length) bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << rng.int(8)), at)
    else if (how === 1 && at < bytes.length) bytes.writeUInt8(rng.int(256), at)
    else if (how === 2) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([rng.int(256)]), bytes.subarray(at)])
    else if (how === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)])
    else bytes = Buffer.concat([bytes.subarray(0, to), bytes.subarray(at)])
  }
  return bytes
}

describe('headers of anyone', () => {
  const judge = (header: Buffer): 'taken' | 'refused' => {
    try {
      const message = read(header)
      // What is taken can be sent, and is then what it was: nothing was understood in two ways.
      const again = Buffer.concat(encodeFrame(message))
      const decoder = new FrameDecoder(1 << 20)
      decoder.push(again)
      expect(decoder.next()?.message).toEqual(message)
      return 'taken'
    } catch (error) {
      if (!(error instanceof WireFailure))
        throw new Error(`${header.toString('hex')}: ${String(error)}`, { cause: error })
      return 'refused'
    }
  }

  test('real ones with mutations are taken or refused, and never break anything', { timeout: 600_000 }, () => {
    const rng = seededRng(20260731)
    const headers = REAL.map(oracleHeader)
    const counts = { taken: 0, refused: 0 }
    for (let run = 0; run < (full ? 1_500_000 : 200_000); run += 1)
      counts[judge(mutated(headers[rng.int(headers.length)] as Uint8Array, rng))] += 1
    expect(counts.refused).toBeGreaterThan(counts.taken)
    expect(counts.taken).toBeGreaterThan(1000)
  })

  test('random ones, too', { timeout: 600_000 }, () => {
    const rng = seededRng(7)
    for (let run = 0; run < (full ? 700_000 : 100_000); run += 1)
      judge(Buffer.from(Array.from({ length: rng.int(40) }, () => rng.int(256))))
  })

  test('what is taken is what protobufjs reads, too', () => {
    const rng = seededRng(11)
    const headers = REAL.map(oracleHeader)
    let compared = 0
    for (let run = 0; run < 20_000; run += 1) {
      const header = mutated(headers[rng.int(headers.length)] as Uint8Array, rng)
      if (judge(header) === 'refused') continue
      expect(plain(oracleMessage(header))).toEqual(plain(read(header)))
      compared += 1
    }
    expect(compared).toBeGreaterThan(100)
  })
})

test('nothing of it makes code at run time', () => {
  const frame = fileURLToPath(new URL('../../../../../src/connectors/relay/wire/frame.ts', import.meta.url))
  const script = `
    const { encodeFrame, FrameDecoder } = await import(${JSON.stringify(frame)})
    try { new Function('return 1'); process.exit(3) } catch {}
    const decoder = new FrameDecoder(1000)
    decoder.push(Buffer.concat(encodeFrame({ kind: 'ack', stream: 1, next: 2, credit: 3 })))
    process.stdout.write(JSON.stringify(decoder.next().message))`
  const flags = ['--disallow-code-generation-from-strings', '--import', 'tsx', '--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8' })
  expect(stdout, stderr).toBe('{"kind":"ack","stream":1,"next":2,"credit":3}')
})
