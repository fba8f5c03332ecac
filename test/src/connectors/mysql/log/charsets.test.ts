import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MysqlConnection } from '../../../../../src/connectors/mysql/connection.ts'
import { Charsets } from '../../../../../src/connectors/mysql/log/charsets.ts'
import { decodeUcs2, decodeUtf32, singleByteDecoder } from '../../../../../src/connectors/mysql/log/text-decoder.ts'
import { describeServers } from '../../../../support/mysql-servers.ts'

/** All characters, but the surrogates, in pieces; of those that few character sets have, a part. */
const PIECES = Array.from({ length: 0x110000 / 0x4000 }, (_, i) => i * 0x4000)
  .filter((from) => from < 0x30000 || from % 0x20000 === 0)
  .map((from) =>
    Array.from({ length: 0x4000 }, (_, i) => from + i)
      .filter((point) => point < 0xd800 || point > 0xdfff)
      .map((point) => String.fromCodePoint(point))
      .join(''),
  )

const hexOf = (text: string): string => Buffer.from(text).toString('hex').toUpperCase()

describeServers('Charsets', ['mysql', 'mariadb'], (server) => {
  let sql: MysqlConnection
  let charsets: Charsets

  beforeAll(async () => {
    sql = await server.connection()
    charsets = await Charsets.load(sql)
  })
  afterAll(() => sql.close())

  it('every collation of the server is known by its number', async () => {
    for (const [name, id] of await sql.query(
      'SELECT collation_name, id FROM information_schema.collations WHERE id IS NOT NULL',
    ))
      expect(charsets.collation(Number(id))?.name).toBe(name)
    expect(charsets.collation(45)).toEqual({ name: 'utf8mb4_general_ci', charset: 'utf8mb4', characterBytesMax: 4 })
    expect(charsets.collation(9999)).toBeUndefined()
  })

  if (server.flavour === 'mariadb')
    it('collations of several character sets have a number in each', () => {
      expect(charsets.collation(2304)).toMatchObject({ name: 'utf8mb4_uca1400_ai_ci', charset: 'utf8mb4' })
      expect(charsets.collation(2048)).toMatchObject({ name: 'utf8mb3_uca1400_ai_ci', charset: 'utf8mb3' })
    })

  it('every character of every character set is read as the server converts it', async () => {
    const names = await sql.query(
      "SELECT character_set_name FROM information_schema.character_sets WHERE character_set_name <> 'binary'",
    )
    for (const [name] of names)
      for (const [i, piece] of PIECES.entries()) {
        const row = await sql.first(
          `SELECT HEX(x), HEX(CONVERT(x USING utf8mb4)) FROM (SELECT CONVERT(? USING ${name}) x) t`,
          [piece],
        )
        const bytes = Buffer.from(String(row?.[0]), 'hex')
        const text = charsets.decoder(String(name))(bytes, 0, bytes.length)
        expect(hexOf(text) === row?.[1], `${name}, piece ${i}`).toBe(true)
      }
  })

  it.each([
    ['sjis', '8180 fcfc 41 b1'],
    ['cp932', '8180 fcfc 41 b1'],
    ['big5', 'a3fe f9fe c6a1 41'],
    ['gbk', 'a2a1 fea0 8140 41'],
    ['euckr', 'c9a1 fea1 41'],
    ['gb2312', 'aaa1 f7fe 41'],
    ['ujis', 'a9a1 8ea1 8fa1a1 8ffefe 41'],
    ['eucjpms', 'a9a1 8ea1 8fa1a1 8ffefe 41'],
  ])('%s: a code that means nothing is what the server makes of it', async (name, codes) => {
    const hex = codes.replaceAll(' ', '')
    const row = await sql.first(`SELECT HEX(CONVERT(_${name} X'${hex}' USING utf8mb4))`)
    expect(hexOf(charsets.decoder(name)(Buffer.from(hex, 'hex'), 0, hex.length / 2))).toBe(row?.[0])
  })

  it('text is read from its place in a buffer, and cut text does not reach beyond', () => {
    const bytes = Buffer.from('4141c4e3bac34141', 'hex')
    expect(charsets.decoder('gbk')(bytes, 2, 6)).toBe('你好')
    expect(charsets.decoder('gbk')(bytes, 2, 5)).toBe('你?')
    expect(charsets.decoder('ujis')(Buffer.from('8fb0a18fb0', 'hex'), 0, 5)).toBe('丂?')
    expect(charsets.decoder('utf16')(Buffer.from('d83dde00', 'hex'), 0, 4)).toBe('😀')
    expect(charsets.decoder('gbk')(Buffer.from('c4e3'.repeat(10_000), 'hex'), 0, 20_000)).toBe('你'.repeat(10_000))
  })

  if (server.flavour === 'mysql')
    it('gb18030: four bytes that mean nothing, and cut ones', () => {
      const read = (hex: string): string => charsets.decoder('gb18030')(Buffer.from(hex, 'hex'), 0, hex.length / 2)
      expect(read('8130813090308130e3329a35')).toBe('\u0080\u{10000}\u{10ffff}')
      expect(read('8431a530fe39fe3941')).toBe('??A')
      expect(read('413090')).toBe('A0?')
      expect(read('8130000041')).toBe('?A')
    })

  it('a character set that is not known is refused', () => {
    expect(() => charsets.decoder('klingon')).toThrow(
      expect.objectContaining({ code: 'SOURCE_FAILED', message: expect.stringMatching(/character set klingon/) }),
    )
  })
})

describe('halves of pairs', () => {
  it('are read as a driver reads what the server sends for them', () => {
    expect(decodeUcs2(Buffer.from('0041d83dde00', 'hex'), 0, 6)).toBe(`A${'\ufffd'.repeat(6)}`)
    expect(decodeUtf32(Buffer.from('0000d8000001f600', 'hex'), 0, 8)).toBe(`${'\ufffd'.repeat(3)}😀`)
  })
})

describe('singleByteDecoder', () => {
  it('reads ASCII as it is only where the character set has it', () => {
    const same = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
    const other = same.with(0x41, 'Ä')
    expect(singleByteDecoder(same.join(''))(Buffer.from('xABx'), 1, 3)).toBe('AB')
    expect(singleByteDecoder(other.join(''))(Buffer.from('xABx'), 1, 3)).toBe('ÄB')
  })
})
