import { statSync } from 'node:fs'
import { MillraceError } from '../../src/errors.ts'
import { nearest } from '../../src/util/nearest.ts'
import { type CheckpointSummary, type JobStatus, listJobs } from '../control/checkpoint-tools.ts'
import { misuse } from './parse-arguments.ts'

/** The checkpoints of a job that keeps something here, oldest first. Throws CONFIG_INVALID naming the jobs there are. */
export async function checkpointsOf(dataDir: string, job: string): Promise<readonly CheckpointSummary[]> {
  return (await jobStatus(dataDir, job)).checkpoints
}

/** What is known of a job that keeps something here. Throws CONFIG_INVALID naming the jobs there are. */
export async function jobStatus(dataDir: string, job: string): Promise<JobStatus> {
  const jobs = await listJobs(dataDir)
  const found = jobs.find((status) => status.job === job)
  if (found !== undefined) return found
  const names = jobs.map((status) => status.job)
  const meant = nearest(job, names)
  const known = names.length === 0 ? 'no job keeps anything there' : `there are ${names.join(', ')}`
  const hint = meant === undefined ? known : `did you mean ${meant}?`
  throw misuse('JOB', `there is no job "${job}" in ${dataDir} (${hint})`)
}

/** A savepoint's file, or a job that keeps something here. Throws CONFIG_INVALID naming the jobs there are. */
export async function requireStatePlace(dataDir: string, place: string): Promise<void> {
  if (statSync(place, { throwIfNoEntry: false })?.isFile() === true) return
  if (/[/\\]|\.savepoint$/.test(place)) throw misuse('FILE', `there is no file ${place}`)
  await jobStatus(dataDir, place)
}

/** The number of a checkpoint as typed, else of the latest that is whole. Throws CONFIG_INVALID, CHECKPOINT_NOT_FOUND. */
export async function pickCheckpoint(
  dataDir: string,
  job: string,
  typed: { readonly path: string; readonly text: string | undefined },
): Promise<number> {
  const { path, text } = typed
  const checkpoints = await checkpointsOf(dataDir, job)
  if (text !== undefined && !/^[1-9]\d{0,15}$/.test(text)) {
    throw misuse(path, `expected the number of a checkpoint, got "${text}"`)
  }
  const id = text === undefined ? checkpoints.findLast(({ damage }) => damage === undefined)?.id : Number(text)
  if (id !== undefined && checkpoints.some((checkpoint) => checkpoint.id === id)) return id
  const retained = checkpoints.map((checkpoint) => checkpoint.id).join(', ') || 'none'
  throw new MillraceError('CHECKPOINT_NOT_FOUND', { checkpoint: id ?? '(the latest)', job, retained })
}
