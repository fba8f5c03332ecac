// 7. Parallelism: nodes run in subtasks, on worker threads. Records of one key stay together and in order; the result is the same.
//    `--explain` draws the chains; the lines are the same with any --parallelism, if not their order.
//
//    npx run-job jobs/tour/07-parallelism.ts --parallelism 3

import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

/** Some work for one core: how many steps until n is 1. */
function collatzSteps(n: number): number {
  let steps = 0
  for (let m = n; m !== 1; steps += 1) m = m % 2 === 0 ? m / 2 : 3 * m + 1
  return steps
}

interface Longest {
  readonly n: number
  readonly steps: number
}

/** The number with the longest way of each class of numbers; told once, at the class's last number. */
class LongestWay extends KeyedProcessFunction<number, Longest, string> {
  readonly #seen = this.valueState<number>('seen')
  readonly #longest = this.reducingState<Longest>('longest', (a, b) =>
    b.steps > a.steps || (b.steps === a.steps && b.n < a.n) ? b : a,
  )
  readonly #perClass: number

  constructor(perClass: number) {
    super()
    this.#perClass = perClass
  }

  override process(way: Longest, { key }: KeyedProcessContext<number>, out: Collector<string>): void {
    const seen = (this.#seen.get() ?? 0) + 1
    this.#seen.set(seen)
    this.#longest.add(way)
    const longest = this.#longest.get()
    if (seen === this.#perClass && longest) out.emit(`of n % 8 = ${key}: ${longest.n} needs ${longest.steps} steps`)
  }
}

export default job('tour-parallelism', (flow) => {
  const count = 800_000
  flow
    .from('numbers', generate({ count, make: (index) => index + 1 }))
    .map('steps', (n): Longest => ({ n, steps: collatzSteps(n) }))
    .keyBy('class', ({ n }) => n % 8)
    // A factory makes one function for each subtask; an object made here does as well.
    .process('longest', () => new LongestWay(count / 8))
    .to('terminal', print(), { parallelism: 1 })
})
