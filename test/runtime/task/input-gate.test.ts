import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LocalChannel } from '../../../runtime/channel/local-channel.ts'
import { InputGate } from '../../../runtime/task/input-gate.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { type Element, END_OF_INPUT, MAX_WATERMARK } from '../../../src/record/element.ts'
import { systemClock } from '../../../src/util/clock.ts'

const ROOM = { records: Number.POSITIVE_INFINITY, elements: 1000 }

function gateOf(count: number, delivery: 'exactly-once' | 'at-least-once' = 'exactly-once') {
  const channels = Array.from({ length: count }, () => new LocalChannel(ROOM))
  const gate = new InputGate({
    channels: channels.map((reader, input) => ({ reader, input })),
    delivery,
    clock: systemClock,
    onReadable: () => {},
  })
  const write = (channel: number, ...elements: Element[]): void => {
    for (const element of elements) void channels[channel]?.write(element)
  }
  const readAll = (): Element[] => {
    const read: Element[] = []
    for (let element = gate.next(); element !== undefined; element = gate.next()) read.push(element)
    return read
  }
  return { channels, gate, write, readAll }
}

const barrier = (id: number, final = false): Element => ({ kind: 'barrier', id, final })

it('I1: holds a channel back from its barrier until the others have delivered theirs', () => {
  const { write, readAll } = gateOf(2)
  write(0, batchOf(['a']), barrier(1), batchOf(['c']))
  write(1, batchOf(['b']))
  expect(readAll()).toEqual([batchOf(['a']), batchOf(['b'])])
  write(1, barrier(1))
  expect(readAll()).toEqual([barrier(1), batchOf(['c'])])
})

it('I1: gives up a barrier for a newer one, and drops what comes late', () => {
  const { write, readAll } = gateOf(2)
  write(0, barrier(1), batchOf(['a']))
  write(1, barrier(2), batchOf(['b']))
  expect(readAll()).toEqual([batchOf(['a'])])
  write(0, barrier(2))
  expect(readAll()).toEqual([barrier(2), batchOf(['b'])])
  write(1, barrier(1))
  expect(readAll()).toEqual([])
})

it('lets channels go when the checkpoint is aborted, whenever the abort comes', () => {
  const { gate, write, readAll } = gateOf(2)
  write(0, barrier(1), batchOf(['a']))
  expect(readAll()).toEqual([])
  gate.abort(1)
  expect(readAll()).toEqual([batchOf(['a'])])
  gate.abort(2)
  write(0, barrier(2), batchOf(['b']))
  write(1, barrier(1), barrier(2))
  expect(readAll()).toEqual([batchOf(['b'])])
})

it('I4: at least once, holds nothing back but still reports the barrier once, when it came on all', () => {
  const { write, readAll } = gateOf(2, 'at-least-once')
  write(0, barrier(1), batchOf(['a']))
  expect(readAll()).toEqual([batchOf(['a'])])
  write(1, barrier(1))
  expect(readAll()).toEqual([barrier(1)])
})

it('passes barriers on after the end of input', () => {
  const { write, readAll } = gateOf(2)
  write(0, END_OF_INPUT, barrier(1))
  write(1, batchOf(['a']), barrier(1), END_OF_INPUT)
  expect(readAll()).toEqual([batchOf(['a']), barrier(1), { kind: 'watermark', timestamp: MAX_WATERMARK }, END_OF_INPUT])
  write(0, barrier(2))
  write(1, barrier(2))
  expect(readAll()).toEqual([barrier(2)])
})

it('I2: gives the minimum of the watermarks, an ended channel counting as the greatest', () => {
  const { write, readAll } = gateOf(2)
  const watermark = (timestamp: number): Element => ({ kind: 'watermark', timestamp })
  write(0, watermark(10))
  expect(readAll()).toEqual([])
  write(1, watermark(5), watermark(3))
  expect(readAll()).toEqual([watermark(5)])
  write(1, END_OF_INPUT)
  expect(readAll()).toEqual([watermark(10)])
})

