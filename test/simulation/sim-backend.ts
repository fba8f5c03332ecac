// SimBackend: keyed values of one node in one subtask, in the heap; its snapshots are one file each on the simulated disk.
//
// Stands in for the RocksDB backend, which has tests of its own: reads may wait, encoding goes in slices, writing takes time and
// may fail. Timers are not simulated.

import { join } from 'node:path'
import type { Fs } from '../../runtime/checkpoint/fs.ts'
import type { StateHandle } from '../../runtime/checkpoint/snapshot.ts'
import type { VerifyState } from '../../runtime/checkpoint/verify.ts'
import type { KeyedBackend, KeyedBackendOptions, KeyedSnapshot } from '../../runtime/state/keyed-backend.ts'
import { msgpackCodec } from '../../src/codec/msgpack-codec.ts'
import type { TimerService } from '../../src/contract/keyed-context.ts'
import type { AnyState, StateDescriptor } from '../../src/contract/state.ts'
import { assert } from '../../src/util/assert.ts'
import { crc32 } from '../../src/util/crc32.ts'
import { type Key, keyGroupOf } from '../../src/util/key-group.ts'

const STATE_FILE = 'state'

type Row = readonly [key: Key, state: string, value: unknown]

export class SimBackend implements KeyedBackend {
  readonly residentBytes = 0
  readonly timers = NO_TIMERS
  readonly #options: KeyedBackendOptions
  readonly #fs: Fs
  readonly #wait: () => Promise<void> | undefined
  readonly #states = new Map<string, Map<Key, unknown>>()
  #key: Key = ''

  /** `wait`: what a read may take. */
  constructor(options: KeyedBackendOptions, fs: Fs, wait: () => Promise<void> | undefined) {
    this.#options = options
    this.#fs = fs
    this.#wait = wait
  }

  async open(restore: readonly { readonly folder: string; readonly handle: StateHandle }[]): Promise<void> {
    const { range, keyGroups } = this.#options
    for (const { folder, handle } of restore) {
      const bytes = await this.#fs.read(join(folder, handle.folder, STATE_FILE))
      assert(bytes !== undefined, `the state file of ${handle.folder} is there`)
      for (const [key, state, value] of msgpackCodec.decode(bytes) as Row[]) {
        const group = keyGroupOf(key, keyGroups)
        if (group < range.start || group >= range.end) continue
        assert(!this.#values(state).has(key), `key ${String(key)} is in one part of the checkpoint`)
        this.#values(state).set(key, value)
      }
    }
  }

  register(descriptor: StateDescriptor): AnyState {
    assert(descriptor.kind === 'value', 'simulated state is of kind value')
    const values = this.#values(descriptor.name)
    return {
      get: () => values.get(this.#key),
      set: (value: unknown) => void values.set(this.#key, value),
      clear: () => void values.delete(this.#key),
    }
  }

  setCurrentKey(key: Key): void {
    this.#key = key
  }

  prefetch(keys: readonly Key[]): Promise<void> | undefined {
    const { range, keyGroups } = this.#options
    for (const key of keys) {
      const group = keyGroupOf(key, keyGroups)
      assert(group >= range.start && group < range.end, `key ${String(key)} came to its owner`)
    }
    return this.#wait()
  }

  prefetchAhead(): void {}

  readDueTimers(): undefined {
    return undefined
  }

  takeDueTimers(): readonly [] {
    return []
  }

  nextTimer(): undefined {
    return undefined
  }

  advanceWatermark(): void {}

  freeze(): KeyedSnapshot {
    const rows = [...this.#states].flatMap(([state, values]) =>
      [...values].map(([key, value]): Row => [key, state, value]),
    )
    const bytes = new Uint8Array(msgpackCodec.encode(rows))
    let slices = 2
    return {
      encodeSlice: () => --slices <= 0,
      abandon: () => {},
      finish: (checkpointFolder, folder) => this.#write(checkpointFolder, folder, bytes),
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #write(checkpointFolder: string, folder: string, bytes: Uint8Array): Promise<StateHandle> {
    const path = join(checkpointFolder, folder)
    await this.#fs.mkdir(path)
    const file = await this.#fs.create(join(path, STATE_FILE))
    await file.write(bytes)
    await file.sync()
    await this.#fs.syncFolder(path)
    await this.#fs.syncFolder(checkpointFolder)
    const files = [{ name: STATE_FILE, bytes: bytes.length, crc: crc32(bytes) }]
    return { folder, files, keyGroups: this.#options.range, states: [] }
  }

  #values(state: string): Map<Key, unknown> {
    const known = this.#states.get(state)
    if (known !== undefined) return known
    const made = new Map<Key, unknown>()
    this.#states.set(state, made)
    return made
  }
}

/** The check of a state folder that goes with it. */
export function verifySimState(fs: Fs): VerifyState {
  return async (folder, handle) => {
    for (const { name, bytes, crc } of handle.files) {
      const file = join(folder, name)
      const found = await fs.read(file)
      if (found === undefined) return { file, reason: 'it is not there' }
      if (found.length !== bytes || crc32(found) !== crc) return { file, reason: 'it is not what was written' }
    }
    return undefined
  }
}

const NO_TIMERS: TimerService = {
  currentWatermark: () => Number.NEGATIVE_INFINITY,
  currentProcessingTime: () => 0,
  registerEventTimeTimer: () => {},
  registerProcessingTimeTimer: () => {},
  deleteEventTimeTimer: () => {},
  deleteProcessingTimeTimer: () => {},
}
