// The backend against a plain model, over random commands: every state kind, small caches, freezes with changes while the
// snapshot is under way, snapshots given up at any stage, restores at the same and at other parallelisms.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'vitest'
import { canonicalKey } from '../../../src/util/key-group.ts'
import { KEYS, step, timerStep } from './state-commands.ts'
import { StateUnderTest } from './state-model.ts'
import { scratchFolder } from './support.ts'

const scratch = scratchFolder()
let runs = 0

const setup = fc.record({
  keys: fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 3, maxLength: 6, selector: canonicalKey }),
  cacheBytes: fc.constantFrom(Number.POSITIVE_INFINITY, 0, 1500, 4000),
  parallelism: fc.constantFrom(1, 1, 2, 3),
  last: fc.constantFrom(1, 2, 3, 8),
})

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function apply(state: StateUnderTest, next: Step): Promise<void> {
  if (next.kind === 'batch') await state.batch(next.writes, next.ahead)
  else if (next.kind === 'fire') await state.fire(next)
  else if (next.kind === 'restore') await state.restore(next.parallelism)
  else if (next.kind === 'finish') await state.finish(next.wait)
  else state[next.kind]()
}

async function holdsFor(steps: fc.Arbitrary<Step>): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 100, size: 'max' }), setup, async (all, options) => {
      const folder = join(scratch, `run-${++runs}`)
      mkdirSync(folder)
      const state = await StateUnderTest.open(folder, options)
      try {
        for (const next of all) await apply(state, next)
        await state.compareAll()
        await state.finish(true)
        state.freeze()
        await state.finish(true)
        await state.restore(options.last)
        await state.fireAll()
      } finally {
        await state.close()
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    // Shrinking long runs takes longer than reading the failing one.
    { numRuns: Number(process.env.MODEL_RUNS ?? 20), endOnFailure: true },
  )
}

test(
  'a state backend does what a plain Map does, whatever is frozen, evicted, given up or restored',
  {
    timeout: 3_000_000,
  },
  () => holdsFor(step),
)

test('timers are exact, on either side of the horizon', { timeout: 3_000_000 }, () =>
  holdsFor(timerStep as fc.Arbitrary<Step>),
)
