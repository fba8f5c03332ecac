// 15. Batch: the same file with --batch reads all there is and then computes key by key, in the order of event time. It says each result
//     once, where a stream says every change of it; what does not fit into memory meanwhile waits on disk.
//
//     npx run-job jobs/tour/15-batch.ts --fresh            a line for every change of a shop's turnover
//     npx run-job jobs/tour/15-batch.ts --fresh --batch    a line for every shop
//
//     --fresh starts over: a batch run keeps no state, so that neither way can go on where the other has ended.

import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

interface Sale {
  readonly shop: string
  readonly cents: number
}

const SHOPS = ['Aarhus', 'Bergen', 'Cork']

export default job('tour-batch', (flow) => {
  flow
    .from(
      'sales',
      generate({ count: 300, make: (_, rng): Sale => ({ shop: SHOPS[rng.int(3)] ?? '', cents: rng.int(10_000) }) }),
    )
    .keyBy('shop', ({ shop }) => shop)
    .reduce('turnover', (total, sale) => ({ shop: sale.shop, cents: total.cents + sale.cents }))
    .map('line', ({ shop, cents }) => `${shop} turned over ${cents} cents`)
    .to('terminal', print())
})
