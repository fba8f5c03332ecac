// What only the whole server can do: start again, begin new files, compress.

import { expect, onTestFinished, test } from 'vitest'
import { connectTo, describePrivateServers, type ServerProcess, startServer } from '../../../support/mysql-servers.ts'
import { LogDriver, texts } from './log-driver.ts'

/** A session in database `shop`, which is made if it is not there. */
async function session(server: ServerProcess): Promise<LogDriver> {
  const sql = await connectTo(server.url())
  onTestFinished(() => sql.close())
  // A prepared transaction would have CREATE DATABASE IF NOT EXISTS wait for it.
  const [there] = await sql.query("SHOW DATABASES LIKE 'shop'")
  if (there === undefined) await sql.run('CREATE DATABASE shop')
  await sql.run('USE shop')
  return LogDriver.over(sql, server.url(), 'shop')
}

describePrivateServers('MysqlLog and its server', ['mysql', 'mariadb'], (flavour) => {
  test('files that end and a server that starts again change nothing, though it numbers tables anew', async () => {
    const server = await startServer(flavour)
    onTestFinished(() => server.dispose())
    let log = await session(server)
    await log.run('CREATE TABLE a (id INT PRIMARY KEY)', 'CREATE TABLE b (name VARCHAR(9) PRIMARY KEY, n INT)')
    const from = await log.place()
    const expected: string[] = []
    const places = [from]
    for (let round = 0; round < 3; round++) {
      // Whichever is opened first gets the lower number.
      const rows = [`INSERT INTO a VALUES (${round})`, `INSERT INTO b VALUES ('r${round}', ${round})`]
      const changes = [`c a ${round}`, `c b r${round},${round}`]
      if (flavour === 'mysql' && round === 0)
        await log.run("SET gtid_next = 'AUTOMATIC:a_tag'", 'CREATE DATABASE tagged', "SET gtid_next = 'AUTOMATIC'")
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
    // Where a file begins the log itself tells what is executed.
    const { gtids: _, ...unknown } = from
    if (flavour === 'mysql') expect(places.at(-1)?.gtids).toContain(':a_tag:1')
    expect((await log.read(unknown)).next.gtids).toBe(places.at(-1)?.gtids)
    expect((await log.read({ ...from, gtids: '' })).next.gtids).toBe(places.at(-1)?.gtids)
    expect(new Set(places.map(({ file }) => file)).size).toBeGreaterThan(3)
    for (const [round, place] of places.entries())
      for (const records of [1, 1000]) {
        const read = await log.read(place, { records })
        expect(texts(read)).toEqual(expected.slice(3 * round))
        expect(read.next).toEqual(places.at(-1))
      }
    const inside = await log.read(from, { records: 1, pagesMax: 4 })
    expect(texts(await log.read(inside.next))).toEqual(expected.slice(4))
  })

  test('an XA transaction that was prepared in an earlier file, before the server started again, is found there', async () => {
    const server = await startServer(flavour)
    onTestFinished(() => server.dispose())
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
  })
})

describePrivateServers('MysqlLog on a server that takes over', ['mysql', 'mariadb'], (flavour) => {
  test('goes on with exactly the rest, from between transactions and from inside of one', async () => {
    const server = await startServer(flavour)
    onTestFinished(() => server.dispose())
    const other = await startServer(flavour)
    onTestFinished(() => other.dispose())
    const [first, second] = [await session(server), await session(other)]
    const tables = ['CREATE TABLE a (id INT PRIMARY KEY)', 'CREATE TABLE b (id INT PRIMARY KEY)']
    await first.run(...tables)
    const from = await first.place()
    const transactions = [
      ['INSERT INTO a VALUES (1), (2)', 'INSERT INTO b VALUES (3)', 'DELETE FROM a WHERE id = 1'],
      ['INSERT INTO b VALUES (4)'],
      ['INSERT INTO a VALUES (5), (6)', 'UPDATE b SET id = 7 WHERE id = 3'],
    ]
    for (const statements of transactions) await first.run('BEGIN', ...statements, 'COMMIT')
    const whole = await first.read(from)
    expect(whole.changes).toHaveLength(8)
    const gtids = [...new Set(whole.changes.map(({ source }) => source.transaction ?? ''))]
    // What a replica does: the same transactions under the same names, elsewhere in files of its own.
    await second.run('SET sql_log_bin = 0', ...tables, 'SET sql_log_bin = 1')
    await second.run(flavour === 'mysql' ? 'RESET BINARY LOGS AND GTIDS' : 'RESET MASTER')
    await second.run(`SET GLOBAL ${flavour === 'mysql' ? 'gtid_purged' : 'gtid_binlog_state'} = '${from.gtids}'`)
    await second.run('FLUSH BINARY LOGS', 'FLUSH BINARY LOGS')
    for (const [index, statements] of transactions.entries()) {
      const gtid = gtids[index] as string
      const [domain, id, number] = gtid.split('-')
      await second.run(
        ...(flavour === 'mysql'
          ? [`SET gtid_next = '${gtid}'`]
          : [`SET gtid_domain_id = ${domain}, server_id = ${id}, gtid_seq_no = ${number}`]),
        ...['BEGIN', ...statements, 'COMMIT'],
      )
    }
    for (let cut = 0; cut <= 8; cut++) {
      const head = await first.read(from, { records: 1, pagesMax: cut })
      expect(head.changes).toHaveLength(cut)
      const rest = await second.read(head.next, { records: 2 })
      expect(texts(rest)).toEqual(texts(whole).slice(cut))
      expect(rest.next).toMatchObject({ gtids: whole.next.gtids, ...(cut < 8 && { server: second.info.id }) })
      if (cut < 8)
        expect(texts(await second.read((await second.read(head.next, { records: 1, pagesMax: 1 })).next))).toEqual(
          texts(whole).slice(cut + 1),
        )
    }
  })
})

describePrivateServers('MysqlLog of a compressed log', ['mariadb'], (flavour) => {
  test('statements and rows are the same', async () => {
    const server = await startServer(flavour, { options: ['--log-bin-compress', '--log-bin-compress-min-len=10'] })
    onTestFinished(() => server.dispose())
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
  })
})
