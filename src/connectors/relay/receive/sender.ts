// Sender: what the receiver keeps of one sender: its record, and the streams of its incarnations.
//
// Owns: the sender's folder. Does not own: its connections (receiver), which of its streams are read (assignment).
//
//   FOLDER/sender.json           SenderRecord
//   FOLDER/00000003-6b1f00c2/             an incarnation, the fourth
//   FOLDER/00000003-6b1f00c2/NAME.json    StreamFacts
//   FOLDER/00000003-6b1f00c2/NAME/        its SegmentLog
//
// I1. The record is durable before anybody is told that it holds. Only one claim or opening is under way at a time.
// I2. Every incarnation up to the present one has its folder until it was read out and given up: what is missing was removed.
// I3. Streams of incarnations before the present one end as they are.

import { randomBytes } from 'node:crypto'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '../../../errors.ts'
import { present } from '../../../util/assert.ts'
import { failpoint } from '../../../util/failpoint.ts'
import { readJson, writeJson } from '../queue/json-file.ts'
import { folderOf } from '../queue/names.ts'
import type { Hello, OpenStream } from '../wire/messages.ts'
import { inParallel } from './in-parallel.ts'
import { type Judgement, judgeHello, recordFault, type SenderRecord } from './sender-record.ts'
import { type StreamFacts, StreamLog, type StreamTools } from './stream-log.ts'

const STREAMS_MAX = 1000
/** Logs that are opened at a time. */
const OPENING_MAX = 8
const RECORD = 'sender.json'
const REMOVED = '.removed'

/** Why a stream is not taken. */
export interface StreamRefusal {
  readonly code: string
  readonly reason: string
}

/** An incarnation that is there. */
interface Generation {
  /** The beginning of the incarnation: a number alone would fit another one, after a queue was deleted. */
  readonly tag: string
  /** By name. */
  readonly streams: Map<string, StreamLog>
}

export interface SenderTools extends StreamTools {
  /** The store's folder, and all there is room for. */
  readonly root: string
  readonly hasRoom: () => boolean
}

export class Sender {
  readonly name: string
  readonly #folder: string
  readonly #tools: SenderTools
  /** By their numbers, those that are there, oldest first. */
  readonly #generations = new Map<number, Generation>()
  #record: SenderRecord | undefined
  #work: Promise<unknown> = Promise.resolve()

  constructor(name: string, tools: SenderTools) {
    this.name = name
    this.#folder = folderOf(name)
    this.#tools = tools
  }

