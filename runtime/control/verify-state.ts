import { join } from 'node:path'
import type { VerifyState } from '../checkpoint/verify.ts'
import { verifyStateFolder } from '../state/verify-state-folder.ts'

/** The state backend's check of its own files, as checkpoints ask for it. */
export const verifyState: VerifyState = async (folder, handle) => {
  const problem = await verifyStateFolder(folder, handle)
  return problem === undefined ? undefined : { file: join(folder, problem.file), reason: problem.reason }
}
