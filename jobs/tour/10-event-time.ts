// 10. Event time: when something happened is what its record says, not when it comes. A watermark says how far that has come: with it
//     timers of event time fire: when all that belongs before them has come, however fast or slow the run is.
//     Here: the mean of each five minutes of two thermometers, whose readings come out of order and years apart.
//
//     npx run-job jobs/tour/10-event-time.ts

import {
  boundedOutOfOrderness,
  type Collector,
  type Counter,
  defineSource,
  job,
  type KeyedProcessContext,
  KeyedProcessFunction,
  minutes,
  type OnTimerContext,
  type RuntimeContext,
  seconds,
} from 'millrace'
import { print } from 'millrace/connectors/print'

interface Reading {
  readonly place: string
  readonly celsius: number
  readonly at: number
}

/** A reading every five seconds for twenty minutes; each second one comes before the first, and one comes much too late. */
function readings(place: string, from: string): readonly Reading[] {
  return Array.from({ length: 240 }, (_, i) => {
    const second = i === 200 ? 99 : (i ^ 1) * 5
    return { place, celsius: 10 + Math.floor(i / 60), at: Date.parse(from) + seconds(second) }
  })
}

// Each a split, read side by side in order of arrival. The roof's logger is years behind.
const READINGS: Readonly<Record<string, readonly Reading[]>> = {
  cellar: readings('cellar', '2026-01-01'),
  roof: readings('roof', '2019-07-01'),
}

/** A window by hand (chapter 11 has them ready made): a timer at the end of each five minutes that have readings. */
class Means extends KeyedProcessFunction<string, Reading, string> {
  readonly #readings = this.mapState<number, readonly number[]>('readings')
  #late: Counter | undefined

  override open({ metrics }: RuntimeContext): void {
    this.#late = metrics.counter('lateRecords')
  }

  override process(
    { celsius, at, place }: Reading,
    { timers }: KeyedProcessContext<string>,
    out: Collector<string>,
  ): void {
    const end = Math.floor(at / minutes(5)) * minutes(5) + minutes(5)
    // That time is over and was told: what comes now is late. Nothing is dropped unless you say so; the summary shows the count.
    if (timers.currentWatermark() >= end - 1) {
      this.#late?.add()
      return out.emit(`${place}: a reading of ${clock(at)} came too late`)
    }
    this.#readings.set(end, [...(this.#readings.get(end) ?? []), celsius])
    timers.registerEventTimeTimer(end - 1)
  }

  override onTimer(at: number, { key }: OnTimerContext<string>, out: Collector<string>): void {
    const celsius = this.#readings.get(at + 1) ?? []
    this.#readings.delete(at + 1)
    const mean = celsius.reduce((sum, each) => sum + each, 0) / celsius.length
    out.emit(`${key}: ${mean} °C in the five minutes to ${clock(at + 1)}, of ${celsius.length}`)
  }
}

const clock = (at: number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ')

export default job('tour-event-time', (flow) => {
  const source = defineSource<Reading, number>({
    splits: { cellar: 0, roof: 0 },
    bounded: true,
    read: (position, _limit, split) => {
      const records = READINGS[split]?.slice(position, position + 3) ?? []
      return records.length === 0 ? 'end' : { records, position: position + records.length }
    },
  })
  flow
    .from('readings', source, {
      // A reading may come up to ten seconds after later ones of its split. The splits do not make each other late: event time is
      // that of the one which is furthest behind.
      watermarks: boundedOutOfOrderness(seconds(10), { timestampOf: ({ at }) => at }),
    })
    .keyBy('place', ({ place }) => place)
    .process('means', () => new Means())
    .to('terminal', print())
})
