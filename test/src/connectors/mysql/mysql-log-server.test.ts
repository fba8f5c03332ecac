// What only the whole server can do: start again, begin new files, compress.

import { expect, onTestFinished, test } from 'vitest'
import { connectTo, describePrivateServers, type ServerProcess, startServer } from '../../../support/mysql-servers.ts'
import { LogDriver, texts } from './log-driver.ts'

/** A session in database `shop`, which is made if it is not there. */
async function session(server: ServerProcess): Promise<LogDriver> {
  const sql = await connectTo(server.url())
  onTestFinished(() => sql.close())
  await sql.run('CREATE DATABASE IF NOT EXISTS shop')
  await sql.run('USE shop')
  return LogDriver.over(sql, server.url(), 'shop')
}

describePrivateServers('MysqlLog and its server', ['mysql', 'mariadb'], (flavour) => {
  test('files that end and a server that starts again change nothing, though it numbers tables anew', async () => {
    const server = await startServer(flavour)
    onTestFinished(() => server.stop())
    let log = await session(server)
    await log.run('CREATE TABLE a (id INT PRIMARY KEY)', 'CREATE TABLE b (name VARCHAR(9) PRIMARY KEY, n INT)')
    const from = await log.place()
    const expected: string[] = []
    const places = [from]
    for (let round = 0; round < 3; round++) {
      // Whichever is opened first gets the lower number.
      const rows = [`INSERT INTO a VALUES (${round})`, `INSERT INTO b VALUES ('r${round}', ${round})`]
      const changes = [`c a ${round}`, `c b r${round},${round}`]
      await log.run('BEGIN', ...(round % 2 === 0 ? rows : rows.reverse()), 'COMMIT')
      expected.push(...(round % 2 === 0 ? changes : changes.reverse()))
      await log.run('FLUSH BINARY LOGS', `UPDATE b SET n = -1 WHERE name = 'r${round}'`)
      expected.push(`u b r${round},${round} > r${round},-1`)
      if (round === 1) await server.kill()
      if (round === 1) await server.start()
      else await server.restart()
      log = await session(server)
      places.push((await log.read(places.at(-1) as typeof from)).next)
    }
    expect(new Set(places.map(({ file }) => file)).size).toBeGreaterThan(3)
    for (const [round, place] of places.entries())
      for (const records of [1, 1000]) {
        const read = await log.read(place, { records })
        expect(texts(read)).toEqual(expected.slice(3 * round))
        expect(read.next).toEqual(places.at(-1))
      }
    const inside = await log.read(from, { records: 1, pagesMax: 4 })
    expect(texts(await log.read(inside.next))).toEqual(expected.slice(4))
  }, 180_000)

  test('an XA transaction that was prepared in an earlier file, before the server started again, is found there', async () => {
    const server = await startServer(flavour)
    onTestFinished(() => server.stop())
    let log = await session(server)
    await log.run('CREATE TABLE a (id INT PRIMARY KEY)')
    for (const id of [1, 2]) {
      // MariaDB lets a session do nothing else until its own one is over.
      const own = await session(server)
      await own.run(`XA START '${id}'`, `INSERT INTO a VALUES (${id})`, `XA END '${id}'`, `XA PREPARE '${id}'`)
    }
    await log.run('FLUSH BINARY LOGS')
    await server.restart()
    log = await session(server)
    const from = await log.place()
    await log.run(
      "XA COMMIT '2'",
      'INSERT INTO a VALUES (3)',
      'FLUSH BINARY LOGS',
      "XA COMMIT '1'",
      'INSERT INTO a VALUES (4)',
    )
    expect(texts(await log.read(from))).toEqual(['c a 2', 'c a 3', 'c a 1', 'c a 4'])
    expect(texts(await log.read(from, { heldBytesMax: 0, records: 1 }))).toEqual(['c a 2', 'c a 3', 'c a 1', 'c a 4'])
  }, 180_000)
})

describePrivateServers('MysqlLog of a compressed log', ['mariadb'], (flavour) => {
  test('statements and rows are the same', async () => {
    const server = await startServer(flavour, { options: ['--log-bin-compress', '--log-bin-compress-min-len=10'] })
    onTestFinished(() => server.stop())
    const log = await session(server)
    const from = await log.place()
    await log.run(`CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(300)) COMMENT '${'c'.repeat(300)}'`)
    await log.run(
      `INSERT INTO a VALUES (1, '${'x'.repeat(300)}')`,
      `ALTER TABLE a CHANGE v w VARCHAR(300) COMMENT '${'c'.repeat(300)}'`,
    )
    await log.run(`UPDATE a SET w = 'y'`, `TRUNCATE a /* ${'c'.repeat(300)} */`)
    const read = await log.read(from)
    expect(texts(read)).toEqual([`c a 1,${'x'.repeat(300)}`, `u a 1,${'x'.repeat(300)} > 1,y`, 't a'])
    expect(read.schemas[1]?.columns[1]).toMatchObject({ name: 'w', renamedFrom: 'v' })
  }, 180_000)
})
