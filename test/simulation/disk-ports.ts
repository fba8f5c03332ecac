// The disk through the two ports that durable code stands on, at the pace and with the failures of one process.

import type { Fs, FsFile } from '../../runtime/checkpoint/fs.ts'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import type { FileSystem, OpenFile } from '../../src/util/file-system.ts'
import type { Disk, DiskFile } from './disk.ts'
import type { OperationOptions, SimProcess } from './sim-process.ts'
import type { Owner } from './timeline.ts'

/** What a planted bug may leave out. */
export interface DiskLies {
  readonly syncsFile: (path: string) => boolean
  readonly syncsFolder: (path: string) => boolean
}

export const HONEST: DiskLies = { syncsFile: () => true, syncsFolder: () => true }

/** Everything durable of one process, or of one worker of it. */
export interface DiskPorts {
  /** For checkpoints. */
  readonly fs: Fs
  /** For logs. */
  readonly fileSystem: FileSystem
}

export function diskPorts(disk: Disk, process: SimProcess, owner: Owner, lies: DiskLies): DiskPorts {
  const change = <T>(path: string, effect: () => T, options: OperationOptions = {}): Promise<T> =>
    process.operate(effect, { failure: () => new Error(`EIO ${path}`), ...options }, owner)
  const look = <T>(effect: () => T): Promise<T> => process.operate(effect, {}, owner)
  const world: World = { disk, change, look, lies, rng: () => process.timeline.rng.next() }
  return { fs: fsOf(world), fileSystem: fileSystemOf(world) }
}

interface World {
  readonly disk: Disk
  readonly change: <T>(path: string, effect: () => T, options?: OperationOptions) => Promise<T>
  readonly look: <T>(effect: () => T) => Promise<T>
  readonly lies: DiskLies
  readonly rng: () => number
}

function fsOf({ disk, change: rawChange, look, lies, rng }: World): Fs {
  const change: World['change'] = (path, effect, options) =>
    rawChange(path, effect, options).catch((error: unknown) => {
      throw new MillraceError('IO', { action: 'Could not change', path, reason: reasonOf(error) }, error)
    })
  return {
    mkdir: (path) => change(path, () => disk.makeFolder(path)),
    list: (path) => look(() => disk.list(path).sort()),
    read: (path) => look(() => (disk.find(path) === undefined ? undefined : Uint8Array.from(disk.file(path).content))),
    open: async (path) => {
      const content = await look(() =>
        disk.find(path) === undefined ? undefined : Buffer.from(disk.file(path).content),
      )
      if (content === undefined) return undefined
      const read = (at: number, length: number): Promise<Buffer> => look(() => content.subarray(at, at + length))
      return { bytes: content.length, read, close: () => Promise.resolve() }
    },
    exists: (path) => look(() => disk.find(path) !== undefined),
    create: async (path) => fsFile(path, await change(path, () => disk.create(path))),
    rename: (from, to) => change(from, () => disk.rename(from, to)),
    syncFolder: (path) => change(path, () => (lies.syncsFolder(path) ? disk.syncFolder(path) : undefined)),
    link: (from, to) => change(from, () => disk.link(from, to)),
    unlink: (path) => change(path, () => disk.unlink(path)),
    removeFolder: (path) =>
      change(path, () => disk.removeFolder(path), { torn: () => disk.removeFolder(path, Math.floor(rng() * 3)) }),
  }

  function fsFile(path: string, file: DiskFile): FsFile {
    return {
      write: (bytes) => change(path, () => file.write(file.content.length, bytes), tornWrite(file, bytes, rng)),
      sync: () => change(path, () => (lies.syncsFile(path) ? file.sync() : undefined)),
      close: () => Promise.resolve(),
    }
  }
}

function tornWrite(file: DiskFile, bytes: Uint8Array, rng: () => number): OperationOptions {
  return { torn: () => file.write(file.content.length, bytes.subarray(0, Math.floor(rng() * bytes.length))) }
}

function fileSystemOf({ disk, change, look, lies, rng }: World): FileSystem {
  return {
    open: async (path, mode) => {
      if (mode !== 'create') return openFile(path, await look(() => disk.file(path)))
      const create = (): DiskFile => {
        if (disk.find(path) !== undefined) throw new Error(`EEXIST ${path}`)
        return disk.create(path)
      }
      return openFile(path, await change(path, create))
    },
    list: (directory) => look(() => disk.list(directory)),
    makeDirectory: (path) => change(path, () => disk.makeFolder(path)),
    rename: (from, to) => change(from, () => disk.rename(from, to)),
    remove: (path) => change(path, () => disk.unlink(path)),
    syncDirectory: (path) => change(path, () => (lies.syncsFolder(path) ? disk.syncFolder(path) : undefined)),
  }

  function openFile(path: string, file: DiskFile): OpenFile {
    return {
      read: (into, position) => look(() => file.content.copy(into, 0, position)),
      write: (parts, position) => {
        const bytes = Buffer.concat(parts)
        const torn = (): void => file.write(position, bytes.subarray(0, Math.floor(rng() * bytes.length)))
        return change(path, () => file.write(position, bytes), { torn })
      },
      truncate: (bytes) => change(path, () => file.truncate(bytes)),
      sync: () => change(path, () => (lies.syncsFile(path) ? file.sync() : undefined)),
      size: () => look(() => file.content.length),
      close: () => Promise.resolve(),
    }
  }
}
