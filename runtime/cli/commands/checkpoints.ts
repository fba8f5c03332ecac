import { resolve } from 'node:path'
import { type Config, DEFAULT_DATA_DIR } from '../../config/load-config.ts'
import { type CheckpointSummary, listCheckpoints } from '../../control/checkpoint-tools.ts'
import { loadJobFile } from '../../worker/load-job.ts'
import { type CommandFunction, EXIT, type Terminal } from '../command.ts'
import { asJson } from '../event-line.ts'
import { formatBytes, formatDuration } from '../format.ts'
import { checkpointsOf } from '../known-job.ts'
import { configOf } from '../run-request.ts'
import { tableText } from '../table.ts'

/** `millrace checkpoints JOB`: the places to go back to, oldest first. */
export const checkpointsCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const [job = ''] = args.positionals
  const checkpoints = await checkpointsOf(dataDir, job)
  const text = checkpoints.length === 0 ? `${job} retains no checkpoint.` : checkpointTable(checkpoints, Date.now())
  terminal.stdout.write(json ? `${asJson(checkpoints)}\n` : `${text}\n`)
  return EXIT.done
}

/** `run-job FILE --from-checkpoint` without a (retained) number: what there is, and what to type. */
export async function offerCheckpoints(
  { file, typed, job }: { readonly file: string; readonly typed: string; readonly job: string | undefined },
  { dataDir }: Config,
  { stderr }: Terminal,
): Promise<number> {
  const { name } = await loadJobFile(resolve(file), job)
  const checkpoints = await listCheckpoints(dataDir, name)
  const whole = checkpoints.filter(({ damage }) => damage === undefined)
  const last = whole.at(-1)
  if (last === undefined) {
    stderr.write(`Job "${name}" retains no checkpoint in ${dataDir}: start it without --from-checkpoint.\n`)
    return EXIT.misuse
  }
  const there = dataDir === DEFAULT_DATA_DIR ? '' : ` --data-dir ${dataDir}`
  stderr.write(`Job "${name}" retains these checkpoints:\n${checkpointTable(checkpoints, Date.now())}\n`)
  const which = job === undefined ? '' : ` --job ${job}`
  stderr.write(`To go back to one: ${typed}${there}${which} --from-checkpoint ${(whole.at(-2) ?? last).id}\n`)
  return EXIT.misuse
}

function checkpointTable(checkpoints: readonly CheckpointSummary[], nowMs: number): string {
  const rows = checkpoints.map(({ id, completedAt, durationMs, stateBytes, newBytes, final, damage }) =>
    damage === undefined
      ? [
          String(id),
          `${formatDuration(nowMs - completedAt)} ago`,
          formatDuration(durationMs),
          formatBytes(stateBytes),
          formatBytes(newBytes),
          `complete${final ? ', the last of its run' : ''}`,
        ]
      : [String(id), '', '', '', '', `damaged: ${damage}`],
  )
  const titles = ['checkpoint', 'age', 'took', 'size', 'new']
  return tableText([...titles, ''], rows, titles)
}
