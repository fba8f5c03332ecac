// Transactions larger than what is held (M11). In a file of its own: it counts the memory of its process.

import { expect, test } from 'vitest'
import type { MysqlOffset } from '../../../../src/connectors/mysql/offset.ts'
import { compareOffsets } from '../../../../src/connectors/mysql/place.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { LogDriver, restored } from './log-driver.ts'

const ROWS = 1_000_000
const RSS_MAX = 512 << 20

/** What comes of a log, counted: numbers `id` of table big that came once, in order. */
async function count(log: LogDriver, from: MysqlOffset, pagesMax = Number.POSITIVE_INFINITY) {
  const end = await log.place()
  const reading = log.open(restored(from))
  let [rows, inOrder, rssMax, pages, next] = [0, true, 0, 0, from]
  let last: number | undefined
  while (pages < pagesMax && compareOffsets(next, end) < 0) {
    const page = await reading.read(4096)
    if (page.changes.length > 0) pages += 1
    else if (compareOffsets(page.next as MysqlOffset, end) < 0) await reading.available()
    for (const { after } of page.changes) {
      const id = Number(after?.[0])
      inOrder &&= last === undefined || id === last + 1
      last = id
    }
    rows += page.changes.length
    rssMax = Math.max(rssMax, process.memoryUsage.rss())
    next = page.next as MysqlOffset
  }
  await reading.close()
  return { rows, inOrder, rssMax, next, last }
}

describeServers('MysqlLog with large transactions', ['mysql', 'mariadb'], (server) => {
  test('a million rows in one transaction need bounded memory, wherever it is cut', async () => {
    const log = await LogDriver.open(server)
    await log.run(
      'CREATE TABLE digits (d INT PRIMARY KEY)',
      'INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)',
      'CREATE TABLE big (id INT PRIMARY KEY, v VARCHAR(80))',
    )
    const from = await log.place()
    const six = ['a', 'b', 'c', 'd', 'e', 'f']
    await log.run(
      'BEGIN',
      `INSERT INTO big SELECT ${six.map((name, i) => `${name}.d * ${10 ** (5 - i)}`).join(' + ')} AS id, REPEAT('x', 60)
       FROM ${six.map((name) => `digits ${name}`).join(', ')} ORDER BY id`,
      'SAVEPOINT s',
      'UPDATE big SET v = 1 WHERE id < 10',
      'ROLLBACK TO s',
      'COMMIT',
    )
    const whole = await count(log, from)
    expect(whole).toMatchObject({ rows: ROWS, inOrder: true })
    expect(whole.rssMax).toBeLessThan(RSS_MAX)
    const head = await count(log, from, 100)
    expect(head.next).toMatchObject({ rows: head.rows })
    const rest = await count(log, head.next)
    expect([head.rows + rest.rows, rest.inOrder, rest.last]).toEqual([ROWS, true, ROWS - 1])
  })
})
