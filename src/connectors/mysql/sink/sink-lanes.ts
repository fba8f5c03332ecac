// What the sinks of this connector are made of: lanes, a connection for tables, what to do with a row that is refused.

import type { RuntimeContext } from '../../../contract/runtime-context.ts'
import { MillraceError } from '../../../errors.ts'
import { Backoff } from '../../sql/backoff.ts'
import { Lane } from '../../sql/lane.ts'
import type { RowRefused } from '../../sql/write-work.ts'
import { ControlConnection } from './control-connection.ts'
import { mysqlDialect } from './mysql-dialect.ts'
import type { SinkSettings } from './options.ts'
import { makeDeadLetters, makeOrigin } from './own-tables.ts'
import { explainError } from './server-error.ts'
import type { TargetTable } from './target-table.ts'

export interface SinkParts {
  readonly lanes: readonly Lane<TargetTable>[]
  readonly control: ControlConnection
}

/** Connects nothing yet. */
export function sinkParts(settings: SinkSettings, lanes: number, context: RuntimeContext): SinkParts {
  const { node, clock, logger, metrics } = context
  const { connection, ledger, origin } = settings
  const dialect = mysqlDialect({ settings: connection, ledger, origin, node })
  const backoff = new Backoff(clock, Math.random, settings.retryMs)
  const retries = metrics.counter('sinkRetries')
  const passing = (reason: string): void => {
    retries.add()
    logger.warn('the target did not take it, trying again', { reason })
  }
  const refused = rowRefused(settings, context)
  return {
    lanes: Array.from({ length: lanes }, () => new Lane({ node, dialect, backoff, refused, passing })),
    control: new ControlConnection({ settings: settings.connection, node, backoff, passing }),
  }
}

/** Makes the tables of dead letters and of the origin, where they are wanted. */
export async function openOwnTables(settings: SinkSettings, control: ControlConnection): Promise<void> {
  const { onRowError, ledger, origin } = settings
  if (onRowError === 'dead-letter') await control.run((connection) => makeDeadLetters(connection, ledger))
  if (origin !== undefined) await control.run((connection) => makeOrigin(connection, ledger, origin))
}

function rowRefused({ onRowError }: SinkSettings, context: RuntimeContext): RowRefused<TargetTable> {
  const letters = context.metrics.counter('deadLetters')
  return async (session, { table, op, values, error }) => {
    const reason = explainError(error)
    if (onRowError === 'fail') {
      const row = `${op === 'write' ? 'it does not take' : 'it does not let go'} the row with ${table.keyText(values)}: ${reason}`
      const advice = `change the column, or set onRowError: 'dead-letter'`
      throw new MillraceError('SCHEMA_MISMATCH', { table: table.name, reason: `${row}. To go on: ${advice}` }, error)
    }
    letters.add()
    context.logger.warn('a row was refused and kept in millrace_dead_letters', { table: table.name, reason })
    await session.keep({ table: table.name, op, values, reason })
  }
}
