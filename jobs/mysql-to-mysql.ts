// Whole databases of one MySQL or MariaDB server into another one: in full, then every change as it comes, ALTER TABLE included.
//
//   npx run-job jobs/mysql-to-mysql.ts --set from=mysql://app@db1 --set to=mysql://app@db2 --set tables=shop.*
//
// --set tables=shop.*,crm.a?,!shop.tmp*  which tables: database.table, * and ? stand for any characters, ! leaves out
// --set into=shop:shop_copy              another database there; *:copy_* renames all; default: databases of the same names
// --set ledger=sync_two                 database there for what the sync notes of itself; a second sync into one server needs another than
//                                        the first; default: the one that --set to names, else millrace
// --set writers=8                        connections that write at once; default 4
// --set discovery=60                     seconds from one look for new tables to the next; default 10
// --set heartbeat=5                      seconds; twice as long without a word from the source, and it is connected anew; default 30
// --parallelism 4                        readers of tables in full
// --batch                                ends when it has caught up; started again, it catches up from there
//
// Passwords: in the environment, as FROM_PASSWORD and TO_PASSWORD, or in the addresses. What the accounts must be allowed to do, and what
// the source's log must hold, is said at the start if it is not so (all of it: connectors/mysql/README.md).
//
// Tables are made there as they are here, without UNIQUE constraints beside the key. One that is dropped here is emptied there. Rows of
// tables with a key show at once; tables without one change with each checkpoint, and neither lose nor repeat a row.

import { job } from 'millrace'
import { KeylessTables, withoutKey } from 'millrace/connectors/cdc'
import { type MysqlValue, mysqlChanges, mysqlTables } from 'millrace/connectors/mysql'
import { checkServers, connectTo } from './mysql-to-mysql/servers.ts'

export default job('mysql-to-mysql', (flow, settings) => {
  const from = connectTo(settings.string('from'), 'FROM_PASSWORD')
  const to = connectTo(settings.string('to'), 'TO_PASSWORD')
  const tables = settings.list('tables')
  const into = settings.list('into', []).map((pair) => pair.split(':') as [string, string])
  const ledger = settings.string('ledger', '')
  const writers = settings.number('writers', 4, { min: 1, max: 64, integer: true })
  const discoveryIntervalMs = settings.number('discovery', 10, { min: 0 }) * 1000
  const heartbeatMs = settings.number('heartbeat', 30, { min: 0.1 }) * 1000
  flow.onStart(() => checkServers({ from, to, tables, into }))

  const target = {
    ...to,
    tables: Object.fromEntries(into.map(([here, there]) => [`${here}.*`, `${there}.*`])),
    schemaChange: 'evolve',
    writers,
    ...(ledger !== '' && { ledger }),
  } as const

  // Rows as arrays, values as the server has them: nothing is lost whatever the schema.
  const changes = flow
    .from(
      'from',
      mysqlChanges<MysqlValue[]>({
        ...from,
        tables,
        rows: 'array',
        schemaChanges: true,
        discoveryIntervalMs,
        heartbeatMs,
      }),
    )
    .process('without-key', () => new KeylessTables<MysqlValue[]>(), { parallelism: 1 })

  changes.to('to', mysqlTables(target), { parallelism: 1 })
  changes
    .side(withoutKey)
    .to('to-without-key', mysqlTables({ ...target, delivery: 'exactly-once' }), { parallelism: 1 })
})
