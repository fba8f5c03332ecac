import { expect, test } from 'vitest'
import { PersistedFilter } from '../../../runtime/state/persisted-filter.ts'

test('no key that was added is ever denied, and hardly another is claimed, over several sizes', () => {
  const filter = new PersistedFilter()
  expect([filter.none, filter.mayHave('k1')]).toEqual([true, false])
  const count = 100_000
  for (let round = 0; round < 2; round++) for (let i = 0; i < count; i++) filter.add(`k${i}`)
  let claimed = 0
  for (let i = 0; i < count; i++) {
    expect(filter.mayHave(`k${i}`)).toBe(true)
    if (filter.mayHave(`other${i}`)) claimed += 1
  }
  expect(claimed / count).toBeLessThan(0.02)
})

test('while a database is unknown it may hold any key; what was added meanwhile is held afterwards', () => {
  const filter = new PersistedFilter()
  filter.unknown()
  expect([filter.none, filter.mayHave(1)]).toEqual([false, true])
  filter.add(2)
  filter.known()
  expect([filter.none, filter.mayHave(1), filter.mayHave(2)]).toEqual([false, false, true])
})
