// How much a checkpoint holds, and how much of that the one before it did not hold.

import type { NodeSnapshot, StateHandle, TaskSnapshot } from './snapshot.ts'

/** The size of a checkpoint. */
export interface CheckpointSize {
  /** Every state file and every small part. */
  readonly stateBytes: number
  /** Of these, files that were not in the checkpoint before, and the small parts: those are written each time. */
  readonly newBytes: number
  /** Names the state files, to compare the next checkpoint with. */
  readonly files: ReadonlySet<string>
}

/** `before`: the files of the checkpoint before it; undefined if there is none. */
export function sizeOfCheckpoint(
  tasks: readonly TaskSnapshot[],
  before: CheckpointSize['files'] | undefined,
): CheckpointSize {
  const files = new Set<string>()
  let stateBytes = 0
  let newBytes = 0
  for (const node of tasks.flatMap((task) => task.nodes)) {
    const small = smallBytesOf(node)
    stateBytes += small
    newBytes += small
    for (const handle of handlesOfNode(node)) {
      stateBytes += handle.section?.bytes ?? 0
      newBytes += handle.section?.bytes ?? 0
      for (const file of handle.files) {
        // A database names its files once and never changes them: one of the same name and content is the same file.
        const name = `${handle.folder}/${file.name} ${file.bytes} ${file.crc}`
        files.add(name)
        stateBytes += file.bytes
        if (before?.has(name) !== true) newBytes += file.bytes
      }
    }
  }
  return { stateBytes, newBytes, files }
}

/** The state folders of one node's part. */
export function handlesOfNode(node: NodeSnapshot): StateHandle[] {
  return [node.keyed, node.enumerator?.state].filter((handle) => handle !== undefined)
}

/** What is in the manifest itself. */
function smallBytesOf({ operator, splits, enumerator, commit }: NodeSnapshot): number {
  const parts = [operator, splits, enumerator?.small, commit]
  return parts.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0)
}
