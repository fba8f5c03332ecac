import type { Config } from '../../config/load-config.ts'
import { loadJobFile } from '../../worker/load-job.ts'
import { type CommandFunction, EXIT, type Terminal } from '../command.ts'
import { asJson } from '../event-line.ts'
import { formatBytes, formatDuration } from '../format.ts'
import { configOf } from '../run-request.ts'
import { type CheckpointEntry, listEntries, openStoredJob, storedJobNames } from '../stored-job.ts'
import { tableText } from '../table.ts'

/** `millrace checkpoints JOB`: the places to go back to, oldest first. */
export const checkpointsCommand: CommandFunction = async (args, terminal) => {
  const config = configOf(args, terminal)
  const job = await openStoredJob(config.dataDir, args.positionals[0] ?? '')
  const entries = await listEntries(job)
  const text = entries.length === 0 ? `${job.name} retains no checkpoint.` : entriesTable(entries, Date.now())
  terminal.stdout.write(config.json ? `${asJson(entries)}\n` : `${text}\n`)
  return EXIT.done
}

/** `run-job FILE --from-checkpoint` without a (retained) number: what there is, and what to type. */
export async function offerCheckpoints(file: string, config: Config, { stderr }: Terminal): Promise<number> {
  const { name } = await loadJobFile(file)
  const kept = (await storedJobNames(config.dataDir)).includes(name)
  const entries = kept ? await listEntries(await openStoredJob(config.dataDir, name)) : []
  const good = entries.filter(({ damage }) => damage === undefined)
  const last = good.at(-1)
  if (last === undefined) {
    stderr.write(`Job "${name}" retains no checkpoint in ${config.dataDir}: start it without --from-checkpoint.\n`)
    return EXIT.misuse
  }
  const typed = `run-job ${file} --from-checkpoint`
  stderr.write(`Job "${name}" retains these checkpoints:\n${entriesTable(entries, Date.now())}\n`)
  stderr.write(`To go back to one of them: ${typed} ${(good.at(-2) ?? last).id}\n`)
  return EXIT.misuse
}

function entriesTable(entries: readonly CheckpointEntry[], nowMs: number): string {
  const rows = entries.map((entry) => [
    String(entry.id),
    entry.completedAt === undefined ? '' : `${formatDuration(nowMs - entry.completedAt)} ago`,
    entry.tookMs === undefined ? '' : formatDuration(entry.tookMs),
    entry.damage === undefined ? formatBytes(entry.bytes) : '',
    entry.damage === undefined ? `complete${entry.final ? ', the last of its run' : ''}` : `damaged: ${entry.damage}`,
  ])
  return tableText(['checkpoint', 'age', 'took', 'state', ''], rows, ['checkpoint', 'age', 'took', 'state'])
}
