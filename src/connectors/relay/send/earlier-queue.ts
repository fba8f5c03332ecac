// The queue of an earlier run, when a job starts over.

import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SegmentLog } from '../../../log/segment-log.ts'
import { nodeFileSystem } from '../../../util/file-system.ts'
import { readJson } from '../queue/json-file.ts'
import { folderOf } from '../queue/names.ts'
import { type AckedFile, readAcked } from './acked-file.ts'
import type { SenderIdentity } from './sender-identity.ts'

export interface EarlierQueue {
  readonly folder: string
  readonly settings: { readonly targets: readonly { readonly name: string }[] }
  readonly now: () => number
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Removes the queue that is there, or, if it holds batches that a target may not have, moves it aside and says so. */
export async function asideOrGone({ folder, settings, now, warn }: EarlierQueue): Promise<void> {
  const parent = dirname(folder)
  await nodeFileSystem.makeDirectory(parent)
  if (!existsSync(folder)) return
  // What cannot be read may hold anything.
  const batches = await unsent(folder, settings.targets).catch(() => 'unknown')
  if (batches === 0) {
    await rm(folder, { recursive: true })
  } else {
    const aside = `${folder}-aside-${new Date(now()).toISOString().replaceAll(':', '-')}`
    await rename(folder, aside)
    warn('a new start: batches of the run before were not acknowledged, and are kept aside', { aside, batches })
  }
  await nodeFileSystem.syncDirectory(parent)
}

/** Batches that some target has not acknowledged; those never published count too, unless none ever was. */
async function unsent(folder: string, targets: readonly { readonly name: string }[]): Promise<number> {
  const identity = (await readJson(nodeFileSystem, join(folder, 'sender.json'))) as SenderIdentity | undefined
  const streams = join(folder, 'streams')
  // Before its first checkpoint, nothing of a run was promised to anybody.
  const isNew = identity === undefined || (!identity.hasPublished && identity.ancestors.length === 0)
  if (isNew || !existsSync(streams)) return 0
  const acked = await Promise.all(targets.map(({ name }) => readAcked(join(folder, 'acked'), name)))
  let batches = 0
  for (const name of await nodeFileSystem.list(streams)) {
    const log = await SegmentLog.open(join(streams, name))
    const kept = acked.map((file) => (file?.incarnation === identity.incarnation ? nextOf(file, name) : 0))
    batches += Math.max(0, log.nextSequence - Math.max(log.firstSequence, Math.min(...kept)))
    await log.close()
  }
  return batches
}

function nextOf(file: AckedFile, folder: string): number {
  return file.streams.find(([name]) => folderOf(name) === folder)?.[1] ?? 0
}
