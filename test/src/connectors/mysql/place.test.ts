import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { binlogEvents } from '../../../../src/connectors/mysql/binlog-events.ts'
import type { MysqlConnection } from '../../../../src/connectors/mysql/connection.ts'
import { parseGtids } from '../../../../src/connectors/mysql/gtids.ts'
import { EventType } from '../../../../src/connectors/mysql/log/event.ts'
import type { MysqlOffset } from '../../../../src/connectors/mysql/offset.ts'
import {
  checkPlace,
  compareOffsets,
  covers,
  currentPlace,
  earliestPlace,
  logFiles,
  parsePlace,
} from '../../../../src/connectors/mysql/place.ts'
import { type PlaceSearch, placeAt, placeWithGtids } from '../../../../src/connectors/mysql/place-at.ts'
import { type ServerInfo, serverInfo } from '../../../../src/connectors/mysql/server.ts'
import { BinlogFollower, lookAt, openStream } from '../../../support/binlog-follower.ts'
import { connectTo, describePrivateServers, type ServerProcess, startServer } from '../../../support/mysql-servers.ts'

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const B = '2c256447-3f0d-431b-9a25-bddf1f1f6ef6'

const place = (file: string, pos: number, more: Partial<MysqlOffset> = {}): MysqlOffset => ({
  server: A,
  file,
  pos,
  rows: 0,
  ...more,
})

const failed = (code: string, message: RegExp | string) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe('compareOffsets', () => {
  it('orders places of one server by the number of the file, position and rows', () => {
    const ascending = [
      place('binlog.000009', 500),
      place('binlog.000010', 4),
      place('binlog.999999', 4),
      place('binlog.999999', 2 ** 33),
      place('binlog.1000000', 4),
      place('binlog.1000000', 4, { rows: 1 }),
      place('binlog.1000000', 4, { rows: 12 }),
      place('binlog.1000000', 5),
      place('binlog.1000001', 4),
    ]
    const index = fc.nat({ max: ascending.length - 1 })
    fc.assert(
      fc.property(index, index, (i, j) => {
        const order = compareOffsets(ascending[i] as MysqlOffset, ascending[j] as MysqlOffset)
        expect(Math.sign(order)).toBe(Math.sign(i - j))
      }),
    )
  })

  it('orders places of different servers by what is executed', () => {
    const kept = place('binlog.000003', 4, { gtids: `${A}:1-10` })
    const later = place('mysql-bin.000001', 900, { server: B, gtids: `${A}:1-12,${B}:1` })
    expect(compareOffsets(kept, later)).toBeLessThan(0)
    expect(compareOffsets(later, kept)).toBeGreaterThan(0)
    expect(compareOffsets(kept, { ...later, gtids: `${A}:1-10` })).toBe(0)
    expect(compareOffsets({ ...kept, rows: 3 }, { ...later, gtids: `${A}:1-10`, rows: 1 })).toBeGreaterThan(0)
    const maria = place('a.000001', 4, { server: 'server-id 1', gtids: '0-1-7' })
    expect(compareOffsets(maria, place('a.000009', 4, { server: 'server-id 2', gtids: '0-2-9,1-1-1' }))).toBeLessThan(0)
  })

  it('orders the own place of a change by its transaction', () => {
    const change = (number: number): MysqlOffset => place('x.000001', 5, { server: B, rows: 1, gtid: `${A}:${number}` })
    const high = place('binlog.000003', 4, { gtids: `${A}:1-10` })
    expect(compareOffsets(change(10), high)).toBeLessThan(0)
    expect(compareOffsets(change(11), high)).toBeGreaterThan(0)
    expect(compareOffsets(high, change(10))).toBeGreaterThan(0)
    expect(compareOffsets(high, change(11))).toBeLessThan(0)
    expect(compareOffsets(change(5), { ...change(5), server: A, rows: 4 })).toBeLessThan(0)
  })

  it('of places that neither follow nor precede one another says so', () => {
    const one = place('binlog.000003', 4, { gtids: `${A}:1-10` })
    for (const other of [
      place('binlog.000003', 4, { server: B, gtids: `${A}:1-9,${B}:1` }),
      place('binlog.000003', 4, { server: B }),
    ])
      expect(() => compareOffsets(one, other)).toThrowError(failed('SOURCE_FAILED', 'not known which is first'))
  })

  it('takes a log that was given another name for another log', () => {
    const old = place('binlog.000009', 4, { gtids: `${A}:1-10` })
    expect(compareOffsets(old, place('other.000001', 4, { gtids: `${A}:1-11` }))).toBeLessThan(0)
  })
})

