// FilesEnumerator: finds files and gives each to one reader, once.
//
// Owns: which files have been given out (kept in its state, file by file), which wait, which readers wait.
// Does not own: how far a file has been read: that travels in its split.
//
// I1. A file is given out once in the life of the job, whatever it is called later.
// I2. A file is remembered at the moment it is given out: a checkpoint has it in a reader's splits exactly if it is remembered.

import type { EnumeratorContext, SplitEnumerator } from '../../contract/source-function.ts'
import type { ValueState } from '../../contract/state.ts'
import { MillraceError, reasonOf } from '../../errors.ts'
import { findFiles } from './find-files.ts'
import type { FilesSourceConfig } from './options.ts'
import type { FileSplit } from './position.ts'

/** Finds the files of a source. */
export class FilesEnumerator implements SplitEnumerator {
  readonly #context: EnumeratorContext<FileSplit>
  readonly #config: FilesSourceConfig
  readonly #follow: boolean
  #given: ValueState<string> | undefined
  /** Found and not given out, in order of path. */
  #found: FileSplit[] = []
  /** Subtasks that asked while there was nothing. */
  readonly #asking = new Set<number>()
  #cancelTimer: (() => void) | undefined
  #closed = false

  constructor(context: EnumeratorContext<FileSplit>, config: FilesSourceConfig) {
    this.#context = context
    this.#config = config
    this.#follow = config.follow && context.mode === 'stream'
  }

  async start(): Promise<void> {
    this.#given = this.#context.state.register({ name: 'files', kind: 'value', options: {} }) as ValueState<string>
    const files = await findFiles(this.#config)
    if (files.length === 0 && !this.#follow && !this.#config.allowNone) {
      const reason = `nothing matches ${this.#config.paths.join(', ')} in ${process.cwd()}; allowNone: true accepts that`
      throw new MillraceError('CONNECTOR_OPTION', { connector: 'filesSource', path: 'paths', reason })
    }
    this.#add(files)
    if (this.#follow) this.#scheduleDiscovery()
  }

  onSplitRequest(subtask: number): void {
    this.#asking.add(subtask)
    this.#giveOut()
  }

  snapshot(): unknown {
    return null
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
  }

  #scheduleDiscovery(): void {
    this.#cancelTimer = this.#context.clock.schedule(this.#config.discoverIntervalMs, () => {
      findFiles(this.#config)
        .then((files) => {
          if (!this.#closed) this.#add(files)
        })
        .catch((error: unknown) => {
          // A folder may be unreadable for a moment; what could not be found now is found the next time.
          this.#context.logger.warn('looking for new files failed', { reason: reasonOf(error) })
        })
        .finally(() => {
          if (!this.#closed) this.#scheduleDiscovery()
        })
    })
  }

  /** Takes in the files not seen before, and gives them to whoever waits. One step: no checkpoint can fall in between (I2). */
  #add(files: readonly FileSplit[]): void {
    const waiting = new Set(this.#found.map(({ id }) => id))
    for (const file of files) {
      this.#context.state.setCurrentKey(file.id)
      if (waiting.has(file.id) || this.#given?.get() !== undefined) continue
      waiting.add(file.id)
      this.#found.push(file)
    }
    this.#giveOut()
  }

  #giveOut(): void {
    for (const subtask of [...this.#asking]) {
      const file = this.#found.shift()
      if (file === undefined) {
        if (!this.#follow) this.#context.noMoreSplits(subtask)
        continue
      }
      this.#asking.delete(subtask)
      this.#context.state.setCurrentKey(file.id)
      this.#given?.set(file.path)
      this.#context.assign(subtask, [file])
    }
  }
}
