import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DirtyList } from '../../../runtime/state/dirty-list.ts'
import type { Timer } from '../../../runtime/state/timer.ts'
import { TimerQueue } from '../../../runtime/state/timer-queue.ts'
import { checkpoint, makeBackend, scratchFolder } from './support.ts'

const scratch = scratchFolder()

function makeQueue(): TimerQueue {
  const none = Buffer.alloc(0)
  return new TimerQueue({
    domain: 'event',
    dirty: new DirtyList<Timer>(),
    touch: () => undefined,
    rowOf: () => none,
    rowsAt: () => none,
  })
}

const command = fc.record({
  op: fc.constantFrom('register', 'register', 'delete', 'take'),
  key: fc.integer({ min: 0, max: 5 }),
  time: fc.integer({ min: -5, max: 20 }),
  limit: fc.integer({ min: 1, max: 4 }),
})

test('a queue gives its timers by time, each once, as a sorted set would', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
      const queue = makeQueue()
      const model = new Set<string>()
      const times = (): number[] => [...model].map((id) => Number(id.split(' ')[0])).sort((a, b) => a - b)
      for (const { op, key, time, limit } of commands) {
        if (op === 'register') {
          queue.register(key, time)
          model.add(`${time} ${key}`)
        } else if (op === 'delete') {
          queue.delete(key, time)
          model.delete(`${time} ${key}`)
        } else {
          const due = times().filter((each) => each <= time)
          const taken = queue.take(time, limit)
          expect(taken.map((timer) => timer.time)).toEqual(due.slice(0, limit))
          for (const timer of taken) expect(model.delete(`${timer.time} ${timer.key}`)).toBe(true)
        }
        expect([queue.size, queue.next()]).toEqual([model.size, times()[0]])
      }
    }),
  )
})

test('many timers of one time are taken in helpings without passing over the taken ones again', () => {
  const queue = makeQueue()
  for (let key = 0; key < 50_000; key++) queue.register(key, 7)
  const seen = new Set<unknown>()
  for (let taken = queue.take(7, 100); taken.length > 0; taken = queue.take(7, 100)) {
    for (const timer of taken) seen.add(timer.key)
    // Set again while the others fire: it belongs to the same time and comes once more.
    if (seen.size === 100) queue.register(taken[0]?.key ?? 0, 7)
  }
  expect([seen.size, queue.size, queue.next()]).toEqual([50_000, 0, undefined])
})

test('a timer that is set again while its deletion is being written can be deleted again', async () => {
  const folder = join(scratch, 'deleted-again')
  mkdirSync(folder)
  const backend = makeBackend(scratch)
  await backend.open([])
  backend.setCurrentKey('key')
  backend.timers.registerEventTimeTimer(1)
  await checkpoint(backend, folder, 'first')
  backend.setCurrentKey('key')
  backend.timers.deleteEventTimeTimer(1)
  expect(backend.nextTimer('event')).toBeUndefined()
  const snapshot = backend.freeze()
  backend.timers.registerEventTimeTimer(1)
  expect(backend.nextTimer('event')).toBe(1)
  backend.timers.deleteEventTimeTimer(1)
  expect(backend.nextTimer('event')).toBeUndefined()
  snapshot.abandon()
  await backend.close()
})
