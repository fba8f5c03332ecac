// Events as real servers wrote them: an insert of two rows, an update of the first and a delete of both, of this table:
//
//   CREATE TABLE t (id int unsigned NOT NULL, name varchar(100), price decimal(5,2), kind enum('a','b') CHARACTER SET latin1,
//     at datetime(3) NOT NULL, flags set('x','y'), raw blob, PRIMARY KEY (name(3), id)) CHARACTER SET utf8mb4

import type { Collation, Collations, TextDecoders } from '../../../../../src/connectors/mysql/log/charsets.ts'
import { type LogEvent, readEvent } from '../../../../../src/connectors/mysql/log/event.ts'
import { type DecodeText, decodeUtf8, singleByteDecoder } from '../../../../../src/connectors/mysql/log/text-decoder.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

const IMAGE = '0200c3a98001320299b2bb7efa04e203020000ff'
const IMAGE_OF_NULL = '0200c3a90299b2bb7efa04e203020000ff'
const OTHER = 'ffffffff00007ffffe8000000000000000'

/** MySQL 9.7. */
export const MYSQL = {
  map: hex(`b358016b13fa33000082000000da91212300004d010000000001000268310001740007030ff6fe12fefc0a90010502f70103f801026c01
    01800304fcff003f0420026964046e616d65057072696365046b696e6402617405666c616773037261770b0408fcff000505020178017906050201
    6101620904010300000c01fe4708c02a`),
  insert: hex(`b358016b1efa3300004e0000002892212300004d01000000001100020007ff0001000000${IMAGE}48${OTHER}b5f40c82`),
  update: hex(
    `b358016b1ffa33000053000000bd93212300004d01000000001100020007ffff0001000000${IMAGE}0401000000${IMAGE_OF_NULL}30871782`,
  ),
  delete: hex(
    `b358016b20fa3300004b0000004195212300004d01000000001100020007ff48${OTHER}0401000000${IMAGE_OF_NULL}cfb6cee7`,
  ),
} as const

/** MariaDB 10.11. */
export const MARIADB = {
  map: hex(`b458016b135e3400007b000000a59253020000a1010000000001000268310001740007030ff6fe12fefc0a90010502f70103f801026c01
    018003022d3f0420026964046e616d65057072696365046b696e6402617405666c616773037261770b02082d0505020178017906050201610162
    09040103000065e4006b`),
  insert: hex(`b458016b175e3400004c000000f19253020000a101000000000100077f8001000000${IMAGE}c8${OTHER}2668fd4f`),
  update: hex(
    `b458016b185e340000510000003f9453020000a101000000000100077f7f8001000000${IMAGE}8401000000${IMAGE_OF_NULL}7babfebf`,
  ),
  delete: hex(`b458016b195e34000049000000709553020000a101000000000100077fc8${OTHER}8401000000${IMAGE_OF_NULL}ddcb1d8b`),
} as const

/** A table map of 7 columns and its rows, before and after. */
export const ROWS = {
  first: [1, 'é', '1.50', 'b', '2024-02-29 23:59:58.125', 'x,y', new Uint8Array([0, 255])],
  updated: [1, 'é', null, 'b', '2024-02-29 23:59:58.125', 'x,y', new Uint8Array([0, 255])],
  second: [4_294_967_295, '', '-0.01', null, '0000-00-00 00:00:00.000', '', null],
} as const

const LATIN1 = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).join('')

/** The character sets of this table, without a server. */
export const charsets: Collations & TextDecoders = {
  collation(id: number): Collation | undefined {
    if (id === 255) return { name: 'utf8mb4_0900_ai_ci', charset: 'utf8mb4', characterBytesMax: 4 }
    if (id === 45) return { name: 'utf8mb4_general_ci', charset: 'utf8mb4', characterBytesMax: 4 }
    return id === 8 ? { name: 'latin1_swedish_ci', charset: 'latin1', characterBytesMax: 1 } : undefined
  },
  decoder(charset: string): DecodeText {
    return charset === 'latin1' ? singleByteDecoder(LATIN1) : decodeUtf8
  },
}

/** The event with this body instead of its own. */
export function withBody(packet: Buffer, body: Buffer, type = packet[4] as number): LogEvent {
  return { ...readEvent(packet, true), type, body }
}
