import { dirname } from 'node:path'
import type { FileSystem, OpenFile } from '../../../src/util/file-system.ts'

interface Inode {
  /** As a process sees it. */
  now: Buffer
  /** As the disk has it. */
  disk: Buffer
  /** Writes since the last sync, in order. */
  unsynced: { position: number; bytes: Buffer }[]
}

/** What a power failure leaves of the bytes written since the last sync: of each write, how many bytes reach the disk. */
export type Survivors = (writes: readonly number[]) => readonly number[]

/**
 * A file system in memory that holds writes until they are synced, counts the calls that change something, and can fail the
 * Nth of them (once, or from there on). Directory entries are durable with syncDirectory only.
 */
export class CrashFileSystem implements FileSystem {
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  changes = 0
  /** Calls that change something fail from this one on. */
  failFrom = Number.POSITIVE_INFINITY

  async open(path: string, mode: 'create' | 'write' | 'read'): Promise<OpenFile> {
    if (mode === 'create') {
      this.#change()
      if (this.#names.has(path)) throw new Error(`EEXIST ${path}`)
      this.#names.set(path, { now: Buffer.alloc(0), disk: Buffer.alloc(0), unsynced: [] })
    }
    const inode = this.#names.get(path)
    if (inode === undefined) throw new Error(`ENOENT ${path}`)
    return this.#handle(inode)
  }

  async list(directory: string): Promise<readonly string[]> {
    return [...this.#names.keys()]
      .filter((path) => dirname(path) === directory)
      .map((path) => path.split('/').at(-1) ?? '')
  }

  async makeDirectory(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    this.#change()
    const inode = this.#names.get(from)
    if (inode === undefined) throw new Error(`ENOENT ${from}`)
    this.#names.delete(from)
    this.#names.set(to, inode)
  }

  async remove(path: string): Promise<void> {
    this.#change()
    this.#names.delete(path)
  }

  async syncDirectory(path: string): Promise<void> {
    this.#change()
    for (const name of this.#durableNames.keys()) if (dirname(name) === path) this.#durableNames.delete(name)
    for (const [name, inode] of this.#names) if (dirname(name) === path) this.#durableNames.set(name, inode)
  }

  /** What a machine finds after the power failed; this one is left as it is. */
  afterPowerFailure(survivors: Survivors): CrashFileSystem {
    const left = new CrashFileSystem()
    for (const [name, inode] of this.#durableNames) {
      const kept = survivors(inode.unsynced.map(({ bytes }) => bytes.length))
      let disk: Buffer = Buffer.from(inode.disk)
      inode.unsynced.forEach(({ position, bytes }, i) => {
        disk = place(disk, position, bytes.subarray(0, kept[i] ?? 0))
      })
      left.#put(name, disk)
    }
    return left
  }

  /** What the next process finds after this one was killed: all that was written is there. */
  afterKill(): CrashFileSystem {
    const left = new CrashFileSystem()
    for (const [name, inode] of this.#names) left.#put(name, Buffer.from(inode.now))
    return left
  }

  #put(name: string, content: Buffer): void {
    const inode = { now: content, disk: Buffer.from(content), unsynced: [] }
    this.#names.set(name, inode)
    this.#durableNames.set(name, inode)
  }

  #change(): void {
    this.changes += 1
    if (this.changes >= this.failFrom) throw new Error(`EIO injected at change ${this.changes}`)
  }

  #handle(inode: Inode): OpenFile {
    const change = (): void => this.#change()
    return {
      async read(into, position) {
        return inode.now.copy(into, 0, position)
      },
      async write(parts, position) {
        const bytes = Buffer.concat(parts)
        inode.unsynced.push({ position, bytes })
        inode.now = place(inode.now, position, bytes)
        change()
      },
      async truncate(bytes) {
        change()
        inode.now = Buffer.from(inode.now.subarray(0, bytes))
        inode.unsynced = []
        inode.disk = Buffer.from(inode.now)
      },
      async sync() {
        change()
        inode.disk = Buffer.from(inode.now)
        inode.unsynced = []
      },
      async size() {
        return inode.now.length
      },
      async close() {},
    }
  }
}

function place(content: Buffer, position: number, bytes: Buffer): Buffer {
  if (bytes.length === 0) return content
  const grown = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(grown)
  bytes.copy(grown, position)
  return grown
}
