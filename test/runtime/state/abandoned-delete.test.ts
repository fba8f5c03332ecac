// A key is cleared, and the snapshot that would have deleted its row is given up before it is written.
// Hunts for: a row that nobody remembers to delete, so that what was cleared is back after a restore.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { KeyedBackend } from '../../../runtime/state/keyed-backend.ts'
import type { ValueState } from '../../../src/contract/state.ts'
import { checkpoint, makeBackend, scratchFolder } from './support.ts'

const scratch = scratchFolder()
const textState = (backend: KeyedBackend): ValueState<string> =>
  backend.register({ name: 'text', kind: 'value', options: {} }) as ValueState<string>

test('what was cleared stays cleared, though the snapshot in between was given up', async () => {
  const folder = join(scratch, 'checkpoints')
  mkdirSync(folder)
  const backend = makeBackend(scratch)
  await backend.open([])
  const state = textState(backend)
  backend.setCurrentKey('key')
  state.set('here')
  await checkpoint(backend, folder, 'first')
  backend.setCurrentKey('key')
  state.clear()
  const abandoned = backend.freeze()
  while (!abandoned.encodeSlice(1));
  abandoned.abandon()
  const last = await checkpoint(backend, folder, 'last')
  await backend.close()

  const restored = makeBackend(scratch)
  await restored.open([last])
  const again = textState(restored)
  await restored.prefetch(['key'])
  restored.setCurrentKey('key')
  expect(again.get()).toBeUndefined()
  await restored.close()
})
