import { describe, expect, it } from 'vitest'
import { MysqlPort } from '../../../../src/connectors/mysql/mysql-port.ts'
import { type MysqlChangesOptions, parseChangesOptions } from '../../../../src/connectors/mysql/options.ts'
import { systemClock } from '../../../../src/util/clock.ts'
import { connectTo, describePrivateServers, describeServers, startServer } from '../../../support/mysql-servers.ts'

/** Opens the port as the enumerator does and looks for tables, which is all that comes before the first row. */
async function begin(
  options: MysqlChangesOptions,
): Promise<{ readonly tables: readonly string[]; readonly warnings: string[] }> {
  const warnings: string[] = []
  const silent = () => {}
  const port = new MysqlPort(parseChangesOptions(options))
  try {
    await port.open(
      {
        job: 'job',
        node: 'orders',
        subtask: 0,
        parallelism: 1,
        attempt: 0,
        mode: 'stream',
        directory: '/nowhere',
        clock: systemClock,
        metrics: { counter: () => ({ add: silent }), gauge: () => ({ set: silent }) },
        logger: { debug: silent, info: silent, warn: (message) => warnings.push(message), error: silent },
      },
      'enumerator',
    )
    return { tables: await port.discoverTables(), warnings }
  } finally {
    await port.close()
  }
}

const WRONG: readonly (readonly [set: string, back: string, message: RegExp, only?: 'mysql'])[] = [
  [
    "binlog_format = 'STATEMENT'",
    "binlog_format = 'ROW'",
    /binlog_format is STATEMENT, not ROW.*SET (PERSIST|GLOBAL) binlog_format = 'ROW'/,
  ],
  [
    "binlog_row_image = 'MINIMAL'",
    "binlog_row_image = 'FULL'",
    /binlog_row_image is MINIMAL, not FULL.*binlog_row_image = 'FULL'/,
  ],
  [
    "binlog_row_metadata = 'MINIMAL'",
    "binlog_row_metadata = 'FULL'",
    /binlog_row_metadata is MINIMAL, not FULL.*binlog_row_metadata = 'FULL'/,
  ],
  [
    'binlog_transaction_compression = ON',
    'binlog_transaction_compression = OFF',
    /binlog_transaction_compression is ON, not OFF.*= OFF/,
    'mysql',
  ],
  [
    "binlog_row_value_options = 'PARTIAL_JSON'",
    "binlog_row_value_options = ''",
    /binlog_row_value_options is PARTIAL_JSON, not ''.*= ''/,
    'mysql',
  ],
]

describePrivateServers('mysqlChanges before the first row', ['mysql', 'mariadb'], (flavour) => {
  it('refuses a server that is set up wrongly, naming each variable and the statement that mends it', async () => {
    const server = await startServer(flavour, { durability: 'relaxed' })
    const connection = await connectTo(server.url())
    await connection.run('CREATE DATABASE shop; CREATE TABLE shop.t (id int PRIMARY KEY)')
    for (const [set, back, message, only] of WRONG.filter(([, , , only]) => only === undefined || only === flavour)) {
      await connection.run(`SET GLOBAL ${set}`)
      const failed = expect(begin({ url: server.url(), tables: ['shop.*'] }), `${only ?? 'both'}: ${set}`).rejects
      await failed.toMatchObject({ code: 'SOURCE_SETTING', message: expect.stringMatching(message) })
      await connection.run(`SET GLOBAL ${back}`)
    }
    await connection.run('SET GLOBAL binlog_checksum = NONE; SET GLOBAL binlog_expire_logs_seconds = 3600')
    const { tables, warnings } = await begin({ url: server.url(), tables: ['shop.*'] })
    expect(tables).toEqual(['shop.t'])
    expect(warnings.join('\n')).toMatch(/binlog_checksum is NONE/)
    expect(warnings.join('\n')).toMatch(/kept for 3600 s only/)
    connection.close()
    await server.dispose()
  })

  it('refuses a server without a log', async () => {
    const server = await startServer(flavour, { durability: 'relaxed', options: ['--skip-log-bin'] })
    const refused = begin({ url: server.url(), tables: ['shop.*'] })
    await expect(refused).rejects.toMatchObject({
      code: 'SOURCE_SETTING',
      message: expect.stringMatching(/log_bin is OFF/),
    })
    await server.dispose()
  })
})