describe('covers', () => {
  const change = (position: string, transaction?: string) => ({
    ...{ connector: 'mysql', database: 'shop', table: 'orders', position, timestampMs: 0, snapshot: false },
    ...(transaction !== undefined && { transaction }),
  })

  it('goes by positions where there are no GTIDs: a row stands behind the beginning of its transaction', () => {
    const end = place('binlog.000009', 500, { gtids: '' })
    const positions = [
      'binlog.000001:900',
      'binlog.000009:450',
      'binlog.000009:500',
      'binlog.000009:579',
      'binlog.000010:4',
    ]
    expect(positions.map((position) => covers(end, change(position)))).toEqual([true, true, true, false, false])
    expect(covers(place('binlog.000009', 500), change('binlog.000009:579', `${A}:7`))).toBe(false)
  })

  it('goes by GTIDs where there are some, whatever the server', () => {
    const mysql = place('binlog.000009', 500, { gtids: `${A}:1-10` })
    expect([`${A}:10`, `${A}:11`, `${B}:1`].map((gtid) => covers(mysql, change('binlog.000001:4', gtid)))).toEqual([
      true,
      false,
      false,
    ])
    const mariadb = place('mariadb-bin.000009', 500, { server: 'server-id 1', gtids: '0-1-10' })
    expect(['0-1-10', '0-2-10', '0-1-11'].map((gtid) => covers(mariadb, change('x.000001:4', gtid)))).toEqual([
      true,
      true,
      false,
    ])
  })

  it('does not compare two logs', () => {
    expect(() => covers(place('binlog.000009', 500), change('mysql-bin.000009:4'))).toThrow(
      failed('SOURCE_FAILED', 'first'),
    )
  })
})

describe('parsePlace', () => {
  it('reads a file and position, and GTIDs of both kinds', () => {
    expect(parsePlace('binlog.000012:4567')).toEqual({ server: '', file: 'binlog.000012', pos: 4567, rows: 0 })
    expect(parsePlace('my.host-bin.000001:4')).toMatchObject({ file: 'my.host-bin.000001', pos: 4 })
    expect(parsePlace(` ${A.toUpperCase()}:1-5,${B}:3 `)).toEqual({
      server: '',
      file: '',
      pos: 0,
      rows: 0,
      gtids: `${B}:3,${A}:1-5`,
    })
    expect(parsePlace('1-2-3,0-1-5').gtids).toBe('0-1-5,1-2-3')
  })

  it.each([
    '',
    'binlog.000012',
    'binlog.000012:3',
    'binlog.000012:-4',
    '0-1',
    'latest',
    `${A}:`,
    'binlog.000012:99999999999999999999',
  ])('refuses "%s" and says what was expected', (text) => {
    expect(() => parsePlace(text)).toThrowError(failed('CONNECTOR_OPTION', /binlog\.000001:4.*uuid:1-5.*0-1-5/))
  })
})

