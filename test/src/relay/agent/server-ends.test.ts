// Agents between servers: MySQL, Kafka.

import { afterEach, beforeEach, expect, it } from 'vitest'
import { seededRng } from '../../../../src/util/rng.ts'
import { describeBroker } from '../../../support/kafka-servers.ts'
import { difference } from '../../../support/mysql-digest.ts'
import { describeServers } from '../../../support/mysql-servers.ts'
import { createTables, touchAll, Workload } from '../../../support/mysql-workload.ts'
import { RelayAgents, stop } from '../../../support/relay-agents.ts'

let agents: RelayAgents
beforeEach(async () => {
  agents = await RelayAgents.open()
})
afterEach(() => agents.close())

describeServers('MySQL to MySQL', ['mysql'], (server) => {
  it('tables of every kind, columns that change, a receiver that forgets', async () => {
    const [database, copy] = [await server.database('shop'), await server.database('copy')]
    const session = await server.connection(database)
    const address = new URL(server.url())
    const password = { env: 'DB_PASSWORD' }
    const account = {
      host: address.hostname,
      port: Number(address.port),
      user: decodeURIComponent(address.username),
      password,
    }
    const options = { env: { DB_PASSWORD: decodeURIComponent(address.password) }, args: ['--parallelism', '4'] }
    // Lets all through, but has to know columns and keys.
    const handlers = [{ mask: { v: { keepLast: 99 } }, only: ['*.audit'] }]
    await createTables(session, 'mysql', 100)
    const rng = seededRng(7)
    const workload = new Workload({
      url: server.url(database),
      flavour: 'mysql',
      rng,
      truncates: true,
      pauseMs: 0,
      connections: 1,
      transactionsPerDdl: 10,
    })
    await workload.open()
    await workload.run(100)
    await touchAll(session)
    const sender = { end: { mysql: { ...account, tables: [`${database}.*`] } }, handlers }
    const receiver = { end: { mysql: { ...account, tables: { [`${database}.*`]: `${copy}.*` } } }, handlers }
    const same = () =>
      expect.poll(() => difference({ session, database }, { session, database: copy }).catch(String)).toBe('')
    const east = agents.send(sender, options)
    const west = await agents.receive(receiver, options)
    await same()
    west.signal('SIGKILL')
    await west.result
    // Rows alone, of tables whose columns were told before.
    await session.run("INSERT INTO audit (what, v) VALUES ('again', 1)")
    await session.run("INSERT INTO keyless VALUES (1, 'again', 1)")
    const westAgain = await agents.receive(receiver, options)
    await same()
    await workload.run(100)
    await touchAll(session)
    await same()
    for (const bin of [east, westAgain]) expect((await stop(bin)).code).toBe(0)
    workload.close()
  })
})

describeBroker('Kafka to Kafka', (broker) => {
  it('topics that share a stream, values that handlers look into', async () => {
    const prefix = broker.name('west-')
    const topics = [await broker.topic('a', 2), await broker.topic('b')]
    const write = (from: number) =>
      Promise.all(
        topics.map((topic) =>
          broker.produce(
            topic,
            Array.from({ length: 200 }, (_, i) => ({
              partition: topic === topics[0] ? i % 2 : 0,
              key: `${from + i}`,
              value: JSON.stringify({ id: from + i, region: i % 2 === 0 ? 'EU' : 'US', card: '4000123412341234' }),
            })),
          ),
        ),
      )
    const kafka = { brokers: broker.brokers, topics, groupId: prefix, values: 'json', streams: 1 }
    const handlers = [{ filter: { column: 'region', '=': 'EU' } }, { project: { exclude: ['card'] } }]
    const receiver = { end: { kafka: { brokers: broker.brokers, topics: { '*': `${prefix}*` } } } }
    const arrived = async (): Promise<unknown[]> => {
      const read = await Promise.all(topics.map((topic) => broker.readAll(`${prefix}${topic}`).catch(() => [])))
      return read.map((records) => records.map(({ key, value }) => [String(key), String(value)]))
    }
    const expected = (...froms: number[]) => {
      const kept = froms.flatMap((from) => Array.from({ length: 100 }, (_, i) => from + 2 * i))
      const records = kept.map((id) => [`${id}`, `{"id":${id},"region":"EU"}`])
      // Even ones alone are left, and they were in the first partition.
      return [records, records]
    }
    await write(0)
    const east = agents.send({ end: { kafka }, handlers })
    const west = await agents.receive(receiver)
    await expect.poll(arrived).toEqual(expected(0))
    west.signal('SIGKILL')
    await west.result
    await write(1000)
    const again = await agents.receive(receiver)
    await expect.poll(arrived).toEqual(expected(0, 1000))
    for (const bin of [east, again]) expect((await stop(bin)).code).toBe(0)
  })
})
