import { type Deferred, deferred } from '../../src/util/deferred.ts'

interface AskedOnce<Q> {
  readonly question: Q
  readonly signal: AbortSignal
  readonly attempt: number
  readonly answer: Deferred<string>
}

/** A service that answers what a test tells it to, when it tells it to. */
export class FakeService<Q> {
  /** Not yet answered, in the order asked. */
  readonly open: AskedOnce<Q>[] = []
  readonly asked: Q[] = []
  most = 0

  readonly call = (question: Q, { signal, attempt }: { signal: AbortSignal; attempt: number }): Promise<string> => {
    const answer = deferred<string>()
    this.asked.push(question)
    this.open.push({ question, signal, attempt, answer })
    this.most = Math.max(this.most, this.open.length)
    return answer.promise
  }

  /** Answers one of the open questions: `answer of Q`. */
  answer(index = 0): void {
    const [one] = this.open.splice(index, 1)
    one?.answer.resolve(`answer of ${String(one.question)}`)
  }

  fail(error: unknown, index = 0): void {
    const [one] = this.open.splice(index, 1)
    one?.answer.reject(error)
  }
}

/** Until everything that only waits for promises has happened. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise<void>((resolve) => setImmediate(resolve))
}
