// FilesSink: writes records to parts that readers see whole, once, when their checkpoint is complete.
//
// Owns: the files of its prefix in its directory (with the other subtasks of the node).
// Does not own: when an epoch ends and when it is complete.
//
// I1. A published part belongs to a complete checkpoint and never changes; it has each record of its subtask and epoch once.
// I2. What has no published name is hidden: its name begins with a dot.
// I3. prepare() makes an epoch's parts durable before it answers: contents, names and folder.
// I4. After restore() to checkpoint n there is no part of a later epoch, in any stage, whoever wrote it.
// I5. A published part is never overwritten.

import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RuntimeContext } from '../../contract/runtime-context.ts'
import { type AppendPrepared, AppendSinkFunction } from '../../contract/sink-function.ts'
import { MillraceError, reasonOf } from '../../errors.ts'
import { present } from '../../util/assert.ts'
import { failpoint } from '../../util/failpoint.ts'
import { nodeFileSystem } from '../../util/file-system.ts'
import { type FilesSinkConfig, type FilesSinkOptions, sinkConfig } from './options.ts'
import { PartNames } from './part-name.ts'
import { PartWriter } from './part-writer.ts'
import { makeEncoder, type RecordEncoder } from './record-encoder.ts'

/** What commit() is to publish. Plain data: it is kept in the checkpoint. */
interface Committable {
  readonly parts: readonly { readonly ready: string; readonly published: string }[]
}

/** Writes records to files in a directory: NDJSON, CSV or plain lines. Exactly once for whoever reads published parts. */
export function filesSink<T>(options: FilesSinkOptions<T>): AppendSinkFunction<T> {
  return new FilesSink<T>(sinkConfig(options))
}

class FilesSink<T> extends AppendSinkFunction<T> {
  readonly #config: FilesSinkConfig
  #context: RuntimeContext | undefined
  #names: PartNames | undefined
  #part: PartWriter | undefined
  #encoder: RecordEncoder | undefined
  /** Parts of this epoch that are closed. Hidden, durable. */
  #full: string[] = []
  /** Of parts begun by this object. */
  #count = 0

  constructor(config: FilesSinkConfig) {
    super()
    this.#config = config
  }

  override async open(context: RuntimeContext): Promise<void> {
    this.#context = context
    this.#names = new PartNames(this.#config.prefix ?? context.node, this.#config)
    await this.#io('make', this.#config.directory, () => mkdir(this.#config.directory, { recursive: true }))
  }

  /** By the names alone (I4): states say nothing that names do not, so it does not matter which subtask inherits which. */
  async restore(_states: readonly unknown[], checkpoint: number | undefined): Promise<void> {
    const { directory } = this.#config
    for (const name of await this.#io('list', directory, () => readdir(directory))) {
      const part = this.#partNames.parse(name)
      if (part === undefined || (checkpoint !== undefined && (part.epoch ?? Infinity) <= checkpoint)) continue
      if (part.stage === 'published' && checkpoint === undefined) throw this.#leftBehind(name)
      // The other subtasks clear the same folder at the same time.
      await this.#io('remove', name, () => rm(join(directory, name), { force: true }))
    }
    await this.#syncDirectory()
  }

  write(records: readonly T[]): void | Promise<void> {
    if (this.#part === undefined) return this.#begin().then(() => this.write(records))
    const text = present(this.#encoder, 'the encoder').encode(records)
    const written = this.#part.append(text)
    if (this.#part.size < this.#config.rollBytes) return written && this.#io('write', this.#part.path, () => written)
    return this.#endPart(written)
  }

  /** Names the epoch's parts, hidden still, and syncs them. */
  async prepare(epoch: number): Promise<AppendPrepared> {
    if (this.#part !== undefined) await this.#endPart(undefined)
    if (this.#full.length === 0) return { state: null, commit: undefined }
    const { subtask } = this.#running
    const parts: { ready: string; published: string }[] = []
    for (const [n, from] of this.#full.entries()) {
      const part = {
        ready: this.#partNames.ready(epoch, subtask, n),
        published: this.#partNames.published(epoch, subtask, n),
      }
      await this.#rename(from, part.ready)
      parts.push(part)
    }
    await this.#syncDirectory()
    this.#full = []
    const commit: Committable = { parts }
    return { state: null, commit }
  }

  async commit(committable: unknown): Promise<void> {
    const { parts } = committable as Committable
    let renamed = 0
    for (const { ready, published } of parts) {
      if (renamed > 0) failpoint('sink.commit.middle')
      await this.#publish(ready, published)
      renamed += 1
    }
    await this.#syncDirectory()
  }

  override async close(): Promise<void> {
    await this.#part?.abandon()
    this.#part = undefined
  }

  get #running(): RuntimeContext {
    return present(this.#context, 'the context of an open sink')
  }

  get #partNames(): PartNames {
    return present(this.#names, 'the names of an open sink')
  }

  async #begin(): Promise<void> {
    const { node, subtask } = this.#running
    const path = join(this.#config.directory, this.#partNames.inProgress(subtask, this.#count))
    this.#count += 1
    this.#encoder = makeEncoder(node, this.#config)
    this.#part = await this.#io('create', path, () => PartWriter.create(path, this.#config))
  }

  async #endPart(written: undefined | void | Promise<void>): Promise<void> {
    const part = present(this.#part, 'a part')
    await this.#io('write', part.path, async () => {
      await written
      await part.finish()
    })
    this.#part = undefined
    this.#full.push(this.#partNames.inProgress(this.#running.subtask, this.#count - 1))
  }

  /** Idempotent: once the part is published there is no ready one any more. */
  async #publish(ready: string, published: string): Promise<void> {
    const isReady = await this.#exists(ready)
    const isPublished = await this.#exists(published)
    if (isReady && isPublished) throw this.#leftBehind(published)
    if (isReady) return this.#rename(ready, published)
    if (isPublished) return
    const reason = `${join(this.#config.directory, ready)} is gone: somebody removed what was to be published as ${published}`
    throw new MillraceError('SINK_FAILED', { node: this.#running.node, reason })
  }

  /** A part of a run that this one does not continue: to write beside it would mix two runs' records (I5). */
  #leftBehind(name: string): MillraceError {
    return new MillraceError('CONNECTOR_OPTION', {
      connector: 'filesSink',
      path: 'directory',
      reason: `${join(this.#config.directory, name)} is from an earlier run: remove what is there, or choose another directory or prefix`,
    })
  }

  async #exists(name: string): Promise<boolean> {
    return stat(join(this.#config.directory, name)).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return false
        throw new MillraceError('IO', { action: 'stat', path: name, reason: error.message }, error)
      },
    )
  }

  #rename(from: string, to: string): Promise<void> {
    const { directory } = this.#config
    return this.#io('rename', from, () => rename(join(directory, from), join(directory, to)))
  }

  #syncDirectory(): Promise<void> {
    const { directory } = this.#config
    return this.#io('sync', directory, () => nodeFileSystem.syncDirectory(directory))
  }

  async #io<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof MillraceError) throw error
      throw new MillraceError('IO', { action, path, reason: reasonOf(error) }, error)
    }
  }
}
