import {
  carriesAborted,
  changesParallelism,
  commitsAfterRestore,
  commitsAgain,
  cutsBack,
  hidesUntilCommit,
  preparesNothing,
  takesBackLater,
} from './append-cases.ts'
import { type CandidateCase, type Conformance, conformanceOf } from './conformance.ts'
import {
  appliesAllOrNothing,
  appliesWithMarker,
  beginsWithNoEpoch,
  keepsOrder,
  keepsWritersApart,
  survivesCrashes,
} from './epoch-cases.ts'
import {
  closesAfterFailure,
  closesAnyhow,
  flushesNothing,
  flushIsDurable,
  goesBack,
  opensAndCloses,
  writesAgain,
  writesSingly,
} from './sink-cases.ts'
import { inThree, type SinkConformanceOptions, type SinkTrial } from './sink-trial.ts'
import { inTemporaryFolder } from './temporary-folder.ts'

/** A name, what it runs, and why it does not apply, if so. */
type Row<T> = readonly [name: string, run: (trial: SinkTrial<T>) => Promise<void>, skip?: string | undefined]

/** The promises of a sink, each a case for your test runner: those of every sink, then those of its kind. */
export function sinkConformance<T>(options: SinkConformanceOptions<T>): Conformance {
  const rows: readonly Row<T>[] = [
    ['opens and closes without being written to', opensAndCloses],
    ['closes unopened and twice', closesAnyhow],
    [
      'closes after an open() that failed',
      closesAfterFailure,
      options.createBroken === undefined ? 'no createBroken is given' : undefined,
    ],
    ...rowsOfKind(options),
  ]
  return conformanceOf(
    options.name,
    rows.map(([name, run, skip]): CandidateCase => ({ name, skip, run: () => inTrial(options, run) })),
  )
}

function rowsOfKind<T>(options: SinkConformanceOptions<T>): readonly Row<T>[] {
  const { readable = true, parallel = true, rewindable = true } = options.supports ?? {}
  const unseen = readable ? undefined : 'supports.readable is false'
  const one = unseen ?? (parallel ? undefined : 'supports.parallel is false')
  const back = unseen ?? (rewindable ? undefined : 'supports.rewindable is false')
  if (options.kind === 'upsert') {
    return [
      ['flushes nothing', flushesNothing],
      ['is durable after flush()', flushIsDurable, unseen],
      ['takes records one by one', writesSingly, unseen],
      ['is the same when any tail is written again', writesAgain, unseen],
      ['is the same when everything is written again, flush by flush', goesBack, unseen],
    ]
  }
  if (options.kind === 'epoch') {
    return [
      ['begins with no epoch', beginsWithNoEpoch],
      ['applies an epoch together with its marker', appliesWithMarker, unseen],
      ['keeps the order of batches and epochs', keepsOrder, unseen],
      ['applies all of an epoch or nothing', appliesAllOrNothing, unseen],
      ['has each epoch once, whenever it crashes', survivesCrashes, unseen],
      ['keeps writers apart', keepsWritersApart, one],
    ]
  }
  return [
    ['hides an epoch until it is committed', hidesUntilCommit, unseen],
    ['commits again without harm', commitsAgain, unseen],
    ['commits what was prepared before a crash', commitsAfterRestore, unseen],
    ['cuts back what came after the checkpoint', cutsBack, unseen],
    ['carries an aborted epoch to the next commit', carriesAborted, unseen],
    ['prepares nothing', preparesNothing, unseen],
    ['takes back later epochs when the job goes back', takesBackLater, back],
    ['goes from two subtasks to one', (trial) => changesParallelism(trial, 2, 1), one],
    ['goes from one subtask to three', (trial) => changesParallelism(trial, 1, 3), one],
  ]
}

async function inTrial<T>(
  options: SinkConformanceOptions<T>,
  run: (trial: SinkTrial<T>) => Promise<void>,
): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const fixture = await options.prepare(folder)
    try {
      await run({ options, folder, fixture, parts: inThree(options.records) })
    } finally {
      await fixture.dispose?.()
    }
  })
}
