// What breaks if facts about a checkpoint come late, twice, from elsewhere, or not at all? Every case of decide, as scripts.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beginDeciding, type DecideState, decide, subtaskKey } from '../../../runtime/checkpoint/decide.ts'
import type { Cause, DecideRules, Decision, Fact } from '../../../runtime/checkpoint/facts.ts'
import type { TaskSnapshot } from '../../../runtime/checkpoint/snapshot.ts'

const RULES: DecideRules = {
  attempt: 3,
  intervalMs: 100,
  timeoutMs: 50,
  minPauseMs: 0,
  tolerableFailures: 1,
  subtasks: ['0/0', '0/1', '1/0'],
  workers: [0, 1],
  enumeratorWorkers: [0],
}

type TestFact = Fact<Cause>

const snapshot = (task: number, subtask: number): TaskSnapshot => ({
  task,
  subtask,
  nodes: [],
  times: { alignMs: 0, pauseMs: 0, asyncMs: 0 },
  stateBytes: 1,
})
const cause = { message: 'because' }
const tick: TestFact = { type: 'tick' }
const request: TestFact = { type: 'request' }
const stop: TestFact = { type: 'stop' }
const opened = (checkpoint: number): TestFact => ({ type: 'opened', checkpoint })
const enumerated = (checkpoint: number, worker = 0): TestFact => ({ type: 'enumerated', worker, checkpoint })
const ack = (checkpoint: number, task: number, subtask: number, attempt = 3): TestFact => ({
  type: 'ack',
  attempt,
  checkpoint,
  snapshot: snapshot(task, subtask),
})
const acks = (checkpoint: number): TestFact[] => [ack(checkpoint, 0, 0), ack(checkpoint, 0, 1), ack(checkpoint, 1, 0)]
const decline = (checkpoint: number, task = 1, attempt = 3): TestFact => ({
  type: 'decline',
  attempt,
  checkpoint,
  task,
  subtask: 0,
  cause,
})
const drained = (task: number, subtask: number, attempt = 3): TestFact => ({ type: 'drained', attempt, task, subtask })
const allDrained = [drained(0, 0), drained(0, 1), drained(1, 0)]
const persisted = (checkpoint: number): TestFact => ({ type: 'persisted', checkpoint })
const persistFailed = (checkpoint: number, unknown = false): TestFact => ({
  type: 'persist-failed',
  checkpoint,
  unknown,
  cause,
})
const committed = (checkpoint: number, worker: number): TestFact => ({ type: 'committed', worker, checkpoint })
const attemptFailed: TestFact = { type: 'attempt-failed', cause }
/** Everything from the due time to the last commit. */
const whole = (checkpoint: number): TestFact[] => [
  opened(checkpoint),
  enumerated(checkpoint),
  ...acks(checkpoint),
  persisted(checkpoint),
  committed(checkpoint, 0),
  committed(checkpoint, 1),
]

/** A step is a fact now, or `[at, fact]`. Returns what was decided, in words, and the last state. */
function play(steps: readonly (TestFact | readonly [number, TestFact])[], rules: Partial<DecideRules> = {}) {
  const all = { ...RULES, ...rules }
  let state: DecideState = beginDeciding(all, 0)
  let now = 0
  let lookAt: number | undefined
  const said: string[] = []
  for (const step of steps) {
    const [at, fact] = Array.isArray(step) ? (step as [number, TestFact]) : [now, step as TestFact]
    now = at
    const verdict = decide(all, state, fact, now)
    state = verdict.state
    lookAt = verdict.lookAt
    said.push(...verdict.decisions.map(inWords))
  }
  return { said: said.join(', '), state, lookAt }
}

function inWords(decision: Decision<Cause>): string {
  switch (decision.type) {
    case 'open':
      return 'open'
    case 'trigger':
    case 'complete':
      return `${decision.type} ${decision.checkpoint}${decision.final === undefined ? '' : ` (${decision.final})`}`
    case 'persist':
      return `persist ${decision.checkpoint} of ${decision.snapshots.length}`
    case 'fail':
      return `fail ${decision.checkpoint ?? 'none'}${decision.cause === undefined ? ' (timeout)' : ''}`
    case 'end':
      return `end ${decision.checkpoint} (${decision.reason})`
    default:
      return `${decision.type} ${decision.checkpoint}`
  }
}

type Steps = readonly (TestFact | readonly [number, TestFact])[]
const TO_ALIGN: Steps = [[100, tick], opened(1), enumerated(1)]
const BEGUN = 'open, enumerate 1, trigger 1'
const PERSISTING: Steps = [...TO_ALIGN, ...acks(1)]
const COMMITTING: Steps = [...PERSISTING, persisted(1)]

