// 3. Timers: a function asks to be called later, for the key at hand. They are kept in checkpoints, like state.
//    Here: a visitor who has been quiet for a while has left. (The last one is still here when the job ends.)
//
//    npx run-job jobs/tour/03-timers.ts

import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction, type OnTimerContext } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

const QUIET_MS = 300

interface View {
  readonly visitor: string
  readonly page: number
}

class Visits extends KeyedProcessFunction<string, View, string> {
  readonly #pages = this.listState<number>('pages')
  readonly #quietAt = this.valueState<number>('quiet-at')

  override process(view: View, { timers }: KeyedProcessContext<string>): void {
    const before = this.#quietAt.get()
    if (before !== undefined) timers.deleteProcessingTimeTimer(before)
    const quietAt = timers.currentProcessingTime() + QUIET_MS
    timers.registerProcessingTimeTimer(quietAt)
    this.#quietAt.set(quietAt)
    this.#pages.add(view.page)
  }

  override onTimer(_at: number, { key }: OnTimerContext<string>, out: Collector<string>): void {
    out.emit(`${key} has left after ${this.#pages.get().length} pages`)
    this.#pages.clear()
    this.#quietAt.clear()
  }
}

export default job('tour-timers', (flow) => {
  // Each visitor is here for about 15 views, then the next one comes: 3 seconds in all.
  const make = (index: number): View => ({ visitor: `visitor ${Math.floor(index / 15) + 1}`, page: index % 15 })
  flow
    .from('views', generate({ count: 60, perSecond: 20, make }))
    .keyBy('visitor', (view) => view.visitor)
    .process('visits', new Visits())
    .to('terminal', print())
})
