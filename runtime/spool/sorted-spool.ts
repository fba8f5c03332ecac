// SortedSpool: takes records in any order and gives them back key by key, in the order of event time, in bounded memory: an external
// merge sort. What fits into memory never sees the disk.
//
// Owns: the records in the heap, the runs on disk (sorted, each of one input) and their folder.
// Does not own: who adds and who reads.
//
// I1. Every record added comes back once (key-merge), whatever the memory.
// I2. Records in the heap weigh about bytesMax at most, one batch more excepted; while merging, frames of FAN_IN runs.
// I3. Runs of one input are merged neighbours with neighbours: records alike in key and time stay in the order added.

import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BATCH_RECORDS, type Batch } from '../../src/record/batch.ts'
import { assert, present } from '../../src/util/assert.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import { type FileSystem, nodeFileSystem } from '../../src/util/file-system.ts'
import { BatchBuffer } from '../channel/batch-buffer.ts'
import type { Pending } from '../channel/channel.ts'
import { type KeyVisitor, mergeByKey, type Origin } from './key-merge.ts'
import { RunFile } from './run-file.ts'
import { SortBuffer } from './sort-buffer.ts'
import type { SortedBatches } from './sorted-batches.ts'

/** About what the records of one frame weigh in the heap, so that frames of many runs can be there together. */
const FRAME_HEAP_BYTES = 64 << 10
/** Per run: a frame being read from, the bytes of the next one, and what the two leave behind until it is collected. */
const FRAMES_PER_RUN = 4
const FAN_IN_MIN = 8
const FAN_IN_MAX = 256

export interface SortedSpoolOptions {
  readonly inputs: number
  /** What records may weigh in the heap. Infinity: never a file. */
  readonly bytesMax: number
  /** For the runs. Made when it is needed; nothing else may be in it. */
  readonly folder: string
  /** Named when a record cannot be written. */
  readonly node: string
  /** Default: this machine's. */
  readonly fileSystem?: FileSystem
}

interface Run {
  readonly file: RunFile
  readonly input: number
  /** In a frame. */
  readonly recordsMax: number
}

export class SortedSpool {
  readonly #options: SortedSpoolOptions
  readonly #fileSystem: FileSystem
  readonly #buffers: readonly SortBuffer[]
  #runs: Run[] = []
  /** Runs that were begun: they name the files. */
  #begun = 0
  #spilledBytes = 0
  #closed = false

  constructor(options: SortedSpoolOptions) {
    this.#options = options
    this.#fileSystem = options.fileSystem ?? nodeFileSystem
    this.#buffers = Array.from({ length: options.inputs }, () => new SortBuffer())
  }

  /** Records in the heap. */
  get residentRecords(): number {
    return this.#buffers.reduce((sum, buffer) => sum + buffer.length, 0)
  }

  /** About what they weigh. */
  get residentBytes(): number {
    return this.#buffers.reduce((sum, buffer) => sum + buffer.bytes, 0)
  }

  /** Bytes ever written to runs. */
  get spilledBytes(): number {
    return this.#spilledBytes
  }

