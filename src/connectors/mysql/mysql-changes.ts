import type { SourceFunction } from '../../contract/source-function.ts'
import type { Change } from '../../record/change.ts'
import { ChangeSource, type ChangeSplit } from '../cdc/index.ts'
import { MysqlPort } from './mysql-port.ts'
import { type MysqlChangesOptions, parseChangesOptions } from './options.ts'

/**
 * Tables of a MySQL or MariaDB server in full, then every change of them, from its binary log. Nothing is written to the server.
 * Throws CONNECTOR_OPTION.
 */
export function mysqlChanges<Row = Record<string, unknown>>(
  options: MysqlChangesOptions,
): SourceFunction<Change<Row>, ChangeSplit> {
  const settings = parseChangesOptions(options)
  const { startup, discoveryIntervalMs, schemaChanges } = settings
  return new ChangeSource<Row>(
    () => new MysqlPort<Row>(settings),
    { startup, discoveryIntervalMs, schemaChanges },
    startup === 'snapshot' ? 'bounded' : 'unbounded',
  )
}
