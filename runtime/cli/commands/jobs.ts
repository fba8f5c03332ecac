import { join, resolve } from 'node:path'
import { jobLayout } from '../../checkpoint/layout.ts'
import { lockHolder } from '../../control/job-lock.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { asJson } from '../event-line.ts'
import { formatBytes, formatDuration } from '../format.ts'
import { configOf } from '../run-request.ts'
import { listEntries, openStoredJob, storedJobNames } from '../stored-job.ts'
import { tableText } from '../table.ts'

interface JobEntry {
  readonly job: string
  /** Of the process that runs it now. */
  readonly pid: number | undefined
  readonly checkpoints: number
  readonly latest: number | undefined
  readonly latestAt: number | undefined
  readonly bytes: number
}

/** `millrace jobs`: who keeps something here, and whether it runs. */
export const jobsCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const names = await storedJobNames(dataDir)
  const entries = await Promise.all(names.map((name) => entryOf(dataDir, name)))
  const none = `No job keeps anything in ${dataDir}: run-job FILE starts one.`
  terminal.stdout.write(json ? `${asJson(entries)}\n` : `${entries.length === 0 ? none : jobsTable(entries)}\n`)
  return EXIT.done
}

async function entryOf(dataDir: string, job: string): Promise<JobEntry> {
  const pid = await lockHolder(jobLayout(join(resolve(dataDir), job)).lock)
  const entries = await listEntries(await openStoredJob(dataDir, job))
  const latest = entries.findLast(({ damage }) => damage === undefined)
  return {
    job,
    pid,
    checkpoints: entries.length,
    latest: latest?.id,
    latestAt: latest?.completedAt,
    bytes: latest?.bytes ?? 0,
  }
}

function jobsTable(entries: readonly JobEntry[]): string {
  const rows = entries.map(({ job, pid, checkpoints, latest, latestAt, bytes }) => [
    job,
    pid === undefined ? 'not running' : `running (process ${pid})`,
    String(checkpoints),
    latest === undefined ? '' : String(latest),
    latestAt === undefined ? '' : `${formatDuration(Date.now() - latestAt)} ago`,
    latest === undefined ? '' : formatBytes(bytes),
  ])
  return tableText(['job', '', 'checkpoints', 'latest', 'age', 'state'], rows, [
    'checkpoints',
    'latest',
    'age',
    'state',
  ])
}
