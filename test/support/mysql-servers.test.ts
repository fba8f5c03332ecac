import { expect, it } from 'vitest'
import { connectTo, describePrivateServers, describeServers, startServer } from './mysql-servers.ts'

describeServers('shared servers', ['mysql', 'mariadb'], (server) => {
  it('gives databases of their own, with a binary log that changes can be captured from', async () => {
    const names = [await server.database(), await server.database()]
    expect(names[0]).not.toBe(names[1])
    const connection = await server.connection(names[0])
    await connection.run('CREATE TABLE t (id int PRIMARY KEY)')
    expect(await connection.query('SELECT database(), count(*) FROM t')).toEqual([[names[0], '0']])
    expect(
      await connection.first('SELECT @@log_bin, @@binlog_format, @@binlog_row_image, @@binlog_row_metadata'),
    ).toEqual(['1', 'ROW', 'FULL', 'FULL'])
  })
})

describePrivateServers('private servers', ['mysql', 'mariadb'], (flavour) => {
  it('keeps what was committed through a kill, and takes other options', async () => {
    const server = await startServer(flavour, { options: ['--max-connections=42'] })
    const maximum = 'SELECT @@max_connections'
    const before = await connectTo(server.url())
    expect(await before.first(maximum)).toEqual(['42'])
    await before.run('CREATE DATABASE kept; CREATE TABLE kept.t (id int PRIMARY KEY); INSERT INTO kept.t VALUES (7)')
    await server.kill()
    await server.start(['--max-connections=43'])
    const after = await connectTo(server.url('kept'))
    expect(await after.query(`${maximum} UNION ALL SELECT id FROM t`)).toEqual([['43'], ['7']])
    after.close()
    await server.stop()
    await expect(connectTo(server.url())).rejects.toThrow('ECONNREFUSED')
  })
})
