// The join by itself, in all the ways in which a node can be run.

import { fromArray, job } from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { expect, test } from 'vitest'
import { JoinToOne } from '../../../jobs/nexmark/join-to-one.ts'
import { second, testNode } from '../../../runtime/testing/index.ts'

interface Shop {
  readonly id: number
  readonly town: string
}

interface Sale {
  readonly shop: number
  readonly cents: number
}

const shops = job('shops', (flow) => {
  const sales = flow.from('sales', fromArray<Sale>([])).keyBy('by-shop', ({ shop }) => shop)
  flow
    .from('shops', fromArray<Shop>([]))
    .keyBy('by-id', ({ id }) => id)
    .connect(sales)
    .process(
      'join',
      () =>
        new JoinToOne({
          keep: ({ town }) => (town === '' ? undefined : town),
          row: (town, { cents }) => `${town} ${cents}`,
        }),
    )
    .to('out', collect<string>([]))
})

const sale = (shop: number, cents: number) => second({ shop, cents })

test.each([
  ['sales after their shop', [{ id: 1, town: 'Lima' }, sale(1, 5), sale(1, 6)], ['Lima 5', 'Lima 6']],
  ['sales before their shop, in order', [sale(1, 5), sale(1, 6), { id: 1, town: 'Lima' }], ['Lima 5', 'Lima 6']],
  ['both, each once', [sale(1, 5), { id: 1, town: 'Lima' }, sale(1, 6)], ['Lima 5', 'Lima 6']],
  ['nothing of a shop that makes no rows', [sale(1, 5), { id: 1, town: '' }, sale(1, 6)], []],
  ['nothing of a shop that never comes', [sale(2, 5), { id: 1, town: 'Lima' }], []],
])('joins %s', async (_what, input, expected) => {
  await expect(testNode(shops, 'join', { input, expected })).resolves.toBeUndefined()
})