it('an idle channel is not waited for; with all idle the task is told so, once', () => {
  const { write, readAll } = gateOf(2)
  const watermark = (timestamp: number): Element => ({ kind: 'watermark', timestamp })
  const status = (idle: boolean): Element => ({ kind: 'status', idle })
  write(0, watermark(10))
  write(1, watermark(5), status(true))
  expect(readAll()).toEqual([watermark(5), watermark(10)])
  write(0, status(true), status(true))
  expect(readAll()).toEqual([status(true)])
  write(1, status(false), batchOf(['x']), watermark(7), watermark(12))
  expect(readAll()).toEqual([status(false), batchOf(['x']), watermark(12)])
  write(1, END_OF_INPUT)
  expect(readAll()).toEqual([status(true)])
  write(0, END_OF_INPUT)
  expect(readAll()).toEqual([watermark(MAX_WATERMARK), status(false), END_OF_INPUT])
})

const timeScript = fc.array(
  fc.record({ what: fc.constantFrom('batch', 'watermark', 'idle', 'active', 'barrier'), by: fc.nat(9) }),
  { maxLength: 25 },
)

it('event time only grows, and makes no record late that was in time on its own channel, whatever the interleaving', () => {
  fc.assert(
    fc.property(
      fc.array(timeScript, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 200 }),
      fc.boolean(),
      (scripts, schedule, withIdle) => {
        const { gate, write, readAll } = gateOf(scripts.length)
        const streams = scripts.map((steps) => timedStreamOf(steps, withIdle))
        const out: Element[] = []
        for (const [channel, reads] of schedule) {
          const element = streams[channel % streams.length]?.shift()
          if (element !== undefined) write(channel % streams.length, element)
          for (let i = 0; i < reads; i += 1) out.push(...[gate.next()].filter((next) => next !== undefined))
        }
        for (const [channel, rest] of streams.entries()) write(channel, ...rest, barrier(LAST), END_OF_INPUT)
        out.push(...readAll())
        checkEventTime(out, withIdle)
      },
    ),
    { numRuns: 500 },
  )
})

it('tells which input a batch came on and what comes next', () => {
  const { gate, write } = gateOf(2)
  write(1, batchOf(['x']))
  expect(gate.peek()).toEqual(batchOf(['x']))
  expect(gate.next()).toEqual(batchOf(['x']))
  expect(gate.lastInput).toBe(1)
})

it('reads channels in turn', () => {
  const { write, readAll } = gateOf(3)
  for (let i = 0; i < 2; i += 1) for (let c = 0; c < 3; c += 1) write(c, batchOf([`${c}${i}`]))
  expect(readAll().map((element) => element.kind === 'batch' && element.values[0])).toEqual([
    '00',
    '10',
    '20',
    '01',
    '11',
    '21',
  ])
})

/** What a channel's writer does: records numbered per channel, barriers in order, perhaps some missing, then the end. */
const script = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant('batch' as const) },
    fc.constant('barrier' as const),
    fc.constant('skip' as const),
  ),
  { maxLength: 25 },
)

it('no record crosses a barrier, order per channel is kept, nothing is stuck, whatever the interleaving', () => {
  fc.assert(
    fc.property(
      fc.array(script, { minLength: 1, maxLength: 5 }),
      fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { maxLength: 200 }),
      fc.integer({ min: 0, max: 6 }),
      (scripts, schedule, aborted) => {
        const { gate, write, readAll } = gateOf(scripts.length)
        const streams = scripts.map((steps, channel) => streamOf(steps, channel))
        const out: Element[] = []
        let abortAt = aborted
        for (const [channel, reads] of schedule) {
          const element = streams[channel % streams.length]?.shift()
          if (element !== undefined) write(channel % streams.length, element)
          for (let i = 0; i < reads; i += 1) {
            const next = gate.next()
            if (next !== undefined) out.push(next)
          }
          abortAt -= 1
          if (abortAt === 0) gate.abort(1)
        }
        for (const [channel, rest] of streams.entries()) write(channel, ...rest, barrier(LAST), END_OF_INPUT)
        out.push(...readAll())
        checkOutput(out, scripts)
      },
    ),
    { numRuns: 500 },
  )
})

