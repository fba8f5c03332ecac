// Disk: files and folders in memory that lose at a power cut what was not synced.
//
// Owns: what processes see, and what would be left if the power were cut now.
// Does not own: time and failures (sim-process): every method here happens at once.
//
// I1. Of a file's writes since its last sync any may survive, in whole, in part or not at all.
// I2. Of a folder's changes since its last sync the oldest survive, up to some moment; a rename is one change. Folders are
//     independent of each other.

import { dirname, join } from 'node:path'
import { assert, present } from '../../src/util/assert.ts'
import type { Rng } from '../../src/util/rng.ts'

interface FileChange {
  readonly position: number
  /** Undefined: a cut at `position`. */
  readonly bytes: Buffer | undefined
}

/** A file whatever its names. */
export class DiskFile {
  content: Buffer = Buffer.alloc(0)
  #synced: Buffer = this.content
  #unsynced: FileChange[] = []

  write(position: number, bytes: Uint8Array): void {
    this.#change({ position, bytes: Buffer.from(bytes) })
  }

  truncate(position: number): void {
    this.#change({ position, bytes: undefined })
  }

  sync(): void {
    this.#synced = this.content
    this.#unsynced = []
  }

  get isSynced(): boolean {
    return this.#unsynced.length === 0
  }

  get syncedContent(): Buffer {
    return this.#synced
  }

  cutPower(rng: Rng): void {
    let content = this.#synced
    for (const change of this.#unsynced) {
      const kept = rng.int(3)
      if (kept === 0) continue
      const { position, bytes } = change
      const torn = kept === 1 && bytes !== undefined ? bytes.subarray(0, rng.int(bytes.length + 1)) : bytes
      content = changed(content, { position, bytes: torn })
    }
    this.content = content
    this.sync()
  }

  #change(change: FileChange): void {
    this.#unsynced.push(change)
    this.content = changed(this.content, change)
  }
}

function changed(content: Buffer, { position, bytes }: FileChange): Buffer {
  if (bytes === undefined) return content.subarray(0, position)
  if (bytes.length === 0) return content
  const grown = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(grown)
  bytes.copy(grown, position)
  return grown
}

type Entries = Map<string, DiskFile | DiskFolder>
type FolderChange = (entries: Entries) => void

class DiskFolder {
  readonly entries: Entries = new Map()
  #synced: Entries = new Map()
  #unsynced: FolderChange[] = []

  change(change: FolderChange): void {
    this.#unsynced.push(change)
    change(this.entries)
  }

  sync(): void {
    this.#synced = new Map(this.entries)
    this.#unsynced = []
  }

  get synced(): ReadonlyMap<string, DiskFile | DiskFolder> {
    return this.#synced
  }

  cutPower(rng: Rng): void {
    const kept = this.#unsynced.slice(0, rng.int(this.#unsynced.length + 1))
    this.entries.clear()
    for (const [name, entry] of this.#synced) this.entries.set(name, entry)
    for (const change of kept) change(this.entries)
    this.sync()
    for (const entry of this.entries.values()) entry.cutPower(rng)
  }
}

export class Disk {
  readonly #root = new DiskFolder()

  /** What is left when the power comes back. */
  cutPower(rng: Rng): void {
    this.#root.cutPower(rng)
  }

  find(path: string): DiskFile | DiskFolder | undefined {
    let at: DiskFile | DiskFolder | undefined = this.#root
    for (const name of namesIn(path)) at = at instanceof DiskFolder ? at.entries.get(name) : undefined
    return at
  }

  /** A file's content if a power cut now would certainly leave it as it is. */
  durable(path: string): Buffer | undefined {
    let at: DiskFile | DiskFolder | undefined = this.#root
    for (const name of namesIn(path)) at = at instanceof DiskFolder ? at.synced.get(name) : undefined
    return at instanceof DiskFile && at.isSynced ? at.syncedContent : undefined
  }

  file(path: string): DiskFile {
    const file = this.find(path)
    if (!(file instanceof DiskFile)) throw absent(path)
    return file
  }

  list(path: string): string[] {
    const folder = this.find(path)
    return folder instanceof DiskFolder ? [...folder.entries.keys()] : []
  }

  makeFolder(path: string): void {
    let at = this.#root
    for (const name of namesIn(path)) {
      let next = at.entries.get(name)
      if (next === undefined) {
        const made = new DiskFolder()
        at.change((entries) => entries.set(name, made))
        next = made
      }
      assert(next instanceof DiskFolder, `${path} is a folder`)
      at = next
    }
  }

  create(path: string): DiskFile {
    const file = new DiskFile()
    this.#parent(path).change((entries) => entries.set(nameOf(path), file))
    return file
  }

  /** Within one folder. */
  rename(from: string, to: string): void {
    assert(dirname(from) === dirname(to), 'files are renamed within their folder')
    const entry = this.find(from)
    if (entry === undefined) throw absent(from)
    this.#parent(from).change((entries) => {
      entries.delete(nameOf(from))
      entries.set(nameOf(to), entry)
    })
  }

  link(from: string, to: string): void {
    const file = this.file(from)
    this.#parent(to).change((entries) => entries.set(nameOf(to), file))
  }

  unlink(path: string): void {
    if (this.find(path) !== undefined) this.#parent(path).change((entries) => entries.delete(nameOf(path)))
  }

  /** Its files one by one, then itself; `upTo` many entries only, as when a crash comes in between. */
  removeFolder(path: string, upTo = Number.POSITIVE_INFINITY): void {
    for (const [i, name] of this.list(path).entries()) {
      if (i >= upTo) return
      const inner = join(path, name)
      if (this.find(inner) instanceof DiskFolder) this.removeFolder(inner)
      else this.unlink(inner)
    }
    this.unlink(path)
  }

  syncFolder(path: string): void {
    const folder = this.find(path)
    if (!(folder instanceof DiskFolder)) throw absent(path)
    folder.sync()
  }

  #parent(path: string): DiskFolder {
    const parent = this.find(dirname(path))
    if (!(parent instanceof DiskFolder)) throw absent(dirname(path))
    return parent
  }
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '')
}

function nameOf(path: string): string {
  return present(path.split('/').at(-1), 'a name')
}

function absent(path: string): Error {
  return new Error(`ENOENT ${path}`)
}
