// 2. keyBy brings the records of one key together; state belongs to the key and survives a crash. Declare it as a field.
//
//    npx run-job jobs/tour/02-keyed-state.ts

import { type Collector, job, type KeyedProcessContext, KeyedProcessFunction } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

interface Sale {
  readonly shop: string
  readonly cents: number
}

/** Says when a shop has its best sale so far. */
class BestSale extends KeyedProcessFunction<string, Sale, string> {
  readonly #best = this.valueState<number>('best')
  readonly #sales = this.valueState<number>('sales')

  override process(sale: Sale, { key }: KeyedProcessContext<string>, out: Collector<string>): void {
    const sales = (this.#sales.get() ?? 0) + 1
    this.#sales.set(sales)
    if (sale.cents <= (this.#best.get() ?? 0)) return
    this.#best.set(sale.cents)
    out.emit(`${key}: sale ${sales} is the best so far, ${sale.cents} cents`)
  }
}

const SHOPS = ['Aarhus', 'Bergen', 'Cork']

export default job('tour-keyed-state', (flow) => {
  const sales = flow
    .from(
      'sales',
      generate({ count: 60, make: (_, rng): Sale => ({ shop: SHOPS[rng.int(3)] ?? '', cents: rng.int(10_000) }) }),
    )
    .keyBy('shop', (sale) => sale.shop)

  sales.process('best', new BestSale()).to('best-sales', print())

  // For a total per key no class is needed.
  sales
    .reduce('turnover', (total, sale) => ({ shop: sale.shop, cents: total.cents + sale.cents }))
    .filter('round', ({ cents }) => cents > 90_000)
    .to('turnovers', print({ prefix: 'turnover ' }))
})
