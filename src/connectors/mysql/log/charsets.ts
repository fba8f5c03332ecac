// What a server's collations and character sets mean. Asked of the server itself, once for each connection: so text from the
// log is what the server would have sent.

import { MillraceError } from '../../../errors.ts'
import type { MysqlConnection } from '../connection.ts'
import { loadMultiByteDecoder, MULTI_BYTE_CHARSETS } from './multi-byte-decoder.ts'
import {
  type DecodeText,
  decodeUcs2,
  decodeUtf8,
  decodeUtf16,
  decodeUtf16le,
  decodeUtf32,
  singleByteDecoder,
} from './text-decoder.ts'

/** What the number of a collation in a table map means. */
export interface Collation {
  readonly name: string
  readonly charset: string
  /** Bytes of a character at most. */
  readonly characterBytesMax: number
}

/** Collations by number. */
export interface Collations {
  collation(id: number): Collation | undefined
}

/** How the text of a character set is read. */
export interface TextDecoders {
  /** Throws SOURCE_FAILED for a character set that is not known. */
  decoder(charset: string): DecodeText
}

const UNICODE: Readonly<Record<string, DecodeText>> = {
  utf8mb4: decodeUtf8,
  utf8mb3: decodeUtf8,
  utf8: decodeUtf8,
  ucs2: decodeUcs2,
  utf16: decodeUtf16,
  utf16le: decodeUtf16le,
  utf32: decodeUtf32,
}

export class Charsets implements Collations, TextDecoders {
  readonly #collations: ReadonlyMap<number, Collation>
  readonly #decoders: ReadonlyMap<string, DecodeText>

  private constructor(collations: ReadonlyMap<number, Collation>, decoders: ReadonlyMap<string, DecodeText>) {
    this.#collations = collations
    this.#decoders = decoders
  }

  /** Throws the driver's error. */
  static async load(connection: MysqlConnection): Promise<Charsets> {
    const charsets = await connection.query('SELECT character_set_name, maxlen FROM information_schema.character_sets')
    const bytesMax = new Map(charsets.map(([name, bytes]) => [String(name), Number(bytes)]))
    const decoders = new Map(Object.entries(UNICODE))
    const single = [...bytesMax.keys()].filter((name) => bytesMax.get(name) === 1 && name !== 'binary')
    for (const [name, decoder] of await loadSingleByteDecoders(connection, single)) decoders.set(name, decoder)
    for (const name of MULTI_BYTE_CHARSETS)
      if (bytesMax.has(name)) decoders.set(name, await loadMultiByteDecoder(connection, name))
    return new Charsets(await loadCollations(connection, bytesMax), decoders)
  }

  collation(id: number): Collation | undefined {
    return this.#collations.get(id)
  }

  decoder(charset: string): DecodeText {
    const known = this.#decoders.get(charset)
    if (known === undefined)
      throw new MillraceError('SOURCE_FAILED', {
        node: '?',
        reason: `text in character set ${charset} cannot be read: convert the column to utf8mb4, or leave it out`,
      })
    return known
  }
}

async function loadSingleByteDecoders(
  connection: MysqlConnection,
  charsets: readonly string[],
): Promise<[string, DecodeText][]> {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('hex')
  const row = await connection.first(
    `SELECT ${charsets.map((charset) => `CONVERT(_${charset} X'${bytes}' USING utf8mb4)`).join(', ')}`,
  )
  return charsets.map((charset, i) => [charset, singleByteDecoder(String(row?.[i]))])
}

async function loadCollations(
  connection: MysqlConnection,
  bytesMax: ReadonlyMap<string, number>,
): Promise<Map<number, Collation>> {
  // MariaDB from 10.10 on has collations of several character sets under one name; their numbers are told here only.
  const numbered = await connection.query(
    "SELECT 1 FROM information_schema.columns WHERE table_schema = 'information_schema' AND table_name = 'COLLATION_CHARACTER_SET_APPLICABILITY' AND column_name = 'FULL_COLLATION_NAME'",
  )
  const rows = await connection.query(
    numbered.length > 0
      ? 'SELECT id, full_collation_name, character_set_name FROM information_schema.collation_character_set_applicability'
      : 'SELECT id, collation_name, character_set_name FROM information_schema.collations',
  )
  return new Map(
    rows.map(([id, name, charset]) => [
      Number(id),
      {
        name: String(name),
        charset: String(charset),
        characterBytesMax: bytesMax.get(String(charset)) ?? 1,
      },
    ]),
  )
}
