import Libsql from 'libsql'
import { Decimal, fromArray, job } from 'millrace'
import { sqliteTable } from 'millrace/connectors/sqlite'
import { expect, it } from 'vitest'
import { runJobHere } from '../../../../runtime/testing/index.ts'
import { ForeignDecimal } from '../../../support/exact-values.ts'
import { makeDatabase } from './sqlite-fixture.ts'

const ROWS = [
  { id: 1n, amount: new Decimal('0.10') },
  { id: 2n ** 53n + 1n, amount: new ForeignDecimal('12345678901234567890.123456789') },
  { id: -(2n ** 63n), amount: new Decimal('-1e-30') },
  { id: 2n ** 63n - 1n, amount: new Decimal('1e30') },
]

it('writes exact rows once, through the log of an epoch sink and a crash', async () => {
  const { file } = makeDatabase('CREATE TABLE t (id INTEGER, amount TEXT)')
  const rows = job('rows', (flow) => flow.from('rows', fromArray(ROWS)).to('table', sqliteTable({ file, table: 't' })))
  const result = await runJobHere(rows, { recordsPerCheckpoint: 2, fault: { node: 'table', record: 4 } })
  expect([result.state, result.faultFired]).toEqual(['finished', true])
  const db = new Libsql(file)
  const found = db.prepare('SELECT id, amount FROM t ORDER BY rowid').raw(true).safeIntegers(true).all()
  db.close()
  expect(found).toEqual(ROWS.map(({ id, amount }) => [id, amount.toFixed()]))
})
