import type { ChangePort, KeyRange } from './port.ts'

/** For each key of a table, whether it lies in the range. */
export async function membership<Row>(
  port: ChangePort<Row>,
  table: string,
  range: KeyRange,
  keys: readonly (readonly unknown[])[],
): Promise<readonly boolean[]> {
  const bounds = [range.from, range.to].filter((bound) => bound !== null)
  const router = await port.openRouter(table, bounds)
  try {
    const inside = range.from === null ? 0 : 1
    return (await router.route(keys)).map((part) => part === inside)
  } finally {
    await router.close()
  }
}
