/** Does the same work for each item, for so many at a time; waits for all that was begun, then throws what failed first. */
export async function inParallel<T>(items: Iterable<T>, most: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]()
  let failed = false
  const goOn = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true && !failed; next = rest.next()) await work(next.value)
  }
  const lane = (): Promise<void> =>
    goOn().catch((error: unknown) => {
      failed = true
      throw error
    })
  const lanes = await Promise.allSettled(Array.from({ length: most }, lane))
  const failure = lanes.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}
