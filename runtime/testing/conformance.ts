// What both conformance lists are made of.

/** One promise of a contract, held to the test. Rejects with a readable reason. */
export interface ConformanceCase {
  readonly name: string
  run(): Promise<void>
}

/** A part of the list that the manifest switched off, and why it does not apply. */
export interface SkippedCase {
  readonly name: string
  readonly reason: string
}

/** Give each of `cases` to your test runner; print `skipped`, or compare it with what you mean to leave out. */
export interface Conformance {
  readonly cases: readonly ConformanceCase[]
  readonly skipped: readonly SkippedCase[]
}

/** A case as a list states it: what it needs beyond what every connector has, if that is not there. */
export interface CandidateCase {
  readonly name: string
  /** Undefined if the case applies, else why it does not. */
  readonly skip?: string | undefined
  readonly run: () => Promise<void>
}

/** Names begin with the connector's, so that a failure tells which it was. */
export function conformanceOf(connector: string, candidates: readonly CandidateCase[]): Conformance {
  const cases: ConformanceCase[] = []
  const skipped: SkippedCase[] = []
  for (const { name, skip, run } of candidates) {
    if (skip === undefined) cases.push({ name: `${connector}: ${name}`, run })
    else skipped.push({ name, reason: skip })
  }
  return { cases, skipped }
}

/** Throws unless the condition holds. */
export function holds(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new Error(otherwise)
}

const PATIENCE_MS = 10_000

/** Resolves with the promise, or rejects if that takes longer than any machine needs. */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${PATIENCE_MS / 1_000} s`)), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
