import { KeylessTables, withoutKey } from '../../../connectors/cdc/keyless-tables.ts'
import {
  type MysqlChangesOptions,
  type MysqlTablesOptions,
  type MysqlValue,
  mysqlChanges,
  mysqlTables,
} from '../../../connectors/mysql/index.ts'
import type { Change } from '../../../record/change.ts'
import { RememberedTables } from '../../changes/remembered-tables.ts'
import type { AgentEnd } from '../agent-end.ts'
import { withFixed } from '../fixed-options.ts'
import { withPassword } from '../secrets.ts'

type Row = MysqlValue[]

const ONE = { parallelism: 1 } as const

/**
 * Tables of one server into another one: options of `mysqlChanges` but those of how rows look, and of `mysqlTables`. Rows come as arrays, values
 * as the server has them: nothing is lost whatever the schema. Tables without a key change with each checkpoint.
 */
export const mysqlEnd: AgentEnd<Change<Row>> = {
  handledAs: () => 'changes',
  read: (flow, options) => {
    const given = withFixed(withPassword(options), { rows: 'array', schemaChanges: true } as const)
    return flow.from('from', mysqlChanges<Row>(given as MysqlChangesOptions))
  },
  arrive: (stream) => stream.process('tables', () => new RememberedTables<Row>(), ONE),
  write: (stream, options) => {
    const target: MysqlTablesOptions = { schemaChange: 'evolve', ...(withPassword(options) as MysqlTablesOptions) }
    const changes = stream.process('without-key', () => new KeylessTables<Row>(), ONE)
    changes.to('to', mysqlTables(target), ONE)
    changes.side(withoutKey).to('to-without-key', mysqlTables({ ...target, delivery: 'exactly-once' }), ONE)
  },
}
