// State of every kind keeps bigints and Decimals, value and type, through checkpoints, eviction and a function's own keys.

import {
  type Collector,
  Decimal,
  fromArray,
  job,
  type KeyedProcessContext,
  KeyedProcessFunction,
  max,
  sum,
} from 'millrace'
import { collect } from 'millrace/connectors/collect'
import { it } from 'vitest'
import { testNode } from '../../../runtime/testing/index.ts'
import { jsonCodec } from '../../../src/codec/json-codec.ts'

interface Entry {
  readonly account: bigint
  readonly amount: Decimal
}

class Books extends KeyedProcessFunction<bigint, Entry, readonly unknown[]> {
  readonly #latest = this.valueState<Entry>('latest')
  readonly #readable = this.valueState<Entry>('readable', { codec: jsonCodec })
  readonly #amounts = this.listState<Decimal>('amounts')
  readonly #byText = this.mapState<string, Decimal>('by-text')
  readonly #largest = this.reducingState<bigint>('largest', (a, b) => (a > b ? a : b))
  readonly #total = this.aggregatingState(
    'total',
    sum((entry: Entry) => entry.amount),
  )
  readonly #most = this.aggregatingState(
    'most',
    max((entry: Entry) => entry.amount),
  )

  override process(entry: Entry, { key }: KeyedProcessContext<bigint>, out: Collector<readonly unknown[]>): void {
    const before = [this.#latest.get(), this.#readable.get(), this.#amounts.get(), [...this.#byText.entries()].sort()]
    out.emit([key, ...structuredCopy(before), this.#largest.get(), this.#total.get(), this.#most.get()])
    this.#latest.set(entry)
    this.#readable.set(entry)
    this.#amounts.add(entry.amount)
    this.#byText.set(entry.amount.toString(), entry.amount)
    this.#largest.add(entry.account * 2n)
    this.#total.add(entry)
    this.#most.add(entry)
  }
}

/** Lists as they are now: state goes on changing after it was emitted. */
function structuredCopy(values: readonly unknown[]): unknown[] {
  return values.map((value) => (Array.isArray(value) ? [...value] : value))
}

const entry = (account: bigint, amount: string): Entry => ({ account, amount: new Decimal(amount) })
const A = 2n ** 64n + 1n
const B = -(2n ** 53n) - 1n
const ENTRIES = [
  entry(A, '12345678901234567890123456789012345.678901234567890123456789012345'),
  entry(B, '-0.000000000000000000000000000001'),
  entry(A, '0.1'),
  entry(A, '0.2'),
  entry(B, '0.3'),
]

it('keeps exact numbers in state of every kind', async () => {
  const expected = ENTRIES.map(({ account }, index) => {
    const before = ENTRIES.slice(0, index).filter((one) => one.account === account)
    const amounts = before.map(({ amount }) => amount)
    const last = before.at(-1)
    if (last === undefined) return [account, undefined, undefined, [], [], undefined, undefined, undefined]
    const total = amounts.reduce((a, b) => a.plus(b), new Decimal(0))
    const byText = amounts.map((amount): [string, Decimal] => [amount.toString(), amount])
    return [account, last, last, amounts, byText.sort(), account * 2n, total, Decimal.max(...amounts)]
  })
  const books = job('books', (flow) =>
    flow
      .from('entries', fromArray(ENTRIES))
      .keyBy('account', (one) => one.account)
      .process('books', () => new Books())
      .to('out', collect<unknown>([])),
  )
  await testNode(books, 'books', { input: ENTRIES, expected })
})