  /** Takes records with their keys. Throws IO, RECORD_CODEC. */
  add(batch: Batch, input: number): Pending {
    const keys = present(batch.keys, `keys of a batch for node "${this.#options.node}"`)
    present(this.#buffers[input], `input ${input}`).add(batch, keys)
    return this.residentBytes < this.#options.bytesMax ? undefined : this.#spill()
  }

  /** Gives all records back, once, and is empty. */
  async replay(visitor: KeyVisitor): Promise<void> {
    if (this.#runs.length === 0) {
      const origins = this.#buffers.map((buffer, input) => ({ batches: buffer.drain(BATCH_RECORDS), input }))
      return mergeByKey(origins, visitor)
    }
    await this.#spill()
    const runs = await this.#mergedToFanIn()
    await mergeByKey(originsOf(runs), visitor)
  }

  /** Closes and deletes what is left. */
  async close(): Promise<void> {
    this.#closed = true
    const runs = this.#runs
    this.#runs = []
    await Promise.all(runs.map(({ file }) => file.close().catch(() => {})))
    await rm(this.#options.folder, { recursive: true, force: true })
  }

  get #fanIn(): number {
    const fitting = Math.floor(this.#options.bytesMax / (FRAME_HEAP_BYTES * FRAMES_PER_RUN))
    return Math.min(FAN_IN_MAX, Math.max(FAN_IN_MIN, fitting))
  }

  /** Writes what is in the heap to new runs. */
  async #spill(): Promise<void> {
    for (const [input, buffer] of this.#buffers.entries()) {
      if (buffer.length === 0) continue
      const recordsMax = frameRecords(buffer.bytes / buffer.length)
      const batches = buffer.drain(recordsMax)
      await this.#write({ input, recordsMax }, (file) => writeAll(batches, file))
    }
  }

  async #write(kind: Omit<Run, 'file'>, fill: (file: RunFile) => Promise<void>): Promise<Run> {
    const { folder, node } = this.#options
    // Somebody may still be adding or merging: what it makes now, nobody would delete.
    assert(!this.#closed, 'a spool is not used after close')
    if (this.#begun === 0) await this.#fileSystem.makeDirectory(folder)
    this.#begun += 1
    const file = await RunFile.create({ fileSystem: this.#fileSystem, path: join(folder, `run-${this.#begun}`), node })
    const run = { ...kind, file }
    this.#runs.push(run)
    await fill(file)
    await file.finish()
    this.#spilledBytes += file.bytes
    failpoint('batch.spill.after')
    return run
  }

  /** Merges runs, the smallest first, until so few are left that all can be read together. */
  async #mergedToFanIn(): Promise<readonly Run[]> {
    const fanIn = this.#fanIn
    const runs = inOrder(this.#runs)
    while (runs.length > fanIn) {
      const { at, size } = cheapestGroup(runs, Math.min(fanIn, runs.length - fanIn + 1))
      runs.splice(at, size, await this.#mergeRuns(runs.slice(at, at + size)))
    }
    return runs
  }

  async #mergeRuns(runs: readonly Run[]): Promise<Run> {
    const { input } = present(runs[0], 'a run to merge')
    const recordsMax = Math.min(...runs.map((run) => run.recordsMax))
    const merged = await this.#write({ input, recordsMax }, async (file) => {
      const frames = new FrameFiller(file, recordsMax)
      await mergeByKey(originsOf(runs), frames)
      await frames.flush()
    })
    this.#runs = this.#runs.filter((run) => !runs.includes(run))
    return merged
  }
}

/** Gathers the records of a merge into frames. */
class FrameFiller implements KeyVisitor {
  readonly #file: RunFile
  readonly #recordsMax: number
  readonly #buffer = new BatchBuffer()

  constructor(file: RunFile, recordsMax: number) {
    this.#file = file
    this.#recordsMax = recordsMax
  }

  async records({ values, timestamps, keys }: Batch): Promise<void> {
    for (let i = 0; i < values.length; i += 1) {
      const timestamp = timestamps?.[i]
      const key = keys?.[i]
      if (this.#buffer.length >= this.#recordsMax || !this.#buffer.accepts(timestamp, key)) await this.flush()
      this.#buffer.add(values[i], timestamp, key)
    }
  }

  endOfKey(): undefined {}

  async flush(): Promise<void> {
    const batch = this.#buffer.take()
    if (batch !== undefined) await this.#file.write(batch)
  }
}

function originsOf(runs: readonly Run[]): Origin[] {
  return runs.map(({ file, input }) => ({ batches: file, input }))
}

/** By input, and as they were begun: the rank of origins decides between records of one time. */
function inOrder(runs: readonly Run[]): Run[] {
  return [...runs].sort((a, b) => a.input - b.input)
}

/** Neighbours of one input, at most `sizeMax`, whose merging costs least for each run fewer. */
function cheapestGroup(runs: readonly Run[], sizeMax: number): { readonly at: number; readonly size: number } {
  let best = { at: 0, size: 1, cost: Number.POSITIVE_INFINITY }
  for (const [at, first] of runs.entries()) {
    let bytes = first.file.bytes
    for (let size = 2; size <= sizeMax && runs[at + size - 1]?.input === first.input; size += 1) {
      bytes += runs[at + size - 1]?.file.bytes ?? 0
      const cost = bytes / (size - 1)
      if (cost < best.cost) best = { at, size, cost }
    }
  }
  return best
}

function frameRecords(recordBytes: number): number {
  return Math.min(BATCH_RECORDS, Math.max(1, Math.floor(FRAME_HEAP_BYTES / recordBytes)))
}

async function writeAll(batches: SortedBatches, file: RunFile): Promise<void> {
  for (let batch = await batches.next(); batch !== undefined; batch = await batches.next()) {
    const writing = file.write(batch)
    if (writing !== undefined) await writing
  }
}
