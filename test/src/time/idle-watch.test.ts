import { expect, it } from 'vitest'
import { ManualClock } from '../../../runtime/testing/index.ts'
import { IdleWatch } from '../../../src/time/idle-watch.ts'

it('I2: idle after five looks, which takes between idleAfterMs and a quarter more', () => {
  const clock = new ManualClock()
  const watch = new IdleWatch(1_000, clock)
  const came = watch.looks
  let ms = 0
  while (!(watch.look() && watch.isIdleSince(came))) {
    clock.advance(1)
    ms += 1
  }
  expect(ms).toBe(1_250)
  expect(watch.isIdleSince(watch.looks)).toBe(false)
})

it('I1: a long time without a look is one look', () => {
  const clock = new ManualClock()
  const watch = new IdleWatch(1_000, clock)
  const came = watch.looks
  clock.advance(3_600_000)
  expect([watch.look(), watch.look(), watch.isIdleSince(came)]).toEqual([true, false, false])
  expect(watch.nextInMs).toBe(250)
})
