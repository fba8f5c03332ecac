import { beforeAll, expect, test } from 'vitest'
import { compareOffsets } from '../../../../src/connectors/mysql/place.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { LogDriver, texts } from './log-driver.ts'

describeServers('MysqlLog', ['mysql', 'mariadb'], (server) => {
  let log: LogDriver

  beforeAll(async () => {
    log = await LogDriver.open(server)
    await log.run(
      'CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(20))',
      'CREATE TABLE b (id INT PRIMARY KEY, v VARCHAR(20))',
      'CREATE TABLE m (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE = MyISAM',
    )
  })

  test('a transaction is cut anywhere, and goes on from there with exactly the rest (M7)', async () => {
    const from = await log.place()
    await log.run(
      'BEGIN',
      "INSERT INTO a VALUES (1, 'x'), (2, 'y')",
      "INSERT INTO b VALUES (1, 'z')",
      "UPDATE a SET v = 'w' WHERE id = 2",
      'UPDATE b SET id = 7',
      'DELETE FROM a WHERE id = 1',
      'COMMIT',
      'DELETE FROM a',
      'DELETE FROM b',
    )
    const whole = await log.read(from)
    expect(texts(whole)).toEqual([
      'c a 1,x',
      'c a 2,y',
      'c b 1,z',
      'u a 2,y > 2,w',
      'u b 1,z > 7,z (1 > 7)',
      'd a 1,x',
      'd a 2,w',
      'd b 7,z',
    ])
    expect(compareOffsets(whole.next, await log.place())).toBe(0)
    for (const records of [1, 2, 3, 1000]) {
      let place = from
      const changes: string[] = []
      for (let cut = 0; cut < 8; cut++) {
        const page = await log.read(place, { records, pagesMax: 1 })
        changes.push(...texts(page))
        place = page.next
        if (page.changes.length === 0) break
        const rest = await log.read(place, { records })
        expect([...changes, ...texts(rest)]).toEqual(texts(whole))
        expect(rest.next).toEqual(whole.next)
      }
      expect(changes).toEqual(texts(whole))
    }
  })
})
