import { expect, it } from 'vitest'
import { binlogEvents } from '../../../../src/connectors/mysql/binlog-events.ts'
import type { RawRow } from '../../../../src/connectors/mysql/connection.ts'
import { describeServers } from '../../../support/mysql-servers.ts'

/** Answers each query with the next of these; the last one for ever. */
function answering(answers: readonly (RawRow[] | Error)[]) {
  let asked = 0
  return {
    asked: () => asked,
    query(): Promise<RawRow[]> {
      const answer = answers[Math.min(asked++, answers.length - 1)]
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? [])
    },
  }
}

const broken = Object.assign(
  new Error('Error when executing command SHOW BINLOG EVENTS: binlog truncated in the middle of event'),
  { errno: 1220 },
)

it('asks again for the events of a file whose writer is in the middle of one', async () => {
  const rows = [['binlog.000001', '4', 'Format_desc']]
  const connection = answering([broken, broken, rows])
  expect(await binlogEvents(connection, 'binlog.000001', { limit: 10 })).toBe(rows)
  expect(connection.asked()).toBe(3)
})

it('throws what stays', async () => {
  await expect(binlogEvents(answering([broken]), 'binlog.000001', { limit: 10 })).rejects.toBe(broken)
})

it('throws what is no half event at once', async () => {
  const denied = Object.assign(new Error('Access denied'), { errno: 1227 })
  const connection = answering([denied])
  await expect(binlogEvents(connection, 'binlog.000001', { limit: 10 })).rejects.toBe(denied)
  expect(connection.asked()).toBe(1)
})

describeServers('the events of a log', ['mysql', 'mariadb'], (server) => {
  it('come from a place on', async () => {
    const session = await server.connection()
    const file = String((await session.query('SHOW BINARY LOGS'))[0]?.[0])
    const [first, second] = await binlogEvents(session, file, { limit: 2 })
    expect(first?.[2]).toBe('Format_desc')
    const from = Number(second?.[1])
    expect(await binlogEvents(session, file, { from, limit: 1 })).toEqual([second])
  })
})
