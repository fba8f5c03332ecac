// Character sets of one to four bytes a character that begin with ASCII. What each code means is asked of the server, so
// that text from the log is what the server itself makes of it; a code without a character is '?', as it is there.

import { assert } from '../../../util/assert.ts'
import type { MysqlConnection } from '../connection.ts'
import { type DecodeText, textOf } from './text-decoder.ts'

type Range = readonly [from: number, to: number]

/** Which bytes make a character. */
interface Layout {
  /** Bytes that are a character alone, beside ASCII. */
  readonly single: readonly Range[]
  readonly lead: readonly Range[]
  readonly trail: readonly Range[]
  /** 0x8f begins three bytes (ujis, eucjpms). */
  readonly three?: boolean
  /** A second byte that is a digit means four bytes (gb18030). */
  readonly four?: boolean
}

const EUC: Range = [0xa1, 0xfe]
const SJIS: Layout = {
  single: [[0xa1, 0xdf]],
  lead: [
    [0x81, 0x9f],
    [0xe0, 0xfc],
  ],
  trail: [
    [0x40, 0x7e],
    [0x80, 0xfc],
  ],
}
const UJIS: Layout = { single: [], lead: [EUC], trail: [EUC], three: true }
const GBK: Layout = {
  single: [],
  lead: [[0x81, 0xfe]],
  trail: [
    [0x40, 0x7e],
    [0x80, 0xfe],
  ],
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  big5: { single: [], lead: [[0xa1, 0xf9]], trail: [[0x40, 0x7e], EUC] },
  cp932: SJIS,
  sjis: SJIS,
  eucjpms: UJIS,
  ujis: UJIS,
  euckr: {
    single: [],
    lead: [[0x81, 0xfe]],
    trail: [
      [0x41, 0x5a],
      [0x61, 0x7a],
      [0x81, 0xfe],
    ],
  },
  gb2312: { single: [], lead: [[0xa1, 0xf7]], trail: [EUC] },
  gbk: GBK,
  gb18030: { ...GBK, four: true },
}

/** The character sets that this file knows. */
export const MULTI_BYTE_CHARSETS: readonly string[] = Object.keys(LAYOUTS)

/** Asks the server what the codes of a character set mean. */
export async function loadMultiByteDecoder(connection: MysqlConnection, charset: string): Promise<DecodeText> {
  const layout = LAYOUTS[charset]
  assert(layout !== undefined, `the layout of character set ${charset} is known`)
  const singles = [...span([0, 0x7f]), ...layout.single.flatMap(span)]
  const pairs = pairCodes(layout)
  const triples = layout.three ? EUC_PAIRS : []
  const quadruples = layout.four ? Array.from({ length: FOUR_BYTE_CODES }, (_, i) => fourByteCode(i)) : []
  const [one, two, three, four] = await askCodes(connection, charset, [
    hexOf(singles, 1),
    hexOf(pairs, 2),
    hexOf(
      triples.map((code) => 0x8f0000 | code),
      3,
    ),
    hexOf(quadruples, 4),
  ])
  const table: Codes = {
    one: filled(0x100, singles, one),
    two: filled(0x10000, pairs, two),
    three: layout.three ? filled(0x10000, triples, three) : undefined,
    four: layout.four ? filled(FOUR_BYTE_CODES, [...quadruples.keys()], four) : undefined,
  }
  return (buffer, from, to) => decode(table, buffer, from, to)
}

/** Code points by code. */
interface Codes {
  readonly one: Uint32Array
  readonly two: Uint32Array
  /** By the two bytes behind 0x8f. */
  readonly three: Uint32Array | undefined
  /** By the number of the four bytes, for the characters below 0x10000; those above follow a rule. */
  readonly four: Uint32Array | undefined
}

const UNKNOWN = 0x3f
const FOUR_BYTE_CODES = 39_420
/** The number of the four bytes of U+10000. */
const SUPPLEMENTARY = 189_000

function decode(table: Codes, buffer: Buffer, from: number, to: number): string {
  const { one, two, three, four } = table
  const points: number[] = []
  for (let at = from; at < to; ) {
    const first = buffer[at] as number
    const second = at + 1 < to ? (buffer[at + 1] as number) : 0
    if (one[first] !== 0 || first === 0) {
      points.push(one[first] as number)
      at += 1
    } else if (three !== undefined && first === 0x8f) {
      points.push(at + 2 < to ? three[(second << 8) | (buffer[at + 2] as number)] || UNKNOWN : UNKNOWN)
      at += 3
    } else if (four !== undefined && second >= 0x30 && second <= 0x39) {
      points.push(at + 3 < to ? fourBytePoint(four, buffer, at) : UNKNOWN)
      at += 4
    } else {
      points.push(two[(first << 8) | second] || UNKNOWN)
      at += 2
    }
  }
  return textOf(points)
}

function fourBytePoint(four: Uint32Array, buffer: Buffer, at: number): number {
  const high = ((buffer[at] as number) - 0x81) * 10 + (buffer[at + 1] as number) - 0x30
  const low = ((buffer[at + 2] as number) - 0x81) * 10 + (buffer[at + 3] as number) - 0x30
  const index = high * 1260 + low
  if (index < FOUR_BYTE_CODES) return four[index] ?? UNKNOWN
  const point = index - SUPPLEMENTARY + 0x10000
  return point >= 0x10000 && point <= 0x10ffff ? point : UNKNOWN
}

/** The bytes, as one number, of the four-byte character with this number. */
function fourByteCode(index: number): number {
  const digits = [Math.floor(index / 12_600), Math.floor(index / 1260) % 10, Math.floor(index / 10) % 126, index % 10]
  const [a, b, c, d] = digits as [number, number, number, number]
  return (a + 0x81) * 0x1000000 + ((b + 0x30) << 16) + ((c + 0x81) << 8) + d + 0x30
}

function pairCodes(layout: Layout): number[] {
  const trails = layout.trail.flatMap(span)
  const pairs = layout.lead.flatMap(span).flatMap((lead) => trails.map((trail) => (lead << 8) | trail))
  return layout.three ? [...pairs, ...span([0xa1, 0xdf]).map((kana) => 0x8e00 | kana)] : pairs
}

function span([from, to]: Range): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** Two bytes behind 0x8f. */
const EUC_PAIRS = span(EUC).flatMap((second) => span(EUC).map((third) => (second << 8) | third))

function filled(size: number, codes: readonly number[], points: readonly number[]): Uint32Array {
  assert(points.length === codes.length, 'the server gives a character for each code')
  const table = new Uint32Array(size)
  codes.forEach((code, i) => {
    table[code] = points[i] as number
  })
  return table
}

function hexOf(codes: readonly number[], bytes: number): string {
  return codes.map((code) => code.toString(16).padStart(bytes * 2, '0')).join('')
}

type Points = readonly number[]

/** In one statement, of less than half a megabyte: each round trip may be a long one. */
async function askCodes(
  connection: MysqlConnection,
  charset: string,
  codes: readonly string[],
): Promise<readonly [Points, Points, Points, Points]> {
  const list = codes.map((hex) => `CONVERT(_${charset} X'${hex}' USING utf8mb4)`)
  const row = await connection.first(`SELECT ${list.join(', ')}`)
  const points = codes.map((_, i) => Array.from(String(row?.[i]), (character) => character.codePointAt(0) as number))
  return points as [number[], number[], number[], number[]]
}
