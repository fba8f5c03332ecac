import { expect, it } from 'vitest'
import { tablePattern } from '../../../src/connectors/cdc/index.ts'
import { partsOf } from '../../../src/sync/sync-through-kafka.ts'

it.each([
  [[]],
  [['*']],
  [['shop.*', 'crm.a?', '!shop.tmp*']],
  [['shop.orders', 'shop.*', 'sh*.o*', '!*.x']],
  [['!shop.tmp']],
])('each table of %j is of one part', (tables) => {
  const parts = partsOf(tables).map((part) => tablePattern(part, 'test'))
  const isMeant = tablePattern(tables, 'test')
  for (const table of ['shop.orders', 'shop.tmp1', 'shop.x', 'crm.ab', 'crm.abc', 'sh.o', 'other'])
    expect(parts.filter((part) => part(table)).length).toBe(isMeant(table) ? 1 : 0)
})
