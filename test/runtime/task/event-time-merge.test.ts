import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EventTimeMerge } from '../../../runtime/task/event-time-merge.ts'
import { MAX_WATERMARK, type StreamStatus, type Watermark } from '../../../src/record/element.ts'

type Said = readonly (Watermark | StreamStatus)[]
const watermark = (timestamp: number): Watermark => ({ kind: 'watermark', timestamp })
const status = (idle: boolean): StreamStatus => ({ kind: 'status', idle })
const said = (one: Watermark | undefined): Said => (one === undefined ? [] : [one])

it('I1: is the least of the active members, and says each rise once', () => {
  const merge = new EventTimeMerge(['a', 'b'])
  expect(merge.raise('a', 10)).toBeUndefined()
  expect(merge.raise('b', 5)).toEqual(watermark(5))
  expect(merge.raise('b', 4)).toBeUndefined()
  expect(merge.raise('b', 12)).toEqual(watermark(10))
  expect(merge.status('a', true)).toEqual([watermark(12)])
  expect(merge.status('a', false)).toEqual([])
  expect(merge.raise('b', 20)).toBeUndefined()
  expect(merge.raise('a', 11)).toBeUndefined()
  expect(merge.raise('a', 15)).toEqual(watermark(15))
})

it('I2: with all idle, is what the furthest had reached, and idle; one that is active again has its say', () => {
  const merge = new EventTimeMerge(['a', 'b'])
  merge.raise('a', 10)
  merge.raise('b', 5)
  expect(merge.status('b', true)).toEqual([watermark(10)])
  expect(merge.status('a', true)).toEqual([status(true)])
  expect(merge.status('b', false)).toEqual([status(false)])
  expect(merge.raise('b', 9)).toBeUndefined()
  expect(merge.raise('b', 30)).toEqual(watermark(30))
})

it('waits for a newcomer where it is, and ends with its last member', () => {
  const merge = new EventTimeMerge<string>()
  expect(merge.add('a', 7)).toEqual([watermark(7)])
  expect(merge.add('b', 3)).toEqual([])
  expect(merge.raise('a', 20)).toBeUndefined()
  expect(merge.end('b')).toEqual([watermark(20)])
  expect(merge.end('a')).toEqual([watermark(MAX_WATERMARK)])
})

interface Model {
  readonly members: Map<number, { watermark: number; state: 'active' | 'idle' | 'ended' }>
  watermark: number
  idle: boolean
}

/** What should be said after a change, from the definitions alone. */
function expected(model: Model): Said {
  const members = [...model.members.values()]
  const marks = (state: string): number[] => members.filter((one) => one.state === state).map((one) => one.watermark)
  const [active, idle] = [marks('active'), marks('idle')]
  const reached = active.length > 0 ? Math.min(...active) : idle.length > 0 ? Math.max(...idle) : MAX_WATERMARK
  const out: (Watermark | StreamStatus)[] = []
  if (reached > model.watermark) {
    model.watermark = reached
    out.push(watermark(reached))
  }
  const allIdle = active.length === 0 && idle.length > 0
  if (allIdle !== model.idle) {
    model.idle = allIdle
    out.push(status(allIdle))
  }
  return out
}

const step = fc.record({
  member: fc.nat(3),
  what: fc.constantFrom('raise', 'raise', 'raise', 'idle', 'active', 'end', 'add'),
  by: fc.integer({ min: -3, max: 6 }),
})

it('says after every change what its definition says', () => {
  fc.assert(
    fc.property(fc.nat(4), fc.array(step, { maxLength: 60 }), (count, steps) => {
      const names = Array.from({ length: count }, (_, i) => i)
      const merge = new EventTimeMerge(names)
      const model: Model = { members: new Map(), watermark: Number.NEGATIVE_INFINITY, idle: false }
      for (const name of names) model.members.set(name, { watermark: Number.NEGATIVE_INFINITY, state: 'active' })
      let next = count
      for (const { member, what, by } of steps) {
        const living = [...model.members].filter(([, { state }]) => state !== 'ended')
        const [name, one] = living[member % (living.length || 1)] ?? []
        if (what === 'add') {
          if (living.length === 0) continue
          const at = by * 5
          model.members.set(next, { watermark: at, state: 'active' })
          expect(merge.add(next, at)).toEqual(expected(model))
          next += 1
        } else if (name === undefined || one === undefined) {
          // Nobody is left.
        } else if (what === 'raise') {
          const to = (Number.isFinite(one.watermark) ? one.watermark : 0) + by
          one.watermark = Math.max(one.watermark, to)
          expect(said(merge.raise(name, to))).toEqual(expected(model))
        } else if (what === 'end') {
          one.state = 'ended'
          expect(merge.end(name)).toEqual(expected(model))
        } else {
          one.state = what
          expect(merge.status(name, what === 'idle')).toEqual(expected(model))
        }
      }
    }),
    { numRuns: 2_000 },
  )
})
