import { afterAll, beforeAll, expect, it } from 'vitest'
import type { MysqlConnection } from '../../../../src/connectors/mysql/connection.ts'
import type { MysqlOffset } from '../../../../src/connectors/mysql/offset.ts'
import { type PlaceSearch, placeWithGtids } from '../../../../src/connectors/mysql/place-at.ts'
import { type ServerInfo, serverInfo } from '../../../../src/connectors/mysql/server.ts'
import { SnapshotView, type ViewStep } from '../../../../src/connectors/mysql/snapshot-view.ts'
import { openStream } from '../../../support/binlog-follower.ts'
import { connectTo, describePrivateServers, type ServerProcess, startServer } from '../../../support/mysql-servers.ts'

const VIEWS = 20

describePrivateServers('a view', ['mysql', 'mariadb'], (flavour) => {
  let server: ServerProcess
  let session: MysqlConnection
  let info: ServerInfo
  let search: PlaceSearch

  beforeAll(async () => {
    server = await startServer(flavour, { durability: 'relaxed' })
    session = await connectTo(server.url())
    await session.run('CREATE DATABASE p; CREATE TABLE p.keyless (v int)')
    info = await serverInfo(session)
    search = { connection: session, info, open: (from) => openStream(server.port, info, from) }
  })
  afterAll(async () => {
    session.close()
    await server.dispose()
  })

  it('that is to be exact has one place, with what is executed there, while others write to other tables', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => connectTo(server.url())))
    await session.run(others.map((_, n) => `CREATE TABLE p.t${n} (id int AUTO_INCREMENT PRIMARY KEY, v int)`).join(';'))
    let writing = true
    const writers = others.map(async (other, n) => {
      while (writing) await other.run(`INSERT INTO p.t${n} (v) VALUES (1)`)
    })
    // The log never stands still while a view is opened.
    const disturber = await connectTo(server.url())
    const step = async (at: ViewStep): Promise<void> => {
      if (at === 'post-low') await disturber.run('INSERT INTO p.keyless VALUES (1)')
    }
    const viewer = await connectTo(server.url())
    const table = { database: 'p', name: 'keyless' }
    const found: MysqlOffset[] = []
    for (let n = 0; n < VIEWS; n++) {
      const view = await SnapshotView.open({
        ...{ session: viewer, info, table, exact: true, step },
        connect: () => connectTo(server.url()),
      })
      expect(view.low).toEqual(view.high)
      found.push(view.high)
      await view.close()
    }
    writing = false
    await Promise.all(writers)
    for (const one of [...others, disturber, viewer]) one.close()
    for (const { gtids, ...place } of found) expect((await placeWithGtids(search, place)).gtids).toBe(gtids)
  })
})
