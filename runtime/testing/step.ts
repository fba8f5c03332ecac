// The script of a node test: plain values are records of the first input; everything else is made with one of these functions.

const STEP = Symbol('millrace.testing.step')

/** One thing that happens to a node under test. */
export type Step = { readonly [STEP]: true } & (
  | {
      readonly kind: 'record'
      readonly value: unknown
      readonly timestamp: number | undefined
      readonly input: 0 | 1
    }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'elapse'; readonly ms: number }
)

/** A record with an event time (ms since the epoch). As an expected record: its event time is compared too. */
export function at(timestampMs: number, value: unknown): Step {
  return { [STEP]: true, kind: 'record', value, timestamp: timestampMs, input: 0 }
}

/** A record of the second input; takes a plain value or one made with at(). */
export function second(value: unknown): Step {
  const step = stepOf(value)
  if (step.kind !== 'record') throw new Error('second() takes a record, not a watermark or the passing of time')
  return { ...step, input: 1 }
}

/** Event time has reached timestampMs on every input: due event timers fire. */
export function watermark(timestampMs: number): Step {
  return { [STEP]: true, kind: 'watermark', timestamp: timestampMs }
}

/** The clock, which begins at 0 and otherwise stands still, moves on: due processing-time timers fire. */
export function elapse(ms: number): Step {
  return { [STEP]: true, kind: 'elapse', ms }
}

/** What was made here, as it is; anything else, as a record of the first input. */
export function stepOf(given: unknown): Step {
  if (typeof given === 'object' && given !== null && STEP in given) return given as Step
  return { [STEP]: true, kind: 'record', value: given, timestamp: undefined, input: 0 }
}
