import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type DumpStart, startDump } from '../../../../src/connectors/mysql/binlog-dump.ts'
import type { BinlogStream } from '../../../../src/connectors/mysql/binlog-stream.ts'
import { MysqlConnection } from '../../../../src/connectors/mysql/connection.ts'
import { EventType } from '../../../../src/connectors/mysql/log/event.ts'
import type { MysqlOffset } from '../../../../src/connectors/mysql/offset.ts'
import type { ServerInfo } from '../../../../src/connectors/mysql/server.ts'
import { streamError } from '../../../../src/connectors/mysql/stream-error.ts'
import { isMillraceError } from '../../../../src/errors.ts'
import type { Clock } from '../../../../src/util/clock.ts'
import { BinlogFollower, lookAt, openStream, settingsOf } from '../../../support/binlog-follower.ts'
import { FaultProxy } from '../../../support/fault-proxy.ts'
import { connectTo, describePrivateServers, type ServerProcess, startServer } from '../../../support/mysql-servers.ts'

const failed = (reason: RegExp | string) =>
  expect.objectContaining({ code: 'SOURCE_FAILED', retry: 'restart', message: expect.stringMatching(reason) })

/** All that ends a stream which is read until then. */
async function endOf(stream: BinlogStream): Promise<unknown> {
  try {
    for (;;) if (stream.take() === undefined) await stream.available()
  } catch (error) {
    return error
  }
}

