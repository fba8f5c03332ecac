// Random lives of senders and of the job that receives: whatever was checkpointed, lost and read again, each record comes out once, streams in
// their order, incarnations of a sender one after the other.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type SourceCheckpoint, SourceRig } from '../../../../../runtime/testing/source-rig.ts'
import { relaySource } from '../../../../../src/connectors/relay/receive/relay-source.ts'
import { type Rng, seededRng } from '../../../../../src/util/rng.ts'
import { ReceiverWorld } from './receiver-world.ts'
import { incarnation, TestSender } from './test-sender.ts'

const full = process.env.MILLRACE_FULL === '1'
const SEEDS = Array.from({ length: full ? 20 : 6 }, (_, i) => i + 1)
const ROUNDS = 8
const SENDERS = ['south/a/line', 'south/b/line']
const STREAMS = ['x', 'y', 'z']

interface Sent {
  readonly sender: string
  readonly life: number
  readonly stream: string
  readonly n: number
}

class Story {
  readonly #rng: Rng
  readonly #folder: string
  readonly #lives = new Map(SENDERS.map((sender) => [sender, 1]))
  readonly #counts = new Map<string, number>()
  #sessions = 0
  readonly sent: Sent[] = []
  /** As of the checkpoint. */
  got: Sent[] = []
  #checkpoint: SourceCheckpoint | undefined

  constructor(rng: Rng, folder: string) {
    this.#rng = rng
    this.#folder = folder
  }

  /** Some senders bring some batches; some begin afresh before. */
  async receive(): Promise<void> {
    const world = await ReceiverWorld.start({ root: join(this.#folder, 'nodes', 'source', 'received') })
    for (const sender of SENDERS) {
      const life = (this.#lives.get(sender) ?? 0) + (this.#rng.int(3) === 0 ? 1 : 0)
      this.#lives.set(sender, life)
      this.#sessions += 1
      const line = await TestSender.connect(world.port, {
        sender,
        incarnation: incarnation(life),
        session: this.#sessions,
      })
      for (const [i, stream] of STREAMS.entries())
        if (this.#rng.int(2) === 0) await this.#bring(line, { sender, life, stream }, i + 1)
      line.close()
    }
    await world.stop()
  }

  async #bring(line: TestSender, of: Omit<Sent, 'n'>, number: number): Promise<void> {
    const { next } = await line.begin(of.stream, { stream: number })
    const key = `${of.sender}/${of.life}/${of.stream}`
    const batches = this.#rng.int(4)
    for (let i = 0; i < batches; i += 1) {
      const from = this.#counts.get(key) ?? 0
      const count = 1 + this.#rng.int(5)
      const records: Sent[] = Array.from({ length: count }, (_, n) => ({ ...of, n: from + n }))
      this.#counts.set(key, from + count)
      this.sent.push(...records)
      line.send(next + i, records, { stream: number, firstRecord: from })
    }
    if (batches > 0) await line.acked(next + batches, number)
  }

  /** The job runs for a while: reads, takes a checkpoint, reads more, which is lost. */
  async read(most: number): Promise<void> {
    const rig = new SourceRig({
      create: () => relaySource({ site: 'north', listen: { port: 0 }, keepBytes: this.#rng.int(2) * 100 }),
      folder: this.#folder,
      parallelism: 1 + this.#rng.int(3),
      mode: 'stream',
      restore: this.#checkpoint,
    })
    await rig.open()
    rig.start()
    try {
      for (let checkpoints = 1 + this.#rng.int(3); checkpoints > 0; checkpoints -= 1) {
        this.got.push(...(await this.#take(rig, Math.min(most, this.sent.length - this.got.length))))
        this.#checkpoint = await rig.checkpoint()
        if (this.#rng.int(3) > 0) await rig.complete(this.#checkpoint)
      }
      await this.#take(rig, Math.min(this.#rng.int(5), this.sent.length - this.got.length))
    } finally {
      await rig.close()
    }
  }

  async #take(rig: SourceRig, most: number): Promise<Sent[]> {
    const taken: Sent[] = []
    while (taken.length < most) {
      const batch = await rig.next(Math.min(4, most - taken.length))
      if (batch === 'end') break
      taken.push(...(batch.values as Sent[]))
    }
    return taken
  }
}

it.each(SEEDS)('seed %i', async (seed) => {
  const rng = seededRng(seed)
  const folder = await mkdtemp(join(tmpdir(), 'relay-lives-'))
  try {
    const story = new Story(rng, folder)
    for (let round = 0; round < ROUNDS; round += 1) {
      await story.receive()
      for (let lives = rng.int(3); lives > 0; lives -= 1) await story.read(1 + rng.int(12))
    }
    while (story.got.length < story.sent.length) await story.read(1000)
    const line = ({ sender, life, stream, n }: Sent): string => `${sender} ${life} ${stream} ${n}`
    expect(story.got.map(line).sort()).toEqual(story.sent.map(line).sort())
    for (const sender of SENDERS) {
      const lives = story.got.filter((one) => one.sender === sender).map(({ life }) => life)
      expect(lives).toEqual([...lives].sort((a, b) => a - b))
      for (const stream of STREAMS) {
        const inOrder = (records: readonly Sent[]): string[] =>
          records.filter((one) => one.sender === sender && one.stream === stream).map(line)
        expect(inOrder(story.got)).toEqual(inOrder(story.sent))
      }
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
