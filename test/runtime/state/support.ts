import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { StateHandle } from '../../../runtime/checkpoint/snapshot.ts'
import type { KeyedBackend, KeyedBackendOptions } from '../../../runtime/state/keyed-backend.ts'
import { openKeyedBackend } from '../../../runtime/state/open-keyed-backend.ts'

/** A folder of this test file, gone afterwards. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-state-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

let counter = 0

export function makeBackend(scratch: string, options: Partial<KeyedBackendOptions> = {}): KeyedBackend {
  counter += 1
  return openKeyedBackend({
    node: 'totals',
    subtask: 0,
    keyGroups: 16,
    range: { start: 0, end: 16 },
    workFolder: join(scratch, `work-${counter}`),
    cacheBytes: Number.POSITIVE_INFINITY,
    now: () => 0,
    ...options,
  })
}

export interface Restorable {
  readonly folder: string
  readonly handle: StateHandle
}

/** Freezes, encodes and finishes: a whole checkpoint with nothing in between. */
export async function checkpoint(backend: KeyedBackend, folder: string, name = 'state'): Promise<Restorable> {
  const snapshot = backend.freeze()
  while (!snapshot.encodeSlice(1));
  return { folder, handle: await snapshot.finish(folder, name) }
}
