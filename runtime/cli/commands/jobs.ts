import { type JobStatus, listJobs } from '../../control/checkpoint-tools.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { asJson } from '../event-line.ts'
import { formatBytes, formatDuration } from '../format.ts'
import { configOf } from '../run-request.ts'
import { tableText } from '../table.ts'

/** `millrace jobs`: who keeps something here, and whether it runs. */
export const jobsCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const jobs = await listJobs(dataDir)
  const none = `No job keeps anything in ${dataDir}: run-job FILE starts one.`
  terminal.stdout.write(json ? `${asJson(jobs)}\n` : `${jobs.length === 0 ? none : jobTable(jobs, Date.now())}\n`)
  return EXIT.done
}

function jobTable(jobs: readonly JobStatus[], nowMs: number): string {
  const rows = jobs.map(({ job, runningPid, checkpoints }) => {
    const latest = checkpoints.findLast(({ damage }) => damage === undefined)
    const state = runningPid === undefined ? 'not running' : `running (process ${runningPid})`
    const row = [job, state, String(checkpoints.length)]
    if (latest === undefined) return row
    return [
      ...row,
      String(latest.id),
      `${formatDuration(nowMs - latest.completedAt)} ago`,
      formatBytes(latest.stateBytes),
    ]
  })
  return tableText(['job', '', 'checkpoints', 'latest', 'age', 'size'], rows, ['checkpoints', 'latest', 'age', 'size'])
}
