// Watermark strategies take the record type of the stream that they are given to. Checked by tsc; the run is a formality.

import { expectTypeOf, test } from 'vitest'
import {
  boundedOutOfOrderness,
  type Flow,
  fromArray,
  monotonousTimestamps,
  noWatermarks,
  type Stream,
  seconds,
  type WatermarkGenerator,
  watermarkGenerator,
} from '../../src/index.ts'

interface Bid {
  readonly price: number
  readonly time: number
}

class Punctuated implements WatermarkGenerator<Bid> {
  onEvent(bid: Bid, timestamp: number, output: { emitWatermark(timestamp: number): void }): void {
    if (bid.price === 0) output.emitWatermark(timestamp)
  }
  onPeriodicEmit(): void {}
}

/** Never called: the compiler reads it. */
function wellTyped(flow: Flow): void {
  const bids = fromArray<Bid>([])
  const timed = flow.from('bids', bids, {
    watermarks: boundedOutOfOrderness(seconds(4), { timestampOf: (bid) => bid.time, idleAfterMs: seconds(1) }),
  })
  expectTypeOf(timed).toEqualTypeOf<Stream<Bid>>()
  flow.from('as they are', bids, { watermarks: monotonousTimestamps(), parallelism: 2 })
  flow.from('none', bids, { watermarks: noWatermarks() })
  flow.from('own', bids, {
    watermarks: watermarkGenerator(() => new Punctuated(), { timestampOf: ({ time }) => time }),
  })
  timed.assignTimestampsAndWatermarks('again', monotonousTimestamps({ timestampOf: (bid) => bid.time }))
  // A strategy for less than the record serves as well.
  flow.from('less', bids, { watermarks: monotonousTimestamps<{ time: number }>({ timestampOf: ({ time }) => time }) })

  // @ts-expect-error bids have no field at
  flow.from('wrong', bids, { watermarks: monotonousTimestamps({ timestampOf: (bid) => bid.at }) })
  // @ts-expect-error a time is a number
  timed.assignTimestampsAndWatermarks('dates', monotonousTimestamps({ timestampOf: (bid) => new Date(bid.time) }))
  const ofBids = monotonousTimestamps<Bid>({ timestampOf: ({ time }) => time })
  // @ts-expect-error a strategy for other records
  flow.from('other', fromArray<string>([]), { watermarks: ofBids })
}

test('watermark strategies are typed', () => {
  expectTypeOf(wellTyped).toBeFunction()
})
