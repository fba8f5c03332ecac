// The timers of one key against a plain sorted set.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OneKeyTimers } from '../../../runtime/state/one-key-timers.ts'
import { MAX_WATERMARK } from '../../../src/record/element.ts'

const commands = fc.array(
  fc.record({
    what: fc.constantFrom('set', 'set', 'delete', 'take', 'clear'),
    domain: fc.constantFrom('event', 'processing'),
    time: fc.integer({ min: -20, max: 20 }),
  }),
  { maxLength: 300 },
)

test('timers come out once each, the earliest first, unless they were deleted', () => {
  fc.assert(
    fc.property(commands, (script) => {
      const timers = new OneKeyTimers(() => 7)
      timers.watermark = MAX_WATERMARK
      const model = { event: new Set<number>(), processing: new Set<number>() }
      for (const { what, domain, time } of script) {
        const event = domain === 'event'
        if (what === 'set') {
          if (event) timers.registerEventTimeTimer(time)
          else timers.registerProcessingTimeTimer(time)
          model[domain].add(time)
        } else if (what === 'delete') {
          if (event) timers.deleteEventTimeTimer(time)
          else timers.deleteProcessingTimeTimer(time)
          model[domain].delete(time)
        } else if (what === 'take') {
          const earliest = [...model[domain]].sort((a, b) => a - b)[0]
          expect(event ? timers.takeDue() : timers.takeProcessing()).toBe(earliest)
          if (earliest !== undefined) model[domain].delete(earliest)
        } else {
          timers.clear()
          model.event.clear()
          model.processing.clear()
        }
        expect(timers.size).toBe(model.event.size + model.processing.size)
      }
    }),
    { numRuns: 500 },
  )
})

test('timers that are set and deleted over and over leave nothing behind', () => {
  const timers = new OneKeyTimers(() => 7)
  for (let time = 10_000; time > 0; time -= 1) {
    timers.registerEventTimeTimer(time)
    if (time % 1000 !== 0) timers.deleteEventTimeTimer(time)
  }
  timers.watermark = MAX_WATERMARK
  const taken = Array.from({ length: 11 }, () => timers.takeDue())
  expect(taken).toEqual([...Array.from({ length: 10 }, (_, i) => (i + 1) * 1000), undefined])
})

test('of event time those come out that are due', () => {
  const timers = new OneKeyTimers(() => 7)
  for (const time of [30, 10, 20]) timers.registerEventTimeTimer(time)
  expect([timers.currentWatermark(), timers.currentProcessingTime(), timers.due]).toEqual([-Infinity, 7, false])
  timers.watermark = 20
  expect([timers.currentWatermark(), timers.due]).toEqual([20, true])
  expect([timers.takeDue(), timers.takeDue(), timers.takeDue(), timers.due]).toEqual([10, 20, undefined, false])
  expect(timers.size).toBe(1)
})
