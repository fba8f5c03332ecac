// 5. Any RxJS pipeline is an operator. It lives for one epoch: its input completes at each checkpoint, and what it still has to say
//    belongs to that epoch. So nothing that is under way in it can be lost or repeated.
//
//    npx run-job jobs/tour/05-rx.ts

import { job } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'
import { bufferCount, defer, map, mergeMap, retry } from 'rxjs'

/** A service that takes a moment, and refuses every fourth call. */
function makeService(): (ids: readonly number[]) => Promise<string[]> {
  let calls = 0
  return async (ids) => {
    calls += 1
    const refused = calls % 4 === 0
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (refused) throw new Error('busy')
    return ids.map((id) => `name of ${id}`)
  }
}

export default job('tour-rx', (flow) => {
  const lookUp = makeService()
  flow
    .from('ids', generate({ count: 100, make: (index) => index }))
    .rx('names', (ids$) =>
      ids$.pipe(
        bufferCount(10),
        // Three calls at a time; a refused one is made again.
        mergeMap((ids) => defer(() => lookUp(ids)).pipe(retry({ count: 3, delay: 10 })), 3),
        map((names) => `${names.length} names, from "${names.at(0)}" to "${names.at(-1)}"`),
      ),
    )
    .to('terminal', print())
})
