import { type CandidateCase, type Conformance, conformanceOf } from './conformance.ts'
import {
  closesAfterFailure,
  closesAnyhow,
  goesOn,
  keepsSplitsUnread,
  opensAndCloses,
  readsAll,
  repeatsAfterCheckpoint,
  settlesOnClose,
  splitsArePlain,
  waitsForMore,
} from './source-cases.ts'
import type { SourceConformanceOptions, SourceTrial } from './source-trial.ts'
import { inTemporaryFolder } from './temporary-folder.ts'

/**
 * The promises of a source, each a case for your test runner: every record exactly once, whatever the parallelism, and from any
 * checkpoint on with nothing but its bytes; an idle reader that can be closed; splits that are plain data.
 */
export function sourceConformance<T>(options: SourceConformanceOptions<T>): Conformance {
  const { supports, createBroken } = options
  const one = supports.parallel === false ? 'supports.parallel is false' : undefined
  const bounded = supports.end === 'itself' ? 'the source ends by itself' : undefined
  const unbroken = createBroken === undefined ? 'no createBroken is given' : undefined
  const check = (name: string, run: (trial: SourceTrial<T>) => Promise<void>, skip?: string): CandidateCase => ({
    name,
    skip,
    run: () => inTrial(options, run),
  })
  return conformanceOf(options.name, [
    check('opens and closes without being read', opensAndCloses),
    check('closes unopened and twice', closesAnyhow),
    check('closes after a failure', closesAfterFailure, unbroken),
    check('gives every record exactly once', (trial) => readsAll(trial, {})),
    check('gives every record exactly once, one at a time', (trial) => readsAll(trial, { maxRecords: 1 })),
    check('gives every record exactly once, parallelism 2', (trial) => readsAll(trial, { parallelism: 2 }), one),
    check('gives every record exactly once, parallelism 3', (trial) => readsAll(trial, { parallelism: 3 }), one),
    check('tolerates that readers report twice', (trial) => readsAll(trial, { repeatEvents: true })),
    check('waits for more when it has given everything', waitsForMore, bounded),
    check('settles available() on close', settlesOnClose),
    check('has splits that are plain data, each with its id', splitsArePlain),
    check('goes on from a checkpoint after each poll', (trial) => goesOn(trial, [1])),
    check('goes on from a checkpoint after each poll, parallelism 2', (trial) => goesOn(trial, [2]), one),
    check('goes on at another parallelism', (trial) => goesOn(trial, [1, 3, 2]), one),
    check('gives again what came after the checkpoint', (trial) => repeatsAfterCheckpoint(trial, 1)),
    check('gives again what came after the checkpoint, parallelism 2', (t) => repeatsAfterCheckpoint(t, 2), one),
    check('keeps splits that nobody has read yet', (trial) => keepsSplitsUnread(trial, 1)),
    check('keeps splits that nobody has read yet, parallelism 3', (trial) => keepsSplitsUnread(trial, 3), one),
  ])
}

async function inTrial<T>(
  options: SourceConformanceOptions<T>,
  run: (trial: SourceTrial<T>) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const fixture = await options.prepare(folder)
    try {
      await run({ options, folder, fixture })
    } finally {
      await fixture.dispose?.()
    }
  })
}