const CASES: readonly [what: string, steps: Steps, expected: string, rules?: Partial<DecideRules>][] = [
  ['nothing before the interval', [[99, tick]], ''],
  ['the interval begins one', [[100, tick]], 'open'],
  ['a whole checkpoint', [[100, tick], ...whole(1)], `${BEGUN}, persist 1 of 3, complete 1, settled 1`],
  [
    'without enumerators the trigger follows the id',
    [[100, tick], opened(1)],
    'open, trigger 1',
    { enumeratorWorkers: [] },
  ],
  [
    'waits for every enumerator',
    [[100, tick], opened(1), enumerated(1, 0)],
    'open, enumerate 1',
    { enumeratorWorkers: [0, 1] },
  ],
  ['an enumerator that answers twice counts once', [[100, tick], opened(1), enumerated(1), enumerated(1)], BEGUN],
  ['enumerators of another checkpoint are not heard', [[100, tick], opened(2), enumerated(1)], 'open, enumerate 2'],
  // C6
  [
    'an ack lost: times out and is aborted',
    [...TO_ALIGN, ack(1, 0, 0), ack(1, 0, 1), [149, tick], [150, tick]],
    `${BEGUN}, abort 1`,
  ],
  ['an ack twice counts once', [...TO_ALIGN, ack(1, 0, 0), ack(1, 0, 0), ack(1, 0, 1)], BEGUN],
  ['an ack of an older attempt does not count', [...TO_ALIGN, ack(1, 0, 0), ack(1, 0, 1), ack(1, 1, 0, 2)], BEGUN],
  ['an ack of an unknown subtask does not count', [...TO_ALIGN, ack(1, 0, 0), ack(1, 0, 1), ack(1, 7, 0)], BEGUN],
  ['an ack of another checkpoint does not count', [...TO_ALIGN, ack(1, 0, 0), ack(1, 0, 1), ack(2, 1, 0)], BEGUN],
  ['an ack before the trigger does not count', [[100, tick], opened(1), ...acks(1)], 'open, enumerate 1'],
  ['a late ack of an aborted one changes nothing', [...TO_ALIGN, [150, tick], ...acks(1)], `${BEGUN}, abort 1`],
  [
    'a late ack of a complete one changes nothing',
    [[100, tick], ...whole(1), ack(1, 0, 0)],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1`,
  ],
  // Failures
  ['a decline aborts', [...TO_ALIGN, decline(1)], `${BEGUN}, abort 1`],
  ['a decline while enumerating aborts', [[100, tick], opened(1), decline(1)], 'open, enumerate 1, abort 1'],
  ['a decline of another attempt is not heard', [...TO_ALIGN, decline(1, 1, 2)], BEGUN],
  ['a decline of another checkpoint is not heard', [...TO_ALIGN, decline(9)], BEGUN],
  ['a decline of an unknown task is not heard', [...TO_ALIGN, decline(1, 9)], BEGUN],
  ['a decline after all acks is too late', [...PERSISTING, decline(1)], `${BEGUN}, persist 1 of 3`],
  [
    'one failure more than tolerable fails the job',
    [...TO_ALIGN, decline(1), [200, tick], opened(2), enumerated(2), decline(2)],
    `${BEGUN}, abort 1, open, enumerate 2, trigger 2, abort 2, fail 2`,
  ],
  [
    'none tolerable: the first fails the job',
    [...TO_ALIGN, decline(1)],
    `${BEGUN}, abort 1, fail 1`,
    { tolerableFailures: 0 },
  ],
  [
    'a timeout counts as a failure',
    [...TO_ALIGN, [150, tick]],
    `${BEGUN}, abort 1, fail 1 (timeout)`,
    { tolerableFailures: 0 },
  ],
  [
    'a success forgets failures',
    [...TO_ALIGN, decline(1), [200, tick], ...whole(2), [300, tick], opened(3), decline(3)],
    `${BEGUN}, abort 1, open, enumerate 2, trigger 2, persist 2 of 3, complete 2, settled 2, open, enumerate 3, abort 3`,
  ],
  [
    'an id that cannot be persisted (C1) is a failure without an id',
    [[100, tick], { type: 'open-failed', cause }],
    'open, fail none',
    { tolerableFailures: 0 },
  ],
  [
    'an id that cannot be persisted is tried again',
    [[100, tick], { type: 'open-failed', cause }, [200, tick]],
    'open, open',
  ],
  // C8
  ['a manifest that cannot be written aborts', [...PERSISTING, persistFailed(1)], `${BEGUN}, persist 1 of 3, abort 1`],
  [
    'a manifest of unknown fate is not aborted; the job restarts',
    [...PERSISTING, persistFailed(1, true)],
    `${BEGUN}, persist 1 of 3, fail 1`,
  ],
  [
    'news of another manifest are not heard',
    [...PERSISTING, persisted(2), persistFailed(2)],
    `${BEGUN}, persist 1 of 3`,
  ],
  ['persisting does not time out', [...PERSISTING, [500, tick]], `${BEGUN}, persist 1 of 3`],
  // C9
  [
    'commits are awaited from every worker',
    [...COMMITTING, committed(1, 0), committed(1, 0), [140, tick]],
    `${BEGUN}, persist 1 of 3, complete 1`,
  ],
  [
    'a commit of another checkpoint is not heard',
    [...COMMITTING, committed(2, 0), committed(2, 1)],
    `${BEGUN}, persist 1 of 3, complete 1`,
  ],
  [
    'commits that take too long fail the job, the checkpoint stays',
    [...COMMITTING, [150, tick]],
    `${BEGUN}, persist 1 of 3, complete 1, fail 1 (timeout)`,
  ],
  [
    'the next one waits for commits',
    [...COMMITTING, committed(1, 0), request, [149, tick]],
    `${BEGUN}, persist 1 of 3, complete 1`,
  ],
  // Requests and pauses
  ['a request begins one at once', [[10, request]], 'open'],
  [
    'requests before the trigger are one',
    [
      [10, request],
      request,
      opened(1),
      request,
      enumerated(1),
      ...acks(1),
      persisted(1),
      committed(1, 0),
      committed(1, 1),
      [20, tick],
    ],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1`,
  ],
  [
    'a request after the trigger is another one',
    [[10, request], opened(1), enumerated(1), request, ...acks(1), persisted(1), committed(1, 0), committed(1, 1)],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1, open`,
  ],
  [
    'a request waits for the pause',
    [[10, request], ...whole(1), [20, request], [39, tick], [40, tick]],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1, open`,
    { minPauseMs: 30 },
  ],
  [
    'the interval waits for the pause',
    [[100, tick], ...whole(1), [200, tick], [249, tick], [250, tick]],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1, open`,
    { minPauseMs: 150 },
  ],
  [
    'the interval counts from one beginning to the next',
    [[100, tick], opened(1), enumerated(1), [140, tick], ...whole(1).slice(2), [199, tick], [200, tick]],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1, open`,
  ],
  // The end
  [
    'all drained: a final one at once, whatever the pause',
    [[5, tick], ...allDrained, ...whole(1)],
    'open, enumerate 1, trigger 1 (drained), persist 1 of 3, complete 1 (drained), settled 1, end 1 (drained)',
    { minPauseMs: 1000 },
  ],
  ['drained in another attempt is not drained', [drained(0, 0), drained(0, 1), drained(1, 0, 2)], ''],
  ['drained twice counts once', [drained(0, 0), drained(0, 0), drained(0, 1)], ''],
  [
    'drained while one is in flight: the final one follows',
    [...TO_ALIGN, ...allDrained, ...acks(1), persisted(1), committed(1, 0), committed(1, 1)],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1, open`,
  ],
  [
    'drained before the barrier leaves: that one is final',
    [[100, tick], opened(1), ...allDrained, enumerated(1)],
    'open, enumerate 1, trigger 1 (drained)',
  ],
  [
    'stop: a final one at once',
    [[5, stop], ...whole(1)],
    'open, enumerate 1, trigger 1 (stop), persist 1 of 3, complete 1 (stop), settled 1, end 1 (stop)',
  ],
  [
    'stop while one is in flight: the final one follows',
    [...TO_ALIGN, stop, ...acks(1), persisted(1), committed(1, 0), committed(1, 1)],
    `${BEGUN}, persist 1 of 3, complete 1, settled 1, open`,
  ],
  [
    'drained and stopped is drained',
    [stop, ...allDrained, opened(1), enumerated(1)],
    'open, enumerate 1, trigger 1 (drained)',
  ],
  [
    'a failed final one is not tried again',
    [[5, stop], opened(1), enumerated(1), decline(1), [500, tick]],
    'open, enumerate 1, trigger 1 (stop), abort 1, fail 1',
    { tolerableFailures: 9 },
  ],
  [
    'nothing after the end',
    [[5, stop], ...whole(1), request, [500, tick], ...whole(2).slice(1)],
    'open, enumerate 1, trigger 1 (stop), persist 1 of 3, complete 1 (stop), settled 1, end 1 (stop)',
  ],
  // The attempt
  [
    'a lost worker: what is in flight is aborted',
    [...TO_ALIGN, attemptFailed, [900, tick]],
    `${BEGUN}, abort 1, fail 1`,
  ],
  ['a lost worker while enumerating', [[100, tick], opened(1), attemptFailed], 'open, enumerate 1, abort 1, fail 1'],
  [
    'a lost worker while persisting: the manifest decides',
    [...PERSISTING, attemptFailed, persisted(1)],
    `${BEGUN}, persist 1 of 3, fail 1`,
  ],
  [
    'a lost worker while committing: the checkpoint stays',
    [...COMMITTING, attemptFailed],
    `${BEGUN}, persist 1 of 3, complete 1, fail 1`,
  ],
  [
    'a lost worker while opening: the folder is given up when it comes',
    [[100, tick], attemptFailed, opened(1)],
    'open, fail none, abort 1',
  ],
  ['a lost worker and nothing in flight', [attemptFailed], 'fail none'],
]

describe('decide', () => {
  it.each(CASES)('%s', (_what, steps, expected, rules) => {
    expect(play(steps, rules).said).toBe(expected)
  })

  it.each<[string, Steps, number | undefined, Partial<DecideRules>?]>([
    ['at the interval', [tick], 100],
    ['not while an id is being persisted', [[100, tick]], undefined],
    ['at the timeout of an alignment', TO_ALIGN, 150],
    ['not while a manifest is being written', PERSISTING, undefined],
    ['at the timeout of the commits', COMMITTING, 150],
    ['after the pause', [[100, tick], ...whole(1), request], 130, { minPauseMs: 30 }],
    ['never without an interval', [tick], undefined, { intervalMs: Number.POSITIVE_INFINITY }],
    ['never without a timeout', TO_ALIGN, undefined, { timeoutMs: Number.POSITIVE_INFINITY }],
    ['never after the end', [attemptFailed], undefined],
  ])('looks again %s', (_what, steps, expected, rules) => {
    expect(play(steps, rules).lookAt).toBe(expected)
  })

  it('I1-I4 hold whatever is told, in any order', () => {
    fc.assert(
      fc.property(fc.array(anyFact(), { maxLength: 120 }), fc.nat(3), (facts, tolerableFailures) => {
        const rules = { ...RULES, tolerableFailures }
        let state = beginDeciding(rules, 0)
        let nextId = 1
        let open = false
        let over = false
        const persisting = new Set<number>()
        let heard = new Set<string>()
        facts.forEach((fact, i) => {
          // An id comes only when one was asked for, and only once.
          const real = fact.type === 'opened' ? { ...fact, checkpoint: nextId } : fact
          if (real.type === 'opened' || real.type === 'open-failed') {
            if (!open) return
            open = false
            nextId += 1
          }
          const verdict = decide(rules, state, real, i * 10)
          if (real.type === 'ack' && real.attempt === rules.attempt) {
            const at = state.inFlight
            const key = subtaskKey(real.snapshot.task, real.snapshot.subtask)
            if (at?.phase === 'aligning' && at.checkpoint === real.checkpoint) heard.add(key)
          }
          for (const decision of verdict.decisions) {
            if (decision.type === 'open') {
              expect(over || open).toBe(false)
              open = true
              heard = new Set()
            }
            if (decision.type === 'persist') {
              expect([...heard].sort()).toEqual(expect.arrayContaining([...rules.subtasks].sort()))
              expect(decision.snapshots).toHaveLength(rules.subtasks.length)
              persisting.add(decision.checkpoint)
            }
            if (decision.type === 'abort' && real.type !== 'persist-failed')
              expect(persisting.has(decision.checkpoint)).toBe(false)
            if (decision.type === 'fail' || decision.type === 'end') over = true
          }
          state = verdict.state
        })
      }),
      { numRuns: 500 },
    )
  })
})

function anyFact(): fc.Arbitrary<TestFact> {
  const id = fc.integer({ min: 1, max: 4 })
  const task = fc.integer({ min: 0, max: 1 })
  const attempt = fc.constantFrom(3, 3, 3, 2)
  return fc.oneof(
    fc.constantFrom(tick, request, stop, opened(0)),
    fc.constantFrom<TestFact>(tick, tick, opened(0), { type: 'open-failed', cause }, attemptFailed),
    fc.tuple(id, task).map(([checkpoint, worker]) => enumerated(checkpoint, worker)),
    fc.tuple(id, task, task, attempt).map(([checkpoint, t, s, a]) => ack(checkpoint, t, s, a)),
    fc.tuple(id, task, task, attempt).map(([checkpoint, t, s, a]) => ack(checkpoint, t, s, a)),
    fc.tuple(id, task, attempt).map(([checkpoint, t, a]) => decline(checkpoint, t, a)),
    fc.tuple(task, task, attempt).map(([t, s, a]) => drained(t, s, a)),
    id.map(persisted),
    fc.tuple(id, fc.boolean()).map(([checkpoint, unknown]) => persistFailed(checkpoint, unknown)),
    fc.tuple(id, task).map(([checkpoint, worker]) => committed(checkpoint, worker)),
  )
}