const LAST = 1000

/** Records are later than their channel's last watermark; a channel that was idle is active before its next record. */
function timedStreamOf(steps: readonly { what: string; by: number }[], withIdle: boolean): Element[] {
  let reached = 0
  let idle = false
  let id = 0
  const status = (to: boolean): Element[] => {
    const changed = withIdle && idle !== to
    idle = withIdle && to
    return changed ? [{ kind: 'status', idle: to }] : []
  }
  return steps.flatMap(({ what, by }): Element[] => {
    if (what === 'idle' || what === 'active') return status(what === 'idle')
    if (what === 'barrier') return [barrier(++id)]
    if (what === 'batch') return [...status(false), batchOf(['x'], [reached + 1 + by])]
    reached += by
    return [{ kind: 'watermark', timestamp: reached }]
  })
}

function checkEventTime(out: readonly Element[], withIdle: boolean): void {
  let reached = Number.NEGATIVE_INFINITY
  let idle = false
  for (const element of out) {
    if (element.kind === 'watermark') {
      expect(element.timestamp).toBeGreaterThan(reached)
      reached = element.timestamp
    } else if (element.kind === 'status') {
      expect(element.idle).toBe(!idle)
      idle = element.idle
    } else if (element.kind === 'batch') {
      expect(idle).toBe(false)
      if (!withIdle) expect(element.timestamps?.[0]).toBeGreaterThan(reached)
    }
  }
  expect(reached).toBe(MAX_WATERMARK)
  expect(idle).toBe(false)
}

function streamOf(steps: readonly ('batch' | 'barrier' | 'skip')[], channel: number): Element[] {
  let id = 0
  let n = 0
  return steps.flatMap((step): Element[] => {
    if (step === 'batch') return [batchOf([{ channel, n: n++, epoch: id }])]
    id += 1
    // A barrier that this channel never gets: its sender had it aborted.
    return step === 'barrier' ? [barrier(id)] : []
  })
}

function checkOutput(out: readonly Element[], scripts: readonly (readonly string[])[]): void {
  const seen = scripts.map(() => 0)
  let last = 0
  for (const element of out) {
    if (element.kind === 'barrier') {
      expect(element.id).toBeGreaterThan(last)
      last = element.id
    }
    if (element.kind !== 'batch') continue
    for (const { channel, n, epoch } of element.values as { channel: number; n: number; epoch: number }[]) {
      expect(n).toBe(seen[channel])
      seen[channel] = n + 1
      // Aligned exactly: a record after its channel's barrier `last` never comes before it, nor one from before it after it.
      expect(epoch).toBeGreaterThanOrEqual(last)
    }
  }
  // Nothing is stuck: all records, the last barrier and the end came out.
  expect(seen).toEqual(scripts.map((steps) => steps.filter((step) => step === 'batch').length))
  expect(last).toBe(LAST)
  expect(out.at(-1)).toEqual(END_OF_INPUT)
  recordsBeforeBarrier(out)
}

/** A record sent after barrier n on its channel comes out after barrier n if n came out at all. */
function recordsBeforeBarrier(out: readonly Element[]): void {
  const positions = new Map(out.flatMap((element, i) => (element.kind === 'barrier' ? [[element.id, i] as const] : [])))
  for (const [i, element] of out.entries()) {
    if (element.kind !== 'batch') continue
    for (const { epoch } of element.values as { epoch: number }[]) {
      for (const [id, position] of positions) if (epoch >= id && id !== LAST) expect(i).toBeGreaterThan(position)
    }
  }
}
