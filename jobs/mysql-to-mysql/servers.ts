// The two servers of a sync: how to connect, and that they are not one and the same.

import type { MysqlConnectionOptions } from 'millrace/connectors/mysql'
import mysql from 'mysql2/promise'

/** An address, with the password from the environment if it holds none. */
export function connectTo(url: string, passwordEnv: string): MysqlConnectionOptions {
  const hasPassword = URL.canParse(url) && new URL(url).password !== ''
  return hasPassword || process.env[passwordEnv] === undefined ? { url } : { url, passwordEnv }
}

/** What a sync reads and writes. `into`: pairs of databases, here and there. */
export interface Sync {
  readonly from: MysqlConnectionOptions
  readonly to: MysqlConnectionOptions
  readonly tables: readonly string[]
  readonly into: readonly (readonly [string, string])[]
}

/** Refuses what would write into the tables that it reads. */
export async function checkServers({ from, to, tables, into }: Sync): Promise<void> {
  for (const [here, there] of into)
    if (!here || !there) throw new Error(`--set into=${here}: expected pairs as in shop:shop_copy`)
  if ((await identity(from)) !== (await identity(to))) return
  const one = new URL(String(to.url)).pathname.slice(1)
  const targets = new Set([...into.map(([, there]) => there), ...(one === '' ? [] : [decodeURIComponent(one)])])
  const renamed = new Set(into.map(([here]) => here))
  for (const database of tables
    .filter((pattern) => !pattern.startsWith('!'))
    .map((pattern) => pattern.split('.')[0] ?? '')) {
    const known = !/[*?]/.test(database) && !targets.has(database) && (one !== '' || renamed.has(database))
    if (!known)
      throw new Error(
        `--set from and --set to are one server: name each database, and another one for its copy, as in --set tables=shop.* --set into=shop:shop_copy; ${database}.… would be written into itself`,
      )
  }
}

/** Differs between any two servers, and is the same whatever name or port one is reached by. Waits a while for one that is away. */
async function identity(server: MysqlConnectionOptions): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(server, 'SELECT @@hostname, @@port, @@datadir, @@server_id')
    } catch (error) {
      const isAway = /^(E[A-Z]+|PROTOCOL_CONNECTION_LOST)$/.test(String((error as { code?: string }).code))
      if (!isAway || attempt === 30) throw error
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
  }
}

async function ask({ url, passwordEnv }: MysqlConnectionOptions, sql: string): Promise<string> {
  const password = passwordEnv === undefined ? {} : { password: process.env[passwordEnv] ?? '' }
  const uri = String(url).replace(/^mariadb:/, 'mysql:')
  const connection = await mysql.createConnection({ uri, ...password, connectTimeout: 5000 })
  try {
    const [rows] = await connection.query(sql)
    return JSON.stringify(rows)
  } finally {
    connection.destroy()
  }
}
