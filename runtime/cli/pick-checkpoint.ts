import { MillraceError } from '../../src/errors.ts'
import { misuse } from './parse-arguments.ts'
import { type CheckpointEntry, listEntries, type StoredJob } from './stored-job.ts'

/** The number of a checkpoint as typed; undefined if none was. Throws CONFIG_INVALID. */
export function parseCheckpointId(path: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text)
  throw misuse(path, `expected the number of a checkpoint, got "${text}"`)
}

/** The retained checkpoint of this number, or the latest intact one. Throws CHECKPOINT_NOT_FOUND. */
export async function pickEntry(job: StoredJob, id: number | undefined): Promise<CheckpointEntry> {
  const entries = await listEntries(job)
  const found =
    id === undefined
      ? entries.findLast(({ damage }) => damage === undefined)
      : entries.find((candidate) => candidate.id === id)
  if (found !== undefined) return found
  const retained = entries.map((candidate) => candidate.id).join(', ') || 'none'
  throw new MillraceError('CHECKPOINT_NOT_FOUND', { checkpoint: id ?? '(the latest)', job: job.name, retained })
}
