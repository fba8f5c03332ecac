// Tables of a MySQL or MariaDB server through Kafka into another server and into files: the source is read once, and each target follows
// at its own pace. One command starts all; each job is a process of its own, and comes back alone.
//
//   npx run-job jobs/kafka-sync.ts --set from=mysql://app@db1 --set tables=shop.*,crm.* --set brokers=kafka:9092 \
//     --set to=mysql://app@db2 --set files=/data/changes
//
//   kafka-sync-incremental    every change of the tables, to topics PREFIX.DATABASE.TABLE
//   kafka-sync-full           each table in full, as of one place in the log, to PREFIX.full.DATABASE.TABLE; ends
//   kafka-sync-apply-mysql    into the other server: a table's full topic, then its changes since
//   kafka-sync-apply-files    as above, into files of one JSON value a line, each change as it is
//
// --job kafka-sync-incremental     only this one; repeat it for more, as for a sync without one of the targets
// --set tables=shop.*,!shop.tmp*   which tables: database.table, * and ? stand for any characters, ! leaves out. Each pattern is read in
//                                  full by itself, beside the others
// --set prefix=shop                what the topics begin with; default sync
// --set replication=3              of topics that are made; default: the brokers'
// --set into=shop:shop_copy        another database there; *:copy_* renames all; default: databases of the same names
// --set writers=8                  connections that write at once; default 4
// --checkpoint-interval 1s         how soon changes show; default 2s
// --batch                          each ends when it has caught up with what it reads; started again, it catches up from there
//
// A target as of a point in time, and on from there, while the others go on (name them with --job instead of starting all):
//
//   npx run-job jobs/kafka-sync.ts --job kafka-sync-apply-mysql --fresh --set empty --set until=2026-07-01T12:00:00Z …
//   npx run-job jobs/kafka-sync.ts --job kafka-sync-apply-mysql …
//
// --set empty     tables are emptied before their first row: for a target that has rows already
// --set until=…   ends behind what was committed at or before that time, and has come to Kafka; not before the tables were read in full
//
// Passwords: in the environment, as FROM_PASSWORD and TO_PASSWORD, or in the addresses.

import { KeylessTables, withoutKey } from 'millrace/connectors/cdc'
import { filesSink } from 'millrace/connectors/files'
import { type MysqlValue, mysqlChanges, mysqlTables } from 'millrace/connectors/mysql'
import { syncThroughKafka } from 'millrace/sync'
import { changeLine } from './kafka-sync/change-line.ts'
import { checkServers, connectTo } from './mysql-to-mysql/servers.ts'

export default syncThroughKafka<MysqlValue[], 'mysql' | 'files'>(
  'kafka-sync',
  { targets: ['mysql', 'files'] },
  (settings) => {
    const from = connectTo(settings.string('from'), 'FROM_PASSWORD')
    const to = connectTo(settings.string('to', ''), 'TO_PASSWORD')
    const tables = settings.list('tables')
    const into = settings.list('into', []).map((pair) => pair.split(':') as [string, string])
    const writers = settings.number('writers', 4, { min: 1, max: 64, integer: true })
    const directory = settings.string('files', '')
    const replication = settings.number('replication', 0, { min: 0, integer: true })
    const target = {
      ...to,
      tables: Object.fromEntries(into.map(([here, there]) => [`${here}.*`, `${there}.*`])),
      schemaChange: 'evolve',
      writers,
    } as const

    return {
      // Rows as arrays, values as the server has them: nothing is lost whatever the schema.
      source: (options) => mysqlChanges<MysqlValue[]>({ ...from, ...options, rows: 'array' }),
      tables,
      kafka: { brokers: settings.list('brokers') },
      topics: { prefix: settings.string('prefix', 'sync'), ...(replication > 0 && { replication }) },
      onStart: () => (to.url === '' ? undefined : checkServers({ from, to, tables, into })),
      targets: {
        mysql: (changes) => {
          const rows = changes.process('without-key', () => new KeylessTables<MysqlValue[]>(), { parallelism: 1 })
          rows.to('to', mysqlTables(target), { parallelism: 1 })
          rows
            .side(withoutKey)
            .to('to-without-key', mysqlTables({ ...target, delivery: 'exactly-once' }), { parallelism: 1 })
        },
        files: (changes) =>
          changes.map('line', changeLine).to('to', filesSink({ directory, format: 'ndjson' }), { parallelism: 1 }),
      },
    }
  },
)
