// Changes through handlers, with restarts on the way.

import { createHmac } from 'node:crypto'
import { ProcessOperator } from '../../../../src/operators/process.ts'
import type { Change, ChangeSource } from '../../../../src/record/change.ts'
import { type HandlerSpec, handlers } from '../../../../src/relay/index.ts'
import { OperatorDriver } from '../../../support/operator-driver.ts'
import { SOURCE, schemaOf } from '../../connectors/cdc/envelopes/changes.ts'

export const SCHEMA = schemaOf(
  ['id'],
  ['id', 'int'],
  ['region', 'varchar(9)'],
  ['amount', 'int'],
  ['card', 'varchar(20)'],
)
/** With a column more, in another order. */
export const WIDER = schemaOf(
  ['id'],
  ['card', 'varchar(20)'],
  ['note', 'text'],
  ['id', 'int'],
  ['region', 'varchar(9)'],
  ['amount', 'int'],
)

export const ENV = 'MILLRACE_TEST_MASK'
process.env[ENV] = 'a secret of many bytes'
export const hashed = (text: unknown): string =>
  createHmac('sha256', 'a secret of many bytes').update(String(text)).digest('hex')

/** All that comes out, with a new function from the state of the one before at each restart. */
export async function handled(
  specs: readonly HandlerSpec[],
  changes: readonly (Change<unknown> | 'restart')[],
): Promise<Change<unknown>[]> {
  const make = handlers<Change<unknown>>(specs, { of: 'changes' })
  const out: Change<unknown>[] = []
  let driver = await new OperatorDriver(new ProcessOperator('handlers', make())).open()
  for (const change of changes) {
    if (change !== 'restart') {
      await driver.push([change])
      continue
    }
    const state = await driver.operator.snapshot?.()
    out.push(...(driver.out.values() as Change<unknown>[]))
    driver = await new OperatorDriver(new ProcessOperator('handlers', make()), { restored: [state] }).open()
  }
  return [...out, ...(driver.out.values() as Change<unknown>[])]
}

export const at = (position: string, snapshot = true): ChangeSource => ({ ...SOURCE, position, snapshot })
export const change = (part: Partial<Change<unknown>>): Change<unknown> => ({
  op: 'c',
  before: null,
  after: null,
  key: [],
  source: SOURCE,
  ...part,
})
