// ReceiveStore: everything a relaySource has received, by sender.
//
// Owns: its folder. Does not own: what the files of a sender mean (sender).

import { dirname } from 'node:path'
import { MillraceError, reasonOf } from '../../../errors.ts'
import type { FileSystem } from '../../../util/file-system.ts'
import { inParallel } from './in-parallel.ts'
import { Sender, type SenderTools } from './sender.ts'
import type { StreamLog, StreamTools } from './stream-log.ts'

const SENDERS_MAX = 1000
/** Each has a file open here, and one with its reader. */
const STREAMS_MAX = 10_000
/** Senders that are opened at a time. */
const OPENING_MAX = 8

export class ReceiveStore {
  readonly #tools: SenderTools
  readonly #senders = new Map<string, Sender>()

  private constructor(root: string, tools: StreamTools) {
    this.#tools = { ...tools, root, hasRoom: () => this.#count() < STREAMS_MAX }
  }

  /** Opens all that is in a folder, or makes it. Throws LOG_CORRUPT, IO. */
  static async open(root: string, tools: StreamTools): Promise<ReceiveStore> {
    const store = new ReceiveStore(root, tools)
    try {
      await store.#load()
      return store
    } catch (error) {
      await store.close()
      throw error
    }
  }

  get senders(): Iterable<Sender> {
    return this.#senders.values()
  }

  sender(name: string): Sender | undefined {
    return this.#senders.get(name)
  }

  /** The sender, a new one if it is not known; undefined if there are as many as can be. */
  senderOrNew(name: string): Sender | undefined {
    const known = this.#senders.get(name)
    if (known !== undefined || this.#senders.size >= SENDERS_MAX) return known
    const sender = new Sender(name, this.#tools)
    this.#senders.set(name, sender)
    return sender
  }

  *streams(): Generator<StreamLog> {
    for (const sender of this.#senders.values()) yield* sender.streams()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#senders.values()].map((sender) => sender.close()))
  }

  async #load(): Promise<void> {
    const { root, fileSystem } = this.#tools
    await inParallel(await makeDurably(fileSystem, root), OPENING_MAX, async (folder) => {
      const sender = await Sender.load(folder, this.#tools)
      if (sender !== undefined) this.#senders.set(sender.name, sender)
    })
  }

  #count(): number {
    let count = 0
    for (const _stream of this.streams()) count += 1
    return count
  }
}

/** What is in a folder, which is there after a crash too. */
async function makeDurably(fs: FileSystem, root: string): Promise<readonly string[]> {
  try {
    await fs.makeDirectory(root)
    let path = root
    for (let depth = 0; depth < 4; depth += 1) {
      await fs.syncDirectory(path)
      path = dirname(path)
    }
    return await fs.list(root)
  } catch (error) {
    throw new MillraceError('IO', { action: 'open', path: root, reason: reasonOf(error) }, error)
  }
}