describePrivateServers('BinlogStream', ['mysql', 'mariadb'], (flavour) => {
  let server: ServerProcess
  let session: MysqlConnection
  let proxy: FaultProxy
  const streams: BinlogStream[] = []

  beforeAll(async () => {
    server = await startServer(flavour, { durability: 'relaxed' })
    session = await connectTo(server.url())
    await session.run('CREATE DATABASE s; CREATE TABLE s.t (id int PRIMARY KEY, v varchar(4000))')
  })
  afterAll(async () => {
    session.close()
    await server.dispose()
  })
  beforeEach(async () => {
    proxy = await FaultProxy.to(server.port)
    await session.run('DELETE FROM s.t')
  })
  afterEach(async () => {
    for (const stream of streams.splice(0)) await stream.close()
    await proxy.close()
  })

  /** A stream that is closed after the test. */
  async function open(port: number, info: ServerInfo, from: MysqlOffset, extra = {}): Promise<BinlogStream> {
    const stream = await openStream(port, info, from, extra)
    streams.push(stream)
    return stream
  }

  /** Transactions of one to three rows, of 10 to 3,000 bytes each; a few in a file of their own. */
  async function write(transactions: number, first = 0): Promise<void> {
    for (let i = 0; i < transactions; i++) {
      const values = Array.from({ length: 1 + (i % 3) }, (_, k) => {
        const bytes = 10 + ((i * 37 + k * 911) % 3000)
        return `(${first + 10 * i + k}, REPEAT('x', ${bytes}))`
      })
      await session.run(`INSERT INTO s.t VALUES ${values.join(', ')}`)
      if (i % 40 === 39) await session.run('FLUSH BINARY LOGS')
    }
  }

  it('I1: gives every event in order, and where each lies', async () => {
    const { info, end: from } = await lookAt(server.port)
    await write(90)
    const { end } = await lookAt(server.port)
    const follower = new BinlogFollower(from)
    await follower.read(await open(server.port, info, from), end)
    const rows = await session.query(`SHOW BINLOG EVENTS IN '${from.file}' FROM ${from.pos}`)
    const listed = rows.filter(([, , type]) => type !== 'Annotate_rows').map(([file, pos]) => `${file}:${pos}`)
    expect(follower.events.slice(0, listed.length).map(({ at }) => at)).toEqual(listed)
    const files = new Set(follower.events.map(({ at }) => at.split(':')[0]))
    expect(files.size).toBe(3)
    expect(follower.events.filter(({ type }) => type === EventType.xid)).toHaveLength(90)
    expect(follower.events.some(({ type }) => type === EventType.annotateRows)).toBe(false)
  })

  it('M8, I1: a connection that is reset behind every so many bytes loses, repeats and reorders nothing', async () => {
    const { info, end: from } = await lookAt(server.port)
    await write(60)
    const { end } = await lookAt(server.port)
    const calm = new BinlogFollower(from)
    await calm.read(await open(server.port, info, from), end)
    const sweep = [1, 2, 3, 5, 10, 50, 77, 78, 100, 200, 500, 1000, 1500, 2000]
    for (let bytes = 2048; bytes <= 65_536; bytes = Math.floor(bytes * 1.19) + 13) sweep.push(bytes)
    for (const resetAfterBytes of sweep) {
      const follower = new BinlogFollower(from)
      let without = 0
      for (let done = false; !done; ) {
        // What never gets through is healed after some attempts.
        proxy.set(without < 3 ? { resetAfterBytes } : {})
        const before = follower.events.length
        try {
          const stream = await openStream(proxy.port, info, follower.place)
          await follower.read(stream, end).finally(() => stream.close())
          done = true
        } catch (error) {
          expect(error).toEqual(failed('lost'))
        }
        without = follower.events.length === before ? without + 1 : 0
      }
      expect(follower.events).toEqual(calm.events)
    }
  })

  it('M8: goes on after the server was restarted', async () => {
    const { info, end: from } = await lookAt(server.port)
    await write(20)
    const stream = await open(server.port, info, from)
    const follower = new BinlogFollower(from)
    await follower.read(stream, (await lookAt(server.port)).end)
    // A MySQL that is stopped in order takes 8 seconds for its readers' sake.
    if (flavour === 'mariadb') await server.stop()
    else await server.kill()
    await server.start()
    expect(await endOf(stream)).toEqual(failed(`127.0.0.1:${server.port}`))
    await expect(open(server.port, { ...info, id: 'another' }, from)).rejects.toEqual(failed('is now'))
    session.close()
    session = await connectTo(server.url())
    await write(20, 1000)
    const { end } = await lookAt(server.port)
    await follower.read(await open(server.port, info, follower.place), end)
    const calm = new BinlogFollower(from)
    await calm.read(await open(server.port, info, from), end)
    expect(follower.events).toEqual(calm.events)
    expect(follower.events.filter(({ type }) => type === EventType.xid)).toHaveLength(40)
  })

  it('I3, M9: a half-open connection is noticed within two heartbeats, a silent healthy one never', async () => {
    const { info, end } = await lookAt(server.port)
    const heartbeatMs = 200
    const clock = new LookClock()
    const stream = await open(proxy.port, info, end, { heartbeatMs, clock })
    let isEnded = false
    const ended = endOf(stream).finally(() => {
      isEnded = true
    })
    // Nothing is written: only heartbeats come.
    for (let heartbeat = 0; heartbeat < 5; heartbeat++) {
      const [before = 0] = proxy.received
      await expect.poll(() => proxy.received[0]).toBeGreaterThan(before)
      for (let look = 0; look < 3; look++) clock.look()
    }
    proxy.set({ halfOpen: true })
    await turn()
    clock.look() // sees the last heartbeat
    await turn()
    expect(isEnded).toBe(false)
    const silentMs = [...Array(7)].reduce((sum: number) => sum + clock.look(), 0)
    expect(silentMs).toBeLessThanOrEqual(2 * heartbeatMs)
    expect(await ended).toEqual(failed('said nothing'))
  })

  it('M9: a connection that goes silent while it is opened is given up', async () => {
    const { info, end } = await lookAt(server.port)
    proxy.set({ halfOpen: true })
    const settings = settingsOf(proxy.port, { connectTimeoutMs: 200 })
    await expect(open(proxy.port, info, end, { settings })).rejects.toEqual(failed('lost'))
    // Later, when the driver watches no more: in the middle of the questions that come before the log.
    proxy.set({ delayMs: 50 })
    const clock = new LookClock()
    const opening = open(proxy.port, info, end, { clock })
    await expect.poll(() => proxy.received.at(-1), { interval: 5 }).toBeGreaterThan(0)
    proxy.set({ halfOpen: true })
    clock.look()
    await expect(opening).rejects.toEqual(failed('did not answer'))
  })

  it('I2: a slow consumer holds the server back, loses nothing, and is not taken for a dead server', async () => {
    const { info, end: from } = await lookAt(server.port)
    const rows = 20_000
    for (let i = 0; i < rows; i += 1000) {
      const inserts = Array.from({ length: 1000 }, (_, k) => `INSERT INTO s.t VALUES (${i + k}, REPEAT('y', 300))`)
      await session.run(`BEGIN; ${inserts.join('; ')}; COMMIT`)
    }
    const { end } = await lookAt(server.port)
    const queueBytesMax = 100_000
    const clock = new LookClock()
    const stream = await open(proxy.port, info, from, { clock, queueBytesMax })
    const follower = new BinlogFollower(from)
    await expect.poll(() => stream.queueBytes).toBeGreaterThan(queueBytesMax)
    expect(clock.isLooking).toBe(false)
    let most = 0
    await follower.read(stream, end, () => {
      most = Math.max(most, stream.queueBytes)
    })
    expect(clock.isLooking).toBe(true)
    expect(most).toBeLessThan(queueBytesMax + 200_000)
    expect(follower.events.filter(({ type }) => isRow(type))).toHaveLength(rows)
    const calm = new BinlogFollower(from)
    await calm.read(await open(server.port, info, from), end)
    expect(follower.events).toEqual(calm.events)
  })

  it('a flipped bit fails loudly', async () => {
    const { info, end: from } = await lookAt(server.port)
    await write(5)
    const { end } = await lookAt(server.port)
    const calm = new BinlogFollower(from)
    await calm.read(await open(proxy.port, info, from), end)
    const [received = 0] = proxy.received
    let loud = 0
    let flips = 0
    for (let back = 1; back <= end.pos - from.pos; back += 211) {
      flips += 1
      proxy.set({ flipBitAt: received - back })
      const follower = new BinlogFollower(from)
      const stream = await openStream(proxy.port, info, from)
      const error = await follower.read(stream, end).catch((cause: unknown) => cause)
      await stream.close()
      if (error === undefined)
        expect(follower.events).toEqual(calm.events) // a packet's number, which says nothing of the log
      else expect(isMillraceError(error)).toBe(true)
      loud += error === undefined ? 0 : 1
    }
    expect(loud).toBeGreaterThan(0.9 * flips)
  })

  it('two readers with one server id: the error names the option', async () => {
    const { info, end } = await lookAt(server.port)
    const first = await open(server.port, info, end, { serverId: 77 })
    const ended = endOf(first)
    await open(server.port, info, end, { serverId: 77 })
    expect(await ended).toEqual(failed('serverId'))
  })

  it('who may not read the log is told the grant, and no password', async () => {
    const { info, end } = await lookAt(server.port)
    const password = 'hush-hush'
    await session.run(`CREATE USER poor IDENTIFIED BY '${password}'`)
    const settings = settingsOf(server.port, { user: 'poor', password })
    await expect(open(server.port, info, end, { settings })).rejects.toEqual(failed('GRANT REPLICATION CLIENT'))
    await session.run('GRANT REPLICATION CLIENT ON *.* TO poor')
    await expect(open(server.port, info, end, { settings })).rejects.toEqual(failed('GRANT REPLICATION SLAVE'))
    const wrong = settingsOf(server.port, { user: 'poor', password: `${password}!` })
    const error = await open(server.port, info, end, { settings: wrong }).catch((cause: Error) => cause)
    expect(error).toEqual(failed('does not know this user'))
    expect(JSON.stringify(error) + String(error)).not.toContain(password)
    await session.run('DROP USER poor')
  })

  it('nobody there: named, and nothing escapes', async () => {
    const { info, end } = await lookAt(server.port)
    proxy.set({ refuse: true })
    await expect(open(proxy.port, info, end)).rejects.toEqual(failed(`127.0.0.1:${proxy.port}`))
    await expect(open(1, info, end)).rejects.toEqual(failed('ECONNREFUSED'))
  })

  it('what a server itself says of a log that is gone is told as that', async () => {
    await session.run('FLUSH BINARY LOGS')
    const { info, end } = await lookAt(server.port)
    const say = async (start: DumpStart): Promise<unknown> => {
      const settings = settingsOf(server.port)
      const connection = await MysqlConnection.open(settings)
      const error = await new Promise((resolve) => {
        startDump(connection.driver, 78, start, { event: () => {}, failed: resolve })
      })
      connection.close()
      return streamError(error, settings, end)
    }
    const gone = expect.objectContaining({ code: 'LOG_GONE', message: expect.stringContaining('--fresh') })
    expect(await say({ filename: 'binlog.999999', position: 4 })).toEqual(gone)
    expect(await say({ filename: end.file, position: end.pos + 100_000 })).toEqual(gone)
    const unknown = flavour === 'mariadb' ? `0-${server.port}-987654` : `${info.id}:1-987654`
    expect(await say({ gtidSet: unknown })).toEqual(gone)
    const purged = async (): Promise<unknown> => {
      await session.run(`PURGE BINARY LOGS TO '${end.file}'`)
      return (await session.query('SHOW BINARY LOGS'))[0]?.[0]
    }
    await expect.poll(purged).toBe(end.file)
    expect(await say({ gtidSet: flavour === 'mariadb' ? `0-${server.port}-1` : `${info.id}:1` })).toEqual(gone)
  })

  it('a compressed transaction is refused by name', async () => {
    if (flavour === 'mariadb') return
    const { info, end } = await lookAt(server.port)
    await session.run("SET SESSION binlog_transaction_compression = ON; INSERT INTO s.t VALUES (1, REPEAT('z', 4000))")
    await session.run('SET SESSION binlog_transaction_compression = OFF')
    // No retry can help.
    expect(await endOf(await open(server.port, info, end))).toMatchObject({
      code: 'LOG_GONE',
      message: expect.stringMatching(/binlog_transaction_compression = OFF.*--fresh/),
    })
  })

  it('events without checksums, and files of both kinds in one log', async () => {
    const { info, end: from } = await lookAt(server.port)
    await write(3)
    await session.run('SET GLOBAL binlog_checksum = NONE')
    await write(3, 100)
    const none = await lookAt(server.port)
    expect(none.info.checksum).toBe(false)
    const first = new BinlogFollower(from)
    await first.read(await open(server.port, none.info, from), none.end)
    await session.run('SET GLOBAL binlog_checksum = CRC32')
    await write(3, 200)
    const { end } = await lookAt(server.port)
    const follower = new BinlogFollower(from)
    await follower.read(await open(server.port, info, from), end)
    expect(follower.events.slice(0, first.events.length)).toEqual(first.events)
    expect(follower.events.filter(({ type }) => type === EventType.xid)).toHaveLength(9)
  })

  it('closes: nothing more is given, and the server lets go with its next heartbeat', async () => {
    const { info, end } = await lookAt(server.port)
    const stream = await open(proxy.port, info, end, { heartbeatMs: 200, clock: new LookClock() })
    await write(3)
    const waiting = stream.available()
    await stream.close()
    await waiting
    expect(stream.take()).toBeUndefined()
    await expect.poll(() => proxy.open).toBe(0)
    const dumps = "SELECT count(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'"
    await expect.poll(async () => (await session.first(dumps))?.[0]).toBe('0')
  })
})

const isRow = (type: number): boolean => type === EventType.writeRows || type === EventType.writeRowsV1

/** Until what is on its way has come: timers are called before what came is read, and a process may have stood still. */
const turn = async (): Promise<void> => {
  await new Promise((resolve) => setTimeout(resolve, 20))
  for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Time stands still until the test lets the stream look whether the server is there. */
class LookClock implements Clock {
  #next: { readonly delayMs: number; readonly callback: () => void } | undefined

  get isLooking(): boolean {
    return this.#next !== undefined
  }

  now(): number {
    return 0
  }

  monotonic(): number {
    return 0
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const scheduled = { delayMs, callback }
    this.#next = scheduled
    return () => {
      if (this.#next === scheduled) this.#next = undefined
    }
  }

  /** How long it would have been until then. */
  look(): number {
    const { delayMs = 0, callback } = this.#next ?? {}
    this.#next = undefined
    callback?.()
    return delayMs
  }
}
