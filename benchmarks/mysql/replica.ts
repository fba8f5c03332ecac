// The server's own replication, which we are measured against.

import type { Connection, RowDataPacket } from 'mysql2/promise'
import { connect } from './load.ts'
import type { Server } from './servers.ts'

/** Makes a fresh server a replica of another one, from the beginning of its log; nothing is applied yet. */
export async function attachReplica(replica: Server, source: Server): Promise<Connection> {
  const connection = await connect(replica.url)
  await connection.query(`CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = ${source.port},
    SOURCE_USER = 'millrace', SOURCE_PASSWORD = 'millrace', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`)
  await connection.query('START REPLICA IO_THREAD')
  return connection
}

/** Applies all that the source has, with so many appliers; the log was fetched before. Seconds. */
export async function applyAll(replica: Connection, source: Connection, appliers: number): Promise<number> {
  const executed = await value(source, 'SELECT @@GLOBAL.gtid_executed')
  await fetched(replica, executed)
  await replica.query(`SET GLOBAL replica_parallel_workers = ${appliers}`)
  const started = performance.now()
  await replica.query('START REPLICA SQL_THREAD')
  await replica.query('SELECT WAIT_FOR_EXECUTED_GTID_SET(?)', [executed])
  const seconds = (performance.now() - started) / 1000
  await replica.query('STOP REPLICA SQL_THREAD')
  return seconds
}

/** Waits until the replica has the log. */
async function fetched(replica: Connection, gtids: string): Promise<void> {
  const has = `SELECT GTID_SUBSET(?, CONCAT(RECEIVED_TRANSACTION_SET, ',', @@GLOBAL.gtid_executed))
    FROM performance_schema.replication_connection_status`
  while ((await value(replica, has, [gtids])) !== '1') await new Promise((resolve) => setTimeout(resolve, 100))
}

/** The first column of the first row. */
export async function value(connection: Connection, sql: string, parameters: unknown[] = []): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>({ sql, rowsAsArray: true }, parameters)
  return String((rows[0] as unknown as unknown[])[0])
}
