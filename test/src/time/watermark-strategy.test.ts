import {
  boundedOutOfOrderness,
  monotonousTimestamps,
  noWatermarks,
  type WatermarkGenerator,
  type WatermarkStrategy,
  watermarkGenerator,
} from 'millrace'
import { describe, expect, it } from 'vitest'
import { batchOf } from '../../../src/record/batch.ts'
import { MAX_WATERMARK } from '../../../src/record/element.ts'
import { WatermarkTracker } from '../../../src/time/watermark-tracker.ts'

interface Event {
  readonly at: number
}

const timestampOf = ({ at }: Event): number => at
const events = (...times: number[]): Event[] => times.map((at) => ({ at }))

/** The watermark after each batch of one split. */
function watermarks(strategy: WatermarkStrategy<Event>, ...batches: (readonly Event[])[]): number[] {
  const tracker = new WatermarkTracker('node', strategy)
  return batches.map((batch) => {
    tracker.accept(batchOf(batch))
    return tracker.advance()
  })
}

describe('strategies', () => {
  it('bounded out-of-orderness: the latest less the bound less one, and never back', () => {
    const strategy = boundedOutOfOrderness(100, { timestampOf })
    expect(watermarks(strategy, events(1_000), events(1_050, 990), events(10), events(2_000))).toEqual([
      899, 949, 949, 1_899,
    ])
  })

  it('monotonous timestamps: one less than the latest, so that equal ones may follow', () => {
    expect(watermarks(monotonousTimestamps({ timestampOf }), events(5, 5), events(5), events(7))).toEqual([4, 4, 6])
  })

  it('no watermarks: none, though records have event times', () => {
    const tracker = new WatermarkTracker('node', noWatermarks({ timestampOf }))
    expect(tracker.accept(batchOf(events(3, 4))).timestamps).toEqual([3, 4])
    expect(tracker.advance()).toBe(Number.NEGATIVE_INFINITY)
  })

  it('a generator of your own hears of every record, and may speak at each or behind each batch', () => {
    const heard: number[] = []
    class Punctuated implements WatermarkGenerator<Event> {
      onEvent(event: Event, timestamp: number, output: { emitWatermark(timestamp: number): void }): void {
        heard.push(timestamp)
        if (event.at % 10 === 0) output.emitWatermark(event.at)
      }
      onPeriodicEmit(): void {}
    }
    const strategy = watermarkGenerator(() => new Punctuated(), { timestampOf })
    expect(watermarks(strategy, events(1, 2), events(10, 11), events(5))).toEqual([Number.NEGATIVE_INFINITY, 10, 10])
    expect(heard).toEqual([1, 2, 10, 11, 5])
  })

  it('reads the event times that records have already', () => {
    const tracker = new WatermarkTracker('node', monotonousTimestamps<string>())
    tracker.accept(batchOf(['a', 'b'], [8, 9]))
    expect(tracker.advance()).toBe(8)
  })

  it('goes on from where it was, never back', () => {
    const tracker = new WatermarkTracker('node', monotonousTimestamps({ timestampOf }), 500)
    expect(tracker.watermark).toBe(500)
    tracker.accept(batchOf(events(100)))
    expect(tracker.advance()).toBe(500)
    tracker.accept(batchOf(events(700)))
    expect(tracker.advance()).toBe(699)
  })

  it('any year: before 1970, beyond 2100, years apart', () => {
    const [past, future] = [Date.UTC(1869, 0), Date.UTC(3000, 0)]
    expect(watermarks(monotonousTimestamps({ timestampOf }), events(past), events(future))).toEqual([
      past - 1,
      future - 1,
    ])
  })
})

describe('what is refused', () => {
  const accept = (times: readonly unknown[], strategy = monotonousTimestamps({ timestampOf })) => {
    const tracker = new WatermarkTracker('clicks', strategy)
    return () => tracker.accept(batchOf(times.map((at) => ({ at }))))
  }

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    undefined,
    '5',
    5n,
    new Date(5),
    MAX_WATERMARK,
  ])('an event time of %s, naming node and record', (at) => {
    expect(accept([1, at])).toThrow(/^Node "clicks" threw on \{ at: .*its event time is .*, expected milliseconds/)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, MAX_WATERMARK])(
    'the same where the source gives it: %s',
    (at) => {
      for (const times of [[at], [1, at], [at, 1]]) {
        const tracker = new WatermarkTracker('clicks', monotonousTimestamps())
        expect(() => tracker.accept(batchOf(times, times))).toThrow(/its event time is/)
      }
    },
  )

  it('a record without event time, saying what to call', () => {
    const tracker = new WatermarkTracker('clicks', monotonousTimestamps())
    expect(() => tracker.accept(batchOf(['a']))).toThrow(
      /Node "clicks" .* 'a': it has no event time: give .*timestampOf/,
    )
  })

  it('what timestampOf or a generator throws, and a generator that emits no time', () => {
    const thrower = monotonousTimestamps<Event>({
      timestampOf: () => {
        throw new Error('no date')
      },
    })
    expect(accept([7], thrower)).toThrow('Node "clicks" threw on { at: 7 }: no date')
    const emit = (what: () => void): WatermarkStrategy<Event> =>
      watermarkGenerator(() => ({ onEvent: what, onPeriodicEmit: (output) => output.emitWatermark(Number.NaN) }), {
        timestampOf,
      })
    expect(
      accept(
        [7],
        emit(() => {
          throw new Error('not mine')
        }),
      ),
    ).toThrow('Node "clicks" threw on { at: 7 }: not mine')
    const tracker = new WatermarkTracker(
      'clicks',
      emit(() => {}),
    )
    expect(() => tracker.advance()).toThrow(/its watermark generator emitted NaN/)
  })

  it('options that cannot be meant', () => {
    expect(() => boundedOutOfOrderness(-1)).toThrow('Option maxOutOfOrdernessMs from boundedOutOfOrderness(): it is -1')
    expect(() => boundedOutOfOrderness(Number.NaN)).toThrow(/maxOutOfOrdernessMs/)
    expect(() => monotonousTimestamps({ idleAfterMs: 0 })).toThrow('Option idleAfterMs from monotonousTimestamps()')
    expect(() => noWatermarks({ alignment: { group: '', maxDriftMs: 1 } })).toThrow(/alignment\.group/)
    expect(() => noWatermarks({ alignment: { group: 'g', maxDriftMs: -1 } })).toThrow(/alignment\.maxDriftMs/)
  })
})
