// Has zongji ask a server for its log on a connection of ours, and takes the packets that come, undecoded.
//
// Why this way: zongji knows the dump commands of both servers and what is to be settled before them (checksums, MariaDB's capabilities,
// the encoding of GTID sets), and hands its command to mysql2, which frames packets, joins those beyond 16 MB and holds them back while
// the connection is paused. Both do so unchanged here. The one seam is the method that gets each packet of the dump: it is replaced on the
// command's class, which zongji makes anew for each start and shows at 'ready', right before it sends the command. So a packet costs
// neither zongji's parser nor its decoding, nothing of its own can fail on an event, and no timing is involved. Should a release of
// zongji lose the seam, opening fails by name.

import ZongJi from '@vlasky/zongji'
import type { Connection } from 'mysql2'
import { assert } from '../../util/assert.ts'

/** Where a dump begins: in a file, or behind what is executed. */
export type DumpStart = { readonly filename: string; readonly position: number } | { readonly gtidSet: string }

/** Gets what the server sends. Calls never overlap. */
export interface DumpReceiver {
  /** An event from its header on; the bytes stay as they are. */
  event(packet: Buffer): void
  /** Nothing comes after it. */
  failed(error: unknown): void
}

/** mysql2's packet: what it holds lies from offset to end. */
interface Packet {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
}

interface DumpCommand {
  binlogData(packet: Packet): unknown
  onResult?: (error: unknown) => void
}

/** The first byte of a packet that ends the dump; of an event's it is 0. */
const END_OF_DATA = 0xfe

/** Sends the dump command. The connection is of no other use from then on. */
export function startDump(connection: Connection, serverId: number, start: DumpStart, receiver: DumpReceiver): void {
  const zongji = new ZongJi({})
  zongji.connection = connection
  // zongji asks a second connection about the server. This one answers as well, before the dump begins: there is none to leak.
  zongji.ctrlConnection = {
    query: (sql: string, callback: (error: unknown, rows: unknown) => void) =>
      connection.query({ sql, rowsAsArray: false }, callback),
  } as unknown as Connection
  zongji.on('error', (error) => receiver.failed(error))
  zongji.on('ready', () => {
    const made = (zongji as unknown as { BinlogClass?: { prototype: DumpCommand } }).BinlogClass
    assert(typeof made?.prototype.binlogData === 'function', 'zongji shows the command that reads the log')
    const command = made.prototype
    command.onResult = (error) => receiver.failed(error)
    command.binlogData = function take({ buffer, offset, end }: Packet): unknown {
      if (buffer[offset] !== END_OF_DATA) receiver.event(buffer.subarray(offset + 1, end))
      else receiver.failed(new Error('the server ended the log, as when it shuts down'))
      return buffer[offset] === END_OF_DATA ? null : take
    }
  })
  zongji.start({ serverId, ...start })
}
