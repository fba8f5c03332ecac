// A file system in memory that forgets what was not synced when it crashes, and fails any one of its calls.

import { dirname } from 'node:path'
import type { Fs, FsFile, FsReader } from '../../../runtime/checkpoint/fs.ts'
import { MillraceError } from '../../../src/errors.ts'

interface Inode {
  written: Uint8Array
  synced: Uint8Array
}

/** 'fail': the call does nothing and throws. 'crash': the call does half of what it does, then everything throws. */
export type Fault = { readonly call: number; readonly kind: 'fail' | 'crash' }

type Entry = Inode | 'folder'

export class MemoryFs implements Fs {
  /** As a running process sees it, and as it is after a power cut. */
  #live = new Map<string, Entry>([['/', 'folder']])
  #durable = new Map<string, Entry>([['/', 'folder']])
  /** Of a folder that got a new name: what of it is durable, by path within it. The new name becomes so with the folder above. */
  #renamed = new Map<string, ReadonlyMap<string, Entry>>()
  #calls = 0
  #dead = false
  fault: Fault | undefined
  /** The next call that the log shows like this fails. */
  failOnce: string | undefined
  readonly log: string[] = []
  /** By readers. */
  bytesRead = 0

  get calls(): number {
    return this.#calls
  }

  /** The power is cut and comes back. `keepUnsynced`: the system had written everything of its own accord. */
  restart(keepUnsynced: boolean): void {
    if (!keepUnsynced) {
      this.#live = new Map(this.#durable)
      for (const path of [...this.#live.keys()]) if (!this.#reachable(path)) this.#live.delete(path)
    }
    this.#durable = new Map(this.#live)
    this.#renamed.clear()
    for (const entry of this.#live.values()) {
      if (entry === 'folder') continue
      if (keepUnsynced) entry.synced = entry.written
      else entry.written = entry.synced
    }
    this.#dead = false
    this.fault = undefined
  }

  async mkdir(path: string): Promise<void> {
    await this.#step('mkdir', path)
    const parts = path.split('/').slice(1)
    for (let i = 1; i <= parts.length; i++) {
      const folder = `/${parts.slice(0, i).join('/')}`
      if (!this.#live.has(folder)) this.#live.set(folder, 'folder')
    }
  }

  async list(path: string): Promise<readonly string[]> {
    this.#alive()
    const prefix = `${path}/`
    const names = [...this.#live.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length))
    return names.filter((name) => !name.includes('/')).sort()
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    this.#alive()
    const entry = this.#live.get(path)
    return entry === undefined || entry === 'folder' ? undefined : entry.written
  }

  async open(path: string): Promise<FsReader | undefined> {
    const content = await this.read(path)
    if (content === undefined) return undefined
    const read = async (at: number, length: number): Promise<Buffer> => {
      this.#alive()
      if (at + length > content.byteLength) throw failure('read', path, 'it ends before')
      this.bytesRead += length
      return Buffer.from(content.subarray(at, at + length))
    }
    return { bytes: content.byteLength, read, close: async () => {} }
  }

  async exists(path: string): Promise<boolean> {
    this.#alive()
    return this.#live.has(path)
  }

  async create(path: string): Promise<FsFile> {
    await this.#step('create', path)
    this.#needFolder(path)
    const inode: Inode = { written: new Uint8Array(), synced: new Uint8Array() }
    this.#live.set(path, inode)
    return {
      write: async (bytes) => {
        await this.#step('write', path, () => append(inode, bytes.subarray(0, bytes.byteLength >> 1)))
        append(inode, bytes)
      },
      sync: async () => {
        await this.#step('sync', path)
        inode.synced = inode.written
      },
      close: async () => {},
    }
  }

  async rename(from: string, to: string): Promise<void> {
    const move = (): void => {
      if (this.#live.get(from) === 'folder') {
        const inside = [...this.#durable].filter(([path]) => path.startsWith(`${from}/`))
        this.#renamed.set(to, new Map(inside.map(([path, entry]) => [path.slice(from.length), entry])))
      }
      for (const [path, entry] of [...this.#live]) {
        if (path !== from && !path.startsWith(`${from}/`)) continue
        this.#live.delete(path)
        this.#live.set(to + path.slice(from.length), entry)
      }
    }
    await this.#step('rename', from, move)
    if (!this.#live.has(from)) throw failure('rename', from, 'it is not there')
    move()
  }

  async syncFolder(path: string): Promise<void> {
    await this.#step('syncFolder', path)
    if (!this.#live.has(path)) throw failure('sync', path, 'it is not there')
    const inside = (key: string): boolean => dirname(key) === path && key !== path
    for (const key of [...this.#durable.keys()]) {
      if (inside(key) && !this.#live.has(key)) forget(this.#durable, key)
    }
    for (const [key, entry] of this.#live) {
      if (!inside(key)) continue
      this.#durable.set(key, entry)
      for (const [rest, part] of this.#renamed.get(key) ?? []) this.#durable.set(key + rest, part)
      this.#renamed.delete(key)
    }
    // A folder that was made reachable brings its own entries only as far as they were synced themselves.
    this.#durable.set(path, 'folder')
  }

  async link(from: string, to: string): Promise<void> {
    await this.#step('link', from)
    const entry = this.#live.get(from)
    if (entry === undefined || entry === 'folder') throw failure('link', from, 'it is not there')
    this.#needFolder(to)
    this.#live.set(to, entry)
  }

  async unlink(path: string): Promise<void> {
    await this.#step('unlink', path)
    this.#live.delete(path)
  }

  async removeFolder(path: string): Promise<void> {
    // Half of it: the first entry only.
    await this.#step('removeFolder', path, () => {
      const first = [...this.#live.keys()].find((key) => key.startsWith(`${path}/`))
      if (first !== undefined) this.#live.delete(first)
    })
    forget(this.#live, path)
  }

  /** Other bytes under a file's name. */
  replace(path: string, bytes: Uint8Array): void {
    this.#live.set(path, { written: bytes, synced: bytes })
  }

  /** Flips a bit of a file, or cuts it. */
  damage(path: string, how: 'flip' | 'cut' | 'remove'): void {
    const entry = this.#live.get(path)
    if (entry === undefined || entry === 'folder') throw new Error(`no file ${path}`)
    if (how === 'remove') return void this.#live.delete(path)
    const bytes = Uint8Array.from(entry.written.subarray(0, how === 'cut' ? entry.written.byteLength >> 1 : undefined))
    if (how === 'flip') bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 4
    entry.written = bytes
  }

  async #step(what: string, path: string, half?: () => void): Promise<void> {
    this.#alive()
    this.#calls += 1
    this.log.push(`${what} ${path}`)
    if (this.failOnce === `${what} ${path}`) {
      this.failOnce = undefined
      throw failure(what, path, 'no space left on device')
    }
    if (this.fault?.call !== this.#calls) return
    if (this.fault.kind === 'crash') {
      half?.()
      this.#dead = true
    }
    throw failure(what, path, this.fault.kind === 'crash' ? 'the power was cut' : 'no space left on device')
  }

  #reachable(path: string): boolean {
    return path === '/' || (this.#live.has(path) && this.#reachable(dirname(path)))
  }

  #alive(): void {
    if (this.#dead) throw failure('use', '/', 'the power was cut')
  }

  #needFolder(path: string): void {
    if (this.#live.get(dirname(path)) !== 'folder') throw failure('create', path, 'there is no such folder')
  }
}

function append(inode: Inode, bytes: Uint8Array): void {
  inode.written = Buffer.concat([inode.written, bytes])
}

function forget(entries: Map<string, Entry>, path: string): void {
  for (const key of [...entries.keys()]) if (key === path || key.startsWith(`${path}/`)) entries.delete(key)
}

function failure(action: string, path: string, reason: string): MillraceError {
  return new MillraceError('IO', { action: `Could not ${action}`, path, reason })
}
