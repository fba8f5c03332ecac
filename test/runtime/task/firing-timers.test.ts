import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openKeyedBackend } from '../../../runtime/state/open-keyed-backend.ts'
import { FiringTimers } from '../../../runtime/task/firing-timers.ts'
import { MAX_WATERMARK } from '../../../src/record/element.ts'
import { freshDirectory } from '../worker/hosted-job.ts'

async function timersOver(now = () => 0) {
  const backend = openKeyedBackend({
    node: 'n',
    subtask: 0,
    keyGroups: 128,
    range: { start: 0, end: 128 },
    workFolder: join(freshDirectory(), 'work'),
    cacheBytes: Number.POSITIVE_INFINITY,
    now,
  })
  await backend.open([])
  const timers = new FiringTimers(backend, 'timers')
  const fired: [unknown, number][] = []
  const fire = async (upTo: number, then?: (key: unknown, timestamp: number) => void): Promise<void> => {
    backend.advanceWatermark(upTo)
    await timers.fireDue('event', upTo, {
      fire: ({ key, timestamp }) => {
        fired.push([key, timestamp])
        then?.(key, timestamp)
      },
      flush: () => undefined,
      breathe: () => undefined,
    })
  }
  return { backend, timers, fired, fire }
}

it('fires due timers by time, once, with their key current', async () => {
  const { backend, timers, fired, fire } = await timersOver()
  timers.setCurrentKey('a')
  for (const at of [30, 10, 10]) timers.registerEventTimeTimer(at)
  timers.setCurrentKey('b')
  timers.registerEventTimeTimer(20)
  await fire(25)
  expect(fired).toEqual([
    ['a', 10],
    ['b', 20],
  ])
  await fire(100)
  expect(fired.slice(2)).toEqual([['a', 30]])
  await backend.close()
})

it('I1: does not fire a timer that an earlier one of the same lot deleted', async () => {
  const { backend, timers, fired, fire } = await timersOver()
  timers.setCurrentKey('a')
  timers.registerEventTimeTimer(1)
  timers.registerEventTimeTimer(2)
  await fire(10, () => timers.deleteEventTimeTimer(2))
  expect(fired).toEqual([['a', 1]])
  await backend.close()
})

it('I2: leaves a timer set for a time already reached to the next watermark', async () => {
  const { backend, timers, fired, fire } = await timersOver()
  timers.setCurrentKey('a')
  timers.registerEventTimeTimer(1)
  await fire(10, (_, timestamp) => timers.registerEventTimeTimer(timestamp + 1))
  expect(fired).toEqual([['a', 1]])
  await fire(11)
  expect(fired).toEqual([
    ['a', 1],
    ['a', 2],
  ])
  await backend.close()
})

it('I2: fires what timers set at the end of event time, and refuses a chain of them without end', async () => {
  const { backend, timers, fired, fire } = await timersOver()
  timers.setCurrentKey('a')
  timers.registerEventTimeTimer(1)
  await fire(MAX_WATERMARK, (_, timestamp) => {
    if (timestamp < 4) timers.registerEventTimeTimer(timestamp + 1)
  })
  expect(fired.map(([, timestamp]) => timestamp)).toEqual([1, 2, 3, 4])
  timers.registerEventTimeTimer(1)
  const chain = fire(MAX_WATERMARK, (_, timestamp) => timers.registerEventTimeTimer(timestamp + 1))
  await expect(chain).rejects.toThrow('more than a million times')
  await backend.close()
})

it('I3: a timer of the lot that is set again before its turn fires once', async () => {
  const { backend, timers, fired, fire } = await timersOver()
  timers.setCurrentKey('a')
  timers.registerEventTimeTimer(1)
  timers.registerEventTimeTimer(2)
  await fire(10, (_, timestamp) => {
    if (timestamp === 1) timers.registerEventTimeTimer(2)
  })
  await fire(20)
  expect(fired).toEqual([
    ['a', 1],
    ['a', 2],
  ])
  await backend.close()
})

it('I3: a due timer set again before its turn fires once, whatever lot it is in', async () => {
  const { backend, timers, fired, fire } = await timersOver()
  for (let key = 0; key < 600; key++) {
    timers.setCurrentKey(key)
    timers.registerEventTimeTimer(1)
  }
  await fire(10, (key) => {
    if (key === 0) for (const later of [1, 599]) set(later)
  })
  await fire(20)
  expect(fired.length).toBe(600)
  await backend.close()

  function set(key: number): void {
    timers.setCurrentKey(key)
    timers.registerEventTimeTimer(1)
  }
})
