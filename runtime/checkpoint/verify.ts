// Are the files of a checkpoint those that its manifest speaks of?

import { join } from 'node:path'
import { handlesOfNode } from './checkpoint-size.ts'
import type { Manifest } from './manifest.ts'
import type { StateHandle } from './snapshot.ts'

/** A file that is missing, cut or changed. */
export interface Damage {
  readonly file: string
  readonly reason: string
}

/** Compares a state folder with its handle; the state backend knows how. */
export type VerifyState = (folder: string, handle: StateHandle) => Promise<Damage | undefined>

/** Every state folder of a checkpoint. */
export function handlesOf(manifest: Manifest): StateHandle[] {
  return manifest.tasks.flatMap((task) => task.nodes).flatMap(handlesOfNode)
}

/** The first damaged file of a checkpoint, or undefined. */
export async function findDamage(folder: string, manifest: Manifest, verify: VerifyState): Promise<Damage | undefined> {
  const found = await Promise.all(handlesOf(manifest).map((handle) => verify(join(folder, handle.folder), handle)))
  return found.find((damage) => damage !== undefined)
}