describeServers('mysqlChanges before the first row', ['mysql', 'mariadb'], (server) => {
  const account = async (grants: readonly string[]): Promise<{ user: string; password: string }> => {
    const connection = await server.connection()
    const user = `u${Math.floor(performance.now() * 1000)}`
    await connection.run(`CREATE USER '${user}'@'%' IDENTIFIED BY 's3cret-word'`)
    for (const grant of grants) await connection.run(`GRANT ${grant} TO '${user}'@'%'`)
    return { user, password: 's3cret-word' }
  }
  const at = (): { host: string; port: number } => {
    const { hostname, port } = new URL(server.url())
    return { host: hostname, port: Number(port) }
  }

  it.each([
    [
      'the right to ask where the log is',
      ['REPLICATION SLAVE ON *.*', 'SELECT ON *.*'],
      /REPLICATION CLIENT|BINLOG MONITOR/,
    ],
    ['the right to read the log', ['REPLICATION CLIENT ON *.*', 'SELECT ON *.*'], /REPLICATION (SLAVE|REPLICA)/],
    [
      'the right to read a table',
      ['REPLICATION SLAVE ON *.*', 'REPLICATION CLIENT ON *.*', 'INSERT ON *.*'],
      /SELECT command denied/,
    ],
  ])('refuses an account without %s, and never says its password', async (_, grants, message) => {
    const connection = await server.connection()
    const database = await server.database('preflight')
    await connection.run(`CREATE TABLE ${database}.t (id int PRIMARY KEY)`)
    const { user, password } = await account(grants)
    const refused = begin({ ...at(), user, password, tables: [`${database}.*`] })
    await expect(refused).rejects.toMatchObject({ code: 'SOURCE_SETTING', message: expect.stringMatching(message) })
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(password) })
    const wrong = begin({ ...at(), user, password: 'not-s3cret', tables: [`${database}.*`] })
    await expect(wrong).rejects.toMatchObject({ code: 'SOURCE_SETTING', message: expect.stringMatching(/1045/) })
    await connection.run(`DROP USER '${user}'@'%'`)
  })

  it('refuses tables that cannot be told, by name, and leaves alone what is no table', async () => {
    const connection = await server.connection()
    const database = await server.database('preflight')
    await connection.run(
      `CREATE TABLE ${database}.good (id int PRIMARY KEY); CREATE VIEW ${database}.seen AS SELECT * FROM ${database}.good`,
    )
    await connection.run(
      `CREATE TABLE ${database}._good_gho (id int PRIMARY KEY); CREATE TABLE ${database}._millrace_epochs (id int PRIMARY KEY)`,
    )
    const { tables } = await begin({ url: server.url(database) })
    expect(tables).toEqual([`${database}.good`])
    expect((await begin({ url: server.url(database), tables: ['good', '_good_gho'] })).tables).toHaveLength(2)
    await connection.run(`CREATE TABLE ${database}.old (id int PRIMARY KEY) ENGINE = MyISAM`)
    await expect(begin({ url: server.url(database) })).rejects.toMatchObject({
      code: 'SOURCE_SETTING',
      message: expect.stringMatching(/old has engine MyISAM.*ALTER TABLE .* ENGINE = InnoDB/),
    })
  })

  it('refuses tables that keep the past of their rows, whatever it begins with', async () => {
    if (server.flavour === 'mysql') return
    const connection = await server.connection()
    const database = await server.database('preflight')
    await connection.run(`CREATE TABLE ${database}.past (id int PRIMARY KEY) WITH SYSTEM VERSIONING`)
    for (const startup of ['initial', 'latest'] as const)
      await expect(begin({ url: server.url(database), startup })).rejects.toMatchObject({
        code: 'SOURCE_SETTING',
        message: expect.stringMatching(/past is system-versioned.*DROP SYSTEM VERSIONING.*!.*past/),
      })
  })
})

describe('options of mysqlChanges', () => {
  const parse = (options: object) => () =>
    parseChangesOptions({ url: 'mysql://me@db/shop', ...options } as MysqlChangesOptions)
  it.each([
    [{ tabels: [] }, 'tabels', /did you mean tables\?/],
    [{ startup: 'now' }, 'startup', /expected 'initial'/],
    [{ chunkSize: 0 }, 'chunkSize', />=1|at least/i],
    [{ serverId: '9-5' }, 'serverId', /range/],
    [{ serverId: 0 }, 'serverId', />=1/],
    [{ tables: [''] }, 'tables[0]', /expected the name of a table/],
    [{ url: undefined, host: 'db', user: 'me', tables: ['orders'] }, 'tables[0]', /names no database/],
    [{ rowsPerSecond: -1 }, 'rowsPerSecond', />0/],
  ])('%j is refused', (options, path, message) => {
    expect(parse(options)).toThrow(
      expect.objectContaining({
        code: 'CONNECTOR_OPTION',
        details: expect.objectContaining({ path }),
        message: expect.stringMatching(message),
      }),
    )
  })

  it('names without a database are in the one of the connection', () => {
    expect(parse({})().tables).toEqual(['shop.*'])
    expect(parse({ tables: ['orders', '!old_*', 'other.`a.b`'] })().tables).toEqual([
      'shop.orders',
      '!shop.old_*',
      'other.`a.b`',
    ])
  })
})
