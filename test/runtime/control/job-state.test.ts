import { describe, expect, it } from 'vitest'
import { isTerminal, JOB_STATES, moveTo } from '../../../runtime/control/job-state.ts'
import type { JobState } from '../../../runtime/control/run-types.ts'

const STATES = Object.keys(JOB_STATES) as JobState[]

describe('job states', () => {
  it.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))(
    '%s -> %s is as the table says',
    (from, to) => {
      if (JOB_STATES[from].next.includes(to)) expect(moveTo(from, to)).toBe(to)
      else expect(() => moveTo(from, to)).toThrow(`cannot go from ${from} to ${to}`)
    },
  )

  it('every state says what it means in one sentence, can be reached and can be left to an end', () => {
    const reachable = (from: JobState, seen = new Set<JobState>()): Set<JobState> => {
      for (const next of JOB_STATES[from].next) if (!seen.has(next)) reachable(next, seen.add(next))
      return seen
    }
    for (const state of STATES) {
      expect(JOB_STATES[state].meaning).toMatch(/^[A-Z].*\.$/)
      if (state !== 'created') expect(reachable('created')).toContain(state)
      if (!isTerminal(state)) expect([...reachable(state)].some(isTerminal)).toBe(true)
    }
    expect(STATES.filter(isTerminal)).toEqual(['finished', 'stopped', 'failed', 'cancelled'])
  })

  it('a job can be cancelled from every state that is not an end', () => {
    for (const state of STATES) expect(JOB_STATES[state].next.includes('cancelled')).toBe(!isTerminal(state))
  })
})
