import type { ChangePort, KeyOrder, KeyRange } from './port.ts'

/** A range of a table's keys, in the order that the table was split by. */
export interface OrderedRange {
  readonly range: KeyRange
  readonly order: KeyOrder | undefined
}

/** For each key of a table, whether it lies in the range. */
export async function membership<Row>(
  port: ChangePort<Row>,
  table: string,
  { range, order }: OrderedRange,
  keys: readonly (readonly unknown[])[],
): Promise<readonly boolean[]> {
  const bounds = [range.from, range.to].filter((bound) => bound !== null)
  const router = await port.openRouter(table, bounds, order)
  try {
    const inside = range.from === null ? 0 : 1
    return (await router.route(keys)).map((part) => part === inside)
  } finally {
    await router.close()
  }
}
