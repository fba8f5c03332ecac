// What a target has acknowledged, in a small file beside the queue. It may lag behind, and never runs ahead.

import { join } from 'node:path'
import { nodeFileSystem } from '../../../util/file-system.ts'
import { readJson, writeJson } from '../queue/json-file.ts'
import { folderOf } from '../queue/names.ts'
import type { StreamPosition } from './sender-identity.ts'

/** What a target had of the streams of an incarnation. */
export interface AckedFile {
  readonly format: 1
  readonly target: string
  readonly incarnation: string
  readonly streams: readonly StreamPosition[]
}

/** Undefined for a target that has acknowledged nothing yet. Throws LOG_CORRUPT, IO. */
export async function readAcked(folder: string, target: string): Promise<AckedFile | undefined> {
  return (await readJson(nodeFileSystem, pathOf(folder, target))) as AckedFile | undefined
}

/** Throws IO. */
export async function writeAcked(folder: string, acked: AckedFile): Promise<void> {
  await nodeFileSystem.makeDirectory(folder)
  await writeJson(nodeFileSystem, pathOf(folder, acked.target), acked)
}

function pathOf(folder: string, target: string): string {
  return join(folder, `${folderOf(target)}.json`)
}
