import type { RuntimeContext } from '../contract/runtime-context.ts'
import type { SplitEnumerator } from '../contract/source-function.ts'
import { type Deferred, deferred } from '../util/deferred.ts'

const LOOK_MS = 500

/** The enumerator, which starts once `isReady` says so; until then it is asked again and again, and `waitsFor` is logged once. */
export function startWhen(
  inner: SplitEnumerator,
  { clock, logger }: RuntimeContext,
  { isReady, waitsFor }: { readonly isReady: () => Promise<boolean>; readonly waitsFor: string },
): SplitEnumerator {
  const [start, close] = [inner.start.bind(inner), inner.close?.bind(inner)]
  const closed: Deferred = deferred()
  let isClosed = false
  const pause = async (): Promise<void> => {
    const passed = deferred()
    const cancel = clock.schedule(LOOK_MS, passed.resolve)
    await Promise.race([passed.promise, closed.promise])
    cancel()
  }
  inner.start = async () => {
    for (let look = 0; !isClosed && !(await isReady()); look++) {
      if (look === 0) logger.info(`waits for ${waitsFor}`)
      await pause()
    }
    if (!isClosed) await start()
  }
  inner.close = async () => {
    isClosed = true
    closed.resolve()
    await close?.()
  }
  return inner
}
