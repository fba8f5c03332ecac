// Logs made by hand, for what a server writes only when it fails.

import { beforeAll, describe, expect, test } from 'vitest'
import { readTransactionHead } from '../../../../src/connectors/mysql/gtid-event.ts'
import { EventType, type LogEvent } from '../../../../src/connectors/mysql/log/event.ts'
import { type EventStream, TransactionReader } from '../../../../src/connectors/mysql/transaction-reader.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { LogDriver, texts } from './log-driver.ts'

const event = (type: number, body: Buffer, flags = 0): LogEvent => ({
  type,
  timestampMs: 1000,
  serverId: 7,
  end: 0,
  flags,
  body,
  size: 19 + body.length + 4,
})

/** A statement of a session in database shop, with the mode ANSI_QUOTES. */
function query(sql: string, type: number = EventType.query): LogEvent {
  const head = Buffer.alloc(type === EventType.executeLoadQuery ? 26 : 13)
  head[8] = 4
  head.writeUInt16LE(14, 11)
  const variables = Buffer.from('00000000000104000000000000000000', 'hex').subarray(0, 14)
  return event(type, Buffer.concat([head, variables, Buffer.from('shop\0'), Buffer.from(sql)]))
}

const anonymous = (): LogEvent => event(EventType.anonymousGtid, Buffer.alloc(42))
const xid = (): LogEvent => event(EventType.xid, Buffer.alloc(8))

/** A stream of these events, one behind the other. */
class Events implements EventStream {
  readonly file = 'binlog.000001'
  readonly created = 0
  pos = 4
  readonly #events: LogEvent[]
  #size = 0

  constructor(events: readonly LogEvent[]) {
    this.#events = [...events]
  }

  take(): LogEvent | undefined {
    const next = this.#events.shift()
    if (next === undefined) return undefined
    this.pos += this.#size
    this.#size = next.size
    return { ...next, end: this.pos + next.size }
  }

  async available(): Promise<void> {}
  async close(): Promise<void> {}
}

