import { days, hours, milliseconds, minutes, seconds } from 'millrace'
import { expect, it } from 'vitest'

it('says durations in milliseconds', () => {
  expect([milliseconds(5), seconds(1.5), minutes(2), hours(1), days(1)]).toEqual([
    5, 1_500, 120_000, 3_600_000, 86_400_000,
  ])
})