  /** The sender of a folder; undefined if its making was cut short. Throws LOG_CORRUPT, IO. */
  static async load(folder: string, tools: SenderTools): Promise<Sender | undefined> {
    const path = join(tools.root, folder, RECORD)
    const record = await readJson(tools.fileSystem, path)
    if (record === undefined) {
      const rest = (await tools.fileSystem.list(join(tools.root, folder))).filter((name) => !name.startsWith(RECORD))
      if (rest.length === 0) return undefined
      throw corrupt(path, `it is missing, and beside it is ${rest[0]}`)
    }
    const fault = recordFault(record)
    if (fault !== undefined) throw corrupt(path, fault)
    const sender = new Sender((record as SenderRecord).sender, tools)
    if (sender.#folder !== folder) throw corrupt(path, `it is of sender "${sender.name}", whose folder is another one`)
    sender.#record = record as SenderRecord
    try {
      await sender.#loadGenerations()
    } catch (error) {
      await sender.close()
      throw error
    }
    return sender
  }

  get record(): SenderRecord | undefined {
    return this.#record
  }

  /** The generations that are there, oldest first. */
  get generations(): readonly number[] {
    return [...this.#generations.keys()]
  }

  /** The streams of a generation, by name; undefined if it was given up, or never was. */
  streamsOf(generation: number): ReadonlyMap<string, StreamLog> | undefined {
    return this.#generations.get(generation)?.streams
  }

  /** Which incarnation a generation is; undefined if it was given up, or never was. */
  tagOf(generation: number): string | undefined {
    return this.#generations.get(generation)?.tag
  }

  *streams(): Generator<StreamLog> {
    for (const { streams } of this.#generations.values()) yield* streams.values()
  }

  /** Whether a generation gets nothing more, and all of it is durable. */
  isEnded(generation: number): boolean {
    if (generation >= (this.#record?.generation ?? 0)) return false
    return [...(this.streamsOf(generation)?.values() ?? [])].every(({ isEnded }) => isEnded)
  }

  /** Why nothing can be written for it now; undefined if all is well. */
  get trouble(): string | undefined {
    for (const { trouble } of this.streamsOf(this.#record?.generation ?? 0)?.values() ?? [])
      if (trouble !== undefined) return trouble
    return undefined
  }

  /** Whether a connection that began with this Hello is of the life that counts. */
  isOf({ incarnation, session }: Hello): boolean {
    return this.#record?.session === session && this.#record.incarnation === Buffer.from(incarnation).toString('hex')
  }

  /** Judges a Hello; what it changes is durable when this resolves. Throws IO. */
  claim(hello: Hello, identity: string): Promise<Judgement> {
    return this.#serially(async () => {
      const token = randomBytes(16).toString('hex')
      const judgement = judgeHello(this.#record, hello, { identity, token })
      if (!('record' in judgement) || judgement.record === this.#record) return judgement
      await this.#adopt(judgement.record)
      return judgement
    })
  }

  /** The stream that a connection opens which began with this Hello, made if it is new; or why not. Throws LOG_CORRUPT, IO. */
  openStream(open: OpenStream, hello: Hello): Promise<StreamLog | StreamRefusal> {
    return this.#serially(async () => {
      if (!this.isOf(hello)) return { code: 'FENCED', reason: 'a newer run of this sender has taken its place' }
      await this.#confirm()
      const known = this.streamsOf(this.#record?.generation ?? 0)?.get(open.name)
      const stream = known ?? (open.acked > 0 ? undefined : await this.#make(open))
      if (stream === undefined) return forgotten(open, 'nothing')
      if (!(stream instanceof StreamLog)) return stream
      // What a connection before this one brought counts when it is durable: the sender gives up what is here.
      if (!(await stream.settled()))
        return { code: 'BUSY', reason: `its log cannot be written: ${stream.trouble ?? 'it ends'}` }
      return judgeOpening(stream, open)
    })
  }

  /** Gives up the streams of a generation that has ended. */
  async remove(generation: number): Promise<void> {
    const given = this.#generations.get(generation)
    if (given === undefined) return
    this.#generations.delete(generation)
    await Promise.all([...given.streams.values()].map((stream) => stream.close()))
    const path = this.#path(generation, given.tag)
    // In one step, so that nobody finds half of it; a crash behind it leaves what the next start removes.
    await rename(path, path + REMOVED)
    await this.#tools.fileSystem.syncDirectory(join(this.#tools.root, this.#folder))
    failpoint('relay.remove.middle')
    await rm(path + REMOVED, { recursive: true })
  }

  async close(): Promise<void> {
    await this.#work.catch(() => {})
    await Promise.all([...this.streams()].map((stream) => stream.close()))
  }

  async #adopt(record: SenderRecord): Promise<void> {
    const { fileSystem, root } = this.#tools
    const before = this.#record
    const folder = join(root, this.#folder)
    await fileSystem.makeDirectory(folder)
    await fileSystem.syncDirectory(root)
    failpoint('relay.claim.before')
    await writeJson(fileSystem, join(folder, RECORD), record)
    this.#record = record
    failpoint('relay.claim.after')
    if (before?.generation === record.generation) return
    if (before !== undefined) for (const stream of this.streamsOf(before.generation)?.values() ?? []) stream.end()
    await this.#begin(record)
  }

  /** It has its token: who has only the one before is another copy. */
  async #confirm(): Promise<void> {
    const record = present(this.#record, 'the record of a sender that was let in')
    if (record.formerToken === undefined) return
    const confirmed = { ...record, formerToken: undefined }
    await writeJson(this.#tools.fileSystem, join(this.#tools.root, this.#folder, RECORD), confirmed)
    this.#record = confirmed
  }

  async #begin({ generation, incarnation }: SenderRecord): Promise<Generation> {
    const begun = { tag: tagFrom(incarnation), streams: new Map<string, StreamLog>() }
    await this.#tools.fileSystem.makeDirectory(this.#path(generation, begun.tag))
    await this.#tools.fileSystem.syncDirectory(join(this.#tools.root, this.#folder))
    this.#generations.set(generation, begun)
    return begun
  }

  async #make(open: OpenStream): Promise<StreamLog | StreamRefusal> {
    const { name, codec } = open
    const record = present(this.#record, 'the record of a sender that was let in')
    const { generation } = record
    // Its folder may be missing where the disk failed when it was to be made.
    const { tag, streams } = this.#generations.get(generation) ?? (await this.#begin(record))
    if (streams.size >= STREAMS_MAX) return { code: 'LIMIT', reason: `a sender has at most ${STREAMS_MAX} streams` }
    if (!this.#tools.hasRoom()) return { code: 'LIMIT', reason: 'the receiver has as many streams as it can' }
    const origin = await this.#originOf(open)
    if (origin === undefined) return { code: 'BUSY', reason: 'what it sent before it went back is not all durable yet' }
    const facts: StreamFacts = { name, codec, origin }
    await writeJson(this.#tools.fileSystem, `${join(this.#path(generation, tag), folderOf(name))}.json`, facts)
    const stream = this.#streamOf(generation, tag, facts)
    await stream.open()
    streams.set(name, stream)
    return stream
  }

  /** What the incarnation before has brought of what is the same in both is not taken again; undefined while that may grow. */
  async #originOf({ name, first, common }: OpenStream): Promise<number | undefined> {
    const former = this.streamsOf((this.#record?.generation ?? 0) - 1)?.get(name)
    if (former === undefined || common <= first) return first
    return (await former.ended()) ? Math.max(first, Math.min(common, former.next)) : undefined
  }

  async #loadGenerations(): Promise<void> {
    const path = join(this.#tools.root, this.#folder)
    const names = await this.#tools.fileSystem.list(path)
    for (const name of names.filter((one) => one.endsWith(REMOVED))) await rm(join(path, name), { recursive: true })
    const record = present(this.#record, 'the record of a sender that is loaded')
    for (const name of [...names].sort()) {
      const [, digits, tag] = /^(\d{8})-([0-9a-f]{8})$/.exec(name) ?? []
      if (tag === undefined) continue
      const generation = Number(digits)
      if (generation > record.generation) throw corrupt(join(path, RECORD), `it is older than folder ${name} beside it`)
      const streams = new Map<string, StreamLog>()
      this.#generations.set(generation, { tag, streams })
      await this.#loadStreams(streams, generation, tag)
    }
    const current = this.tagOf(record.generation) ?? (await this.#begin(record)).tag
    if (current !== tagFrom(record.incarnation))
      throw corrupt(join(path, RECORD), 'it is of another incarnation than its folder')
  }

  async #loadStreams(streams: Map<string, StreamLog>, generation: number, tag: string): Promise<void> {
    const { fileSystem } = this.#tools
    const path = this.#path(generation, tag)
    const names = new Set(await fileSystem.list(path))
    const logs = [...names].filter((name) => !/\.(?:json|new)$/.test(name))
    const orphan = logs.find((name) => !names.has(`${name}.json`))
    if (orphan !== undefined) throw corrupt(join(path, `${orphan}.json`), 'it is missing beside its log')
    const files = [...names].filter((name) => name.endsWith('.json')).sort()
    await inParallel(files, OPENING_MAX, async (name) => {
      const facts = await readJson(fileSystem, join(path, name))
      if (!isFacts(facts)) throw corrupt(join(path, name), 'name, codec or origin is missing')
      const stream = this.#streamOf(generation, tag, facts)
      await stream.open()
      streams.set(facts.name, stream)
      if (generation < (this.#record?.generation ?? 0)) stream.end()
    })
  }

  #streamOf(generation: number, tag: string, facts: StreamFacts): StreamLog {
    const folder = join(this.#folder, folderName(generation, tag), folderOf(facts.name))
    const place = { sender: this.name, generation, tag, folder, path: join(this.#tools.root, folder) }
    return new StreamLog(place, facts, this.#tools)
  }

  #path(generation: number, tag: string): string {
    return join(this.#tools.root, this.#folder, folderName(generation, tag))
  }

  #serially<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work)
    this.#work = result.catch(() => {})
    return result
  }
}

/** Whether a sender may go on with a stream: what it has and what is here must meet. */
function judgeOpening(stream: StreamLog, open: OpenStream): StreamLog | StreamRefusal {
  const { next, facts } = stream
  if (facts.codec !== open.codec)
    return { code: 'CODEC', reason: `stream "${open.name}" is written with ${facts.codec}, not ${open.codec}` }
  if (next > open.next)
    return { code: 'PAST_END', reason: `${next} batches are here, and the sender has only ${open.next}` }
  if (next < open.acked) return forgotten(open, `batches before ${next}`)
  if (next < open.first)
    return { code: 'FORGOTTEN', reason: `batch ${next} is wanted here, and the sender begins at ${open.first}` }
  return stream
}

function forgotten({ acked }: OpenStream, held: string): StreamRefusal {
  return {
    code: 'FORGOTTEN',
    reason: `batches before ${acked} were acknowledged, and ${held} is here: its queue is lost`,
  }
}

function folderName(generation: number, tag: string): string {
  return `${String(generation).padStart(8, '0')}-${tag}`
}

function tagFrom(incarnation: string): string {
  return incarnation.slice(0, 8)
}

function isFacts(value: unknown): value is StreamFacts {
  const facts = value as Partial<StreamFacts> | null
  return (
    typeof facts === 'object' &&
    facts !== null &&
    typeof facts.name === 'string' &&
    typeof facts.codec === 'string' &&
    Number.isSafeInteger(facts.origin)
  )
}

function corrupt(path: string, reason: string): MillraceError {
  return new MillraceError('LOG_CORRUPT', { path, offset: 0, reason })
}