describePrivateServers('places', ['mysql', 'mariadb'], (flavour) => {
  let server: ServerProcess
  let session: MysqlConnection
  let info: ServerInfo
  let search: PlaceSearch
  const mariadb = flavour === 'mariadb'

  beforeAll(async () => {
    server = await startServer(flavour, { durability: 'relaxed' })
    session = await connectTo(server.url())
    await session.run('CREATE DATABASE p; CREATE TABLE p.t (id int AUTO_INCREMENT PRIMARY KEY, v int)')
    info = await serverInfo(session)
    search = { connection: session, info, open: (from) => openStream(server.port, info, from) }
  })
  afterAll(async () => {
    session.close()
    await server.dispose()
  })

  const insert = (): Promise<unknown> => session.run('INSERT INTO p.t (v) VALUES (1)')
  /** A file stays while it is sent to somebody (closed streams are let go with their next heartbeat), or is needed for a crash. */
  const purge = async (file: string): Promise<void> => {
    const purged = async (): Promise<string | undefined> => {
      await session.run(`PURGE BINARY LOGS TO '${file}'`)
      return (await logFiles(session))[0]?.name
    }
    await expect.poll(purged).toBe(file)
  }
  const reset = (): Promise<unknown> => session.run(mariadb ? 'RESET MASTER' : 'RESET BINARY LOGS AND GTIDS')

  it('the current place is behind all that was written, with what is executed', async () => {
    await insert()
    const one = await currentPlace(session, info)
    expect(await currentPlace(session, info)).toEqual(one)
    await insert()
    const two = await currentPlace(session, info)
    expect(two.pos).toBeGreaterThan(one.pos)
    expect(compareOffsets({ ...one, server: 'elsewhere' }, two)).toBeLessThan(0)
    const [gtids] = (await session.first(`SELECT ${mariadb ? '@@gtid_binlog_pos' : '@@gtid_executed'}`)) as [string]
    expect(two.gtids).toBe(gtids)
    expect(two.server).toBe(info.id)
  })

  it('the current place is exact while others write', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => connectTo(server.url())))
    let writing = true
    const writers = others.map(async (other) => {
      while (writing) await other.run('INSERT INTO p.t (v) VALUES (2)')
    })
    const found: MysqlOffset[] = []
    for (let i = 0; i < 10; i++) found.push(await currentPlace(session, info))
    writing = false
    await Promise.all(writers)
    for (const other of others) other.close()
    for (const one of found) {
      const { gtids, ...place } = one
      expect((await placeWithGtids(search, place)).gtids).toBe(gtids)
    }
  })

  it('the current place is known behind an event larger than what the server reads at once, while others write', async () => {
    await session.run('CREATE TABLE p.large (id int PRIMARY KEY, b longblob)')
    await session.run("INSERT INTO p.large VALUES (1, REPEAT('x', 12000000))")
    await session.run("UPDATE p.large SET b = REPEAT('y', 12000000)")
    const known = await currentPlace(session, info)
    const others = await Promise.all(Array.from({ length: 4 }, () => connectTo(server.url())))
    let writing = true
    const writers = others.map(async (other) => {
      while (writing) await other.run('INSERT INTO p.t (v) VALUES (2)')
    })
    const found: MysqlOffset[] = []
    for (let i = 0; i < 100; i++) found.push(await currentPlace(session, info))
    writing = false
    await Promise.all(writers)
    for (const other of others) other.close()
    const events = await binlogEvents(session, known.file, { from: known.pos, limit: 1_000_000 })
    const logged = events.flatMap(([, pos, , , , text]) => {
      const gtid = /GTID (\d+-\d+-\d+)|GTID_NEXT= '(.*:\d+)'/.exec(String(text))
      return gtid === null ? [] : [{ pos: Number(pos), gtid: (gtid[1] ?? gtid[2]) as string }]
    })
    for (const { file, pos, gtids = '' } of found) {
      const executed = parseGtids(known.gtids ?? '', mariadb)
      for (const one of logged) if (one.pos < pos) executed.add(one.gtid)
      expect([file, gtids]).toEqual([known.file, executed.toString()])
    }
    await session.run('FLUSH BINARY LOGS')
  })

  it('the earliest place is the beginning of the oldest file, with what was purged before it', async () => {
    await session.run('FLUSH BINARY LOGS')
    await insert()
    const files = await logFiles(session)
    const last = files.at(-1)?.name ?? ''
    expect(await earliestPlace(session, info)).toEqual({
      server: info.id,
      file: files[0]?.name,
      pos: 4,
      rows: 0,
      gtids: '',
    })
    const before = await placeWithGtids(search, place(files.at(-1)?.name ?? '', 4, { server: info.id }))
    await purge(last)
    expect(await earliestPlace(session, info)).toMatchObject({ file: last, pos: 4, gtids: before.gtids })
    expect(before.gtids).not.toBe('')
  })

  it('finds the first transaction at or after a time', async () => {
    const begun: { at: number; end: MysqlOffset }[] = []
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1100))
      begun.push({
        at: Number((await session.first('SELECT FLOOR(UNIX_TIMESTAMP(SYSDATE(6)) * 1000)'))?.[0]),
        end: await currentPlace(session, info),
      })
      await insert()
      if (i === 1) await session.run('FLUSH BINARY LOGS')
    }
    for (const [i, { at, end }] of begun.entries()) {
      const found = await placeAt(search, at)
      const follower = new BinlogFollower(found)
      const stream = await openStream(server.port, info, found)
      await follower.read(stream, await currentPlace(session, info))
      await stream.close()
      expect(follower.events.filter(({ type }) => type === EventType.xid)).toHaveLength(3 - i)
      expect(found.gtids).toBe(end.gtids)
    }
    const end = await currentPlace(session, info)
    expect(await placeAt(search, Date.now() + 3_600_000)).toMatchObject({
      file: end.file,
      pos: end.pos,
      gtids: end.gtids,
    })
    const earliest = await earliestPlace(session, info)
    const first = await placeAt(search, 0)
    expect([first.file, first.gtids]).toEqual([earliest.file, earliest.gtids])
  })

  it('M10: a purged file, by file and by GTIDs', async () => {
    const old = await currentPlace(session, info)
    await insert()
    await session.run('FLUSH BINARY LOGS')
    await insert()
    await purge((await currentPlace(session, info)).file)
    const purged = failed('LOG_GONE', /purged.*--fresh starts over/)
    await expect(openStream(server.port, info, old)).rejects.toEqual(purged)
    await expect(openStream(server.port, info, { ...old, server: 'elsewhere' })).rejects.toEqual(purged)
    await expect(checkPlace(session, info, old)).rejects.toMatchObject({ retry: 'never', domain: 'external' })
  })

  it('M10: a log that was reset, also where a new one has grown past the place', async () => {
    const old = await currentPlace(session, info)
    const stream = await openStream(server.port, info, { ...old, pos: 4 })
    while (stream.created === 0) if (stream.take() === undefined) await stream.available()
    const { created } = stream
    await stream.close()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    await reset()
    const gone = failed('LOG_GONE', /reset, or an older backup/)
    await expect(openStream(server.port, info, old)).rejects.toEqual(gone)
    const other = { ...old, server: 'elsewhere' }
    await expect(checkPlace(session, info, other, 1)).rejects.toEqual(failed('LOG_GONE', /has not executed/))
    const fresh = await currentPlace(session, info)
    for (let i = 0; i < 30; i++) await insert()
    const again = await openStream(server.port, info, { ...fresh, created, gtids: fresh.gtids ?? '' })
    await expect(
      (async () => {
        for (;;) if (again.take() === undefined) await again.available()
      })(),
    ).rejects.toEqual(gone)
    await again.close()
  })

  it('M10: an older backup: the log is shorter than what was read', async () => {
    const { end } = await lookAt(server.port)
    const restored = failed('LOG_GONE', 'reset, or an older backup was restored')
    await expect(openStream(server.port, info, { ...end, pos: end.pos + 1000 })).rejects.toEqual(restored)
    const number = Number(end.file.split('.').at(-1)) + 1
    const file = end.file.replace(/\d+$/, String(number).padStart(6, '0'))
    await expect(openStream(server.port, info, { ...end, file })).rejects.toEqual(restored)
    const more = mariadb ? `0-${server.port}-999999` : `${info.id}:1-999999`
    await expect(openStream(server.port, info, { ...end, gtids: more })).rejects.toEqual(restored)
  })

  it('a place of another server needs GTIDs, and those of its kind', async () => {
    const { end } = await lookAt(server.port)
    const { gtids: _, ...bare } = { ...end, server: 'elsewhere' }
    await expect(checkPlace(session, info, bare)).rejects.toEqual(failed('LOG_GONE', 'without GTIDs'))
    const strange = { ...bare, gtids: mariadb ? `${A}:1-5` : '0-1-5' }
    await expect(checkPlace(session, info, strange)).rejects.toEqual(failed('LOG_GONE', 'in another way'))
  })
})
