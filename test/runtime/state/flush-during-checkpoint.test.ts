// Checkpoints taken while RocksDB flushes and compacts in the background.
// Hunts for: a file that was still being written when it was linked, so that it later differs from what the checkpoint says.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyStateFolder } from '../../../runtime/state/verify-state-folder.ts'
import type { ValueState } from '../../../src/contract/state.ts'
import { checkpoint, makeBackend, type Restorable, scratchFolder } from './support.ts'

const scratch = scratchFolder()

test('every file of a checkpoint is what the checkpoint says, also later', async () => {
  const backend = makeBackend(scratch)
  await backend.open([])
  const state = backend.register({ name: 'text', kind: 'value', options: {} }) as ValueState<string>
  const folder = join(scratch, 'checkpoints')
  mkdirSync(folder)
  const taken: Restorable[] = []
  for (let round = 0; round < 25; round += 1) {
    for (let key = 0; key < 2_000; key += 1) {
      backend.setCurrentKey(key * (1 + (round % 7)))
      state.set(`${round} ${key} `.repeat(150))
    }
    taken.push(await checkpoint(backend, folder, `c${round}`))
  }
  for (const { folder: at, handle } of taken) {
    expect(await verifyStateFolder(join(at, handle.folder), handle)).toBeUndefined()
  }
  await backend.close()
})
