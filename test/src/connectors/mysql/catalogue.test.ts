import { expect, it } from 'vitest'
import { Catalogue } from '../../../../src/connectors/mysql/catalogue.ts'
import { splitTableName, tableName } from '../../../../src/connectors/mysql/column.ts'
import { quoteName } from '../../../../src/connectors/mysql/connection.ts'
import { serverInfo } from '../../../../src/connectors/mysql/server.ts'
import { describeServers, type TestServer } from '../../../support/mysql-servers.ts'

async function catalogueOf(server: TestServer) {
  const database = await server.database('catalogue')
  const connection = await server.connection(database)
  const catalogue = new Catalogue(connection, await serverInfo(connection))
  await catalogue.prepare()
  return { database, connection, catalogue }
}

describeServers('the catalogue', ['mysql', 'mariadb'], (server) => {
  it('tells columns: labels of any characters, charsets, what is generated or invisible, keys by prefix', async () => {
    const { database, connection, catalogue } = await catalogueOf(server)
    await connection.run(`CREATE TABLE t (
      name varchar(50) CHARACTER SET latin1 NOT NULL,
      e enum('a','it''s','x,y','back\\\\slash','li\\nne','(unsigned','') CHARACTER SET utf8mb4,
      s set('p','q"r'),
      n bigint unsigned, d decimal(20,5), b bit(13), ts timestamp(3) NULL, g int AS (n + 1), hidden int INVISIBLE DEFAULT 3,
      p point, PRIMARY KEY (name(10), n))`)
    const table = await catalogue.table(database, 't')
    const column = (name: string) => table?.columns.find((one) => one.name === name)
    expect(column('e')?.labels).toEqual(['a', "it's", 'x,y', 'back\\slash', 'li\nne', '(unsigned', ''])
    expect(column('e')?.unsigned).toBe(false)
    expect(column('s')?.labels).toEqual(['p', 'q"r'])
    expect(column('name')).toMatchObject({ kind: 'varchar', charset: 'latin1', length: 50, nullable: false })
    expect(column('n')).toMatchObject({ kind: 'bigint', unsigned: true, generated: false })
    expect(column('d')).toMatchObject({ precision: 20, scale: 5 })
    expect(column('b')).toMatchObject({ kind: 'bit', precision: 13 })
    expect(column('ts')).toMatchObject({ scale: 3 })
    expect(column('g')).toMatchObject({ generated: true })
    expect(column('hidden')).toMatchObject({ invisible: true })
    expect(column('p')).toMatchObject({ kind: 'geometry' })
    expect(table?.key).toEqual(['name', 'n'])
  })

  it.each([
    'plain',
    'with space',
    'qu"ote',
    "apo'strophe",
    'back`tick',
    'do.t',
    '__proto__',
    'x; DROP TABLE plain',
    'größe',
  ])('finds table %j by its name, and nothing by a name that is none', async (name) => {
    const { database, connection, catalogue } = await catalogueOf(server)
    await connection.run(`CREATE TABLE ${quoteName(name)} (id int PRIMARY KEY)`)
    const title = tableName(database, name)
    expect(splitTableName(title)).toEqual({ database, table: name })
    expect((await catalogue.tables((one) => one === title)).map((one) => one.name)).toEqual([name])
    expect((await catalogue.table(database, name))?.key).toEqual(['id'])
    expect(await catalogue.definition(database, name)).toMatch(/^CREATE TABLE/)
    expect(await catalogue.table(database, `${name}?`)).toBeUndefined()
    expect(await catalogue.definition(database, `${name}?`)).toBeUndefined()
  })

  it('knows which columns tell rows apart', async () => {
    const { database, connection, catalogue } = await catalogueOf(server)
    await connection.run(
      'CREATE TABLE t (a int NOT NULL, b int NOT NULL, c int UNIQUE, d int NOT NULL, UNIQUE (a, b), KEY (d))',
    )
    const isUnique = (...columns: string[]) => catalogue.isUnique(database, 't', columns)
    expect(await Promise.all([isUnique('a', 'b'), isUnique('a', 'b', 'd')])).toEqual([true, true])
    expect(await Promise.all([isUnique('a'), isUnique('c'), isUnique('d')])).toEqual([false, false, false])
  })
})
