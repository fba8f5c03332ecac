import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MysqlConnection } from '../../../../src/connectors/mysql/connection.ts'
import { checkPlace } from '../../../../src/connectors/mysql/place.ts'
import { BinlogFollower, lookAt, openStream } from '../../../support/binlog-follower.ts'
import { connectTo, describePrivateServers, type ServerProcess, startServer } from '../../../support/mysql-servers.ts'

describePrivateServers('a replica takes over', ['mysql', 'mariadb'], (flavour) => {
  let [source, replica]: ServerProcess[] = []
  let onSource: MysqlConnection
  let onReplica: MysqlConnection
  const mariadb = flavour === 'mariadb'
  const [start, stop] = mariadb ? ['START SLAVE', 'STOP SLAVE'] : ['START REPLICA', 'STOP REPLICA']

  beforeAll(async () => {
    ;[source, replica] = await Promise.all([
      startServer(flavour, { durability: 'relaxed' }),
      startServer(flavour, { durability: 'relaxed' }),
    ])
    onSource = await connectTo(source.url())
    onReplica = await connectTo(replica.url())
    const { port } = source
    await onReplica.run(
      mariadb
        ? `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${port}, MASTER_USER='millrace', MASTER_PASSWORD='millrace', MASTER_USE_GTID=slave_pos`
        : `CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=${port}, SOURCE_USER='millrace', SOURCE_PASSWORD='millrace', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1`,
    )
    await onReplica.run(start as string)
    await onSource.run('CREATE DATABASE f; CREATE TABLE f.t (id int AUTO_INCREMENT PRIMARY KEY)')
  })
  afterAll(async () => {
    for (const connection of [onSource, onReplica]) connection.close()
    await replica?.kill() // the source is gone already
  })

  const insert = async (session: MysqlConnection, transactions: number): Promise<void> => {
    for (let i = 0; i < transactions; i++) await session.run('INSERT INTO f.t VALUES (NULL), (NULL)')
  }

  it('the log goes on there by GTIDs: every transaction once, in order', async () => {
    const [from, to] = [source as ServerProcess, replica as ServerProcess]
    const begin = await lookAt(from.port)
    await insert(onSource, 20)
    const first = new BinlogFollower(begin.end)
    const stream = await openStream(from.port, begin.info, begin.end)
    await first.read(stream, (await lookAt(from.port)).end)
    await stream.close()

    // The replica is behind when it is asked, and catches up.
    await onReplica.run(stop as string)
    await insert(onSource, 5)
    const { end } = await lookAt(from.port)
    const more = await openStream(from.port, begin.info, first.place)
    await first.read(more, end)
    await more.close()
    const { info } = await lookAt(to.port)
    await expect(checkPlace(onReplica, info, first.place, 1)).rejects.toMatchObject({ code: 'LOG_GONE' })
    const opened = openStream(to.port, info, first.place)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await onReplica.run(start as string)
    const there = await opened

    await onReplica.run(`${stop}; ${mariadb ? 'RESET SLAVE ALL' : 'RESET REPLICA ALL'}`)
    await from.kill()
    await insert(onReplica, 7)
    const second = new BinlogFollower(first.place)
    await second.read(there, (await lookAt(to.port)).end)
    await there.close()
    // A place inside a transaction, or right behind it, has it sent again: MysqlOffset.rows tells what was had of it.
    expect(second.gtids[0]).toBe(first.gtids.at(-1))
    const all = [...first.gtids, ...second.gtids.slice(1)]
    expect(new Set(all).size).toBe(all.length)
    expect(all).toHaveLength(32)
    expect(all.map((gtid) => Number(gtid.split(/[:-]/).at(-1)))).toEqual(
      mariadb
        ? Array.from({ length: 32 }, (_, i) => i + 3)
        : [...Array.from({ length: 25 }, (_, i) => i + 3), ...Array.from({ length: 7 }, (_, i) => i + 1)],
    )

    // Files and positions of the former server mean nothing here: each place is of the server that has it.
    const again = await lookAt(to.port)
    expect(again.end.server).not.toBe(begin.end.server)
    await insert(onReplica, 3)
    const third = new BinlogFollower(second.place)
    const last = await openStream(to.port, again.info, second.place)
    await third.read(last, (await lookAt(to.port)).end)
    await last.close()
    expect(third.gtids).toHaveLength(4)
  })
})