describeServers('TransactionReader', ['mysql'], (server) => {
  let log: LogDriver

  beforeAll(async () => {
    log = await LogDriver.open(server)
  })

  const reader = (...events: readonly LogEvent[]) =>
    new TransactionReader({
      stream: new Events(events),
      readers: log.readers('shop'),
      lowerCaseNames: false,
      onExecuted: () => {},
    })

  test('a transaction that the log breaks off never happened', () => {
    const broken = reader(
      anonymous(),
      query('BEGIN'),
      query('INSERT INTO t VALUES (1)'),
      event(EventType.formatDescription, Buffer.alloc(80)),
      anonymous(),
      query('BEGIN'),
      query('DELETE FROM t'),
      xid(),
    )
    expect(broken.next()?.items).toMatchObject([{ statement: { kind: 'write', verb: 'DELETE' } }])
    expect(broken.next()).toBeUndefined()
  })

  test('a statement that is not ended is ended by the next transaction', () => {
    const statements = reader(
      anonymous(),
      query('BEGIN'),
      query('ALTER TABLE t ADD x INT'),
      anonymous(),
      query('BEGIN'),
      xid(),
    )
    expect(statements.next()?.items).toMatchObject([{ statement: { kind: 'alter' } }])
    expect(statements.next()?.items).toEqual([])
  })

  test('an incident stops by name', () => {
    const incident = reader(event(EventType.incident, Buffer.from('\x01\x00\x0bLOST_EVENTS', 'latin1')))
    expect(() => incident.next()).toThrow(/binlog\.000001:4: it logged an incident \("LOST_EVENTS"\)/)
  })

  test('an event that is not known is passed only if it may be', () => {
    expect(reader(event(200, Buffer.alloc(1), 0x80)).next()).toBeUndefined()
    expect(() => reader(event(200, Buffer.alloc(1))).next()).toThrow(/binlog\.000001:4 has type 200/)
  })

  test('rows without their table, and ends without a beginning, are refused', () => {
    expect(() => reader(anonymous(), event(EventType.writeRows, Buffer.alloc(20))).next()).toThrow(/not named/)
    expect(() => reader(xid()).next()).toThrow(/did not begin/)
    expect(() => reader(anonymous(), query('BEGIN'), query('ROLLBACK TO `s`')).next()).toThrow(/no savepoint/)
  })

  test('statements are read in the mode and the database of their session, and LOAD DATA too', () => {
    const statements = reader(
      anonymous(),
      query('TRUNCATE "a b"'),
      query('ALTER TABLE x.t CHANGE a b INT'),
      anonymous(),
      query('BEGIN'),
      query("LOAD DATA INFILE 'x' INTO TABLE t", EventType.executeLoadQuery),
      query('COMMIT'),
    )
    expect(statements.next()?.items).toMatchObject([{ statement: { tables: [{ database: 'shop', name: 'a b' }] } }])
    expect(statements.next()?.items).toMatchObject([{ statement: { table: { database: 'x', name: 't' } } }])
    expect(statements.next()?.items).toMatchObject([{ statement: { verb: 'LOAD', tables: [{ name: 't' }] } }])
  })

  test('names are folded where the server folds them', () => {
    const stream = new Events([anonymous(), query('RENAME TABLE Shop.A TO B')])
    const folding = new TransactionReader({
      stream,
      readers: log.readers('shop'),
      lowerCaseNames: true,
      onExecuted: () => {},
    })
    const pairs = [{ from: { database: 'shop', name: 'a' }, to: { database: 'shop', name: 'b' } }]
    expect(folding.next()?.items).toMatchObject([{ statement: { kind: 'rename', pairs } }])
  })

  test('a GTID with a tag names its transaction', async () => {
    await log.run('CREATE TABLE t (i INT PRIMARY KEY)')
    const from = await log.place()
    await log.run("SET gtid_next = 'AUTOMATIC:some_tag'", 'INSERT INTO t VALUES (1)', "SET gtid_next = 'AUTOMATIC'")
    const read = await log.read(from)
    expect(texts(read)).toEqual(['c t 1'])
    const { transaction, timestampMs } = read.changes[0]?.source ?? {}
    expect(transaction).toMatch(/^[0-9a-f-]{36}:some_tag:\d+$/)
    expect(Math.abs((timestampMs ?? 0) - Date.now())).toBeLessThan(60_000)
    expect(read.next.gtids).toContain(':some_tag:')
  })
})

describe('readTransactionHead', () => {
  const uuid = '0ed032dfe57f11f188cc02fc00000001'

  test('tells when a transaction was committed, first of all where it was', () => {
    const head = `00${uuid}0500000000000000020000000000000000000000000000000000`.slice(0, 84)
    const here = Buffer.from(`${head}00e40b54020000`, 'hex')
    expect(readTransactionHead(event(EventType.gtid, here))).toEqual({
      gtid: '0ed032df-e57f-11f1-88cc-02fc00000001:5',
      committedMs: 10_000_000,
      standalone: undefined,
    })
    const elsewhere = Buffer.from(`${head}00e40b54020080${'00ca9a3b000000'}`, 'hex')
    expect(readTransactionHead(event(EventType.gtid, elsewhere)).committedMs).toBe(1_000_000)
  })

  test('reads integers of any length in a tagged one', () => {
    const body = Buffer.from(
      '0278000000021c4103647d039503fe22c5032102310304f103000000020404060a6d7974616708890a0a910a0c7ff10e2a06c560061079041283120b',
      'hex',
    )
    expect(readTransactionHead(event(EventType.gtidTagged, body))).toMatchObject({
      gtid: '0ed032df-e57f-11f1-88cc-02fc00000001:mytag:1',
      committedMs: Math.floor(Number(0x0660c5062a0ef1n) / 1000),
    })
  })

  test('tells what MariaDB says of its own', () => {
    const body = Buffer.from('05000000000000000200000001000000000000', 'hex')
    const standalone = readTransactionHead(event(EventType.mariadbGtid, body))
    expect(standalone).toEqual({ gtid: '2-7-5', committedMs: undefined, standalone: true })
  })
})
