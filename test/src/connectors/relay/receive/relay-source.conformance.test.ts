import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { sourceConformance } from '../../../../../runtime/testing/index.ts'
import { relaySource } from '../../../../../src/connectors/relay/receive/relay-source.ts'
import { ReceiverWorld } from './receiver-world.ts'
import { incarnation, TestSender } from './test-sender.ts'

const STREAMS = ['a', 'b', 'c', 'd']
/** Batches of 1, 2, 3 … records, so that polls of three end within them. */
const BATCHES = [1, 2, 3, 4]

/** `stream:n`, n from 0. */
function batchesOf(stream: string): string[][] {
  let n = 0
  return BATCHES.map((count) => Array.from({ length: count }, () => `${stream}:${n++}`))
}

async function sendAll(port: number, life: number, streams: readonly string[]): Promise<void> {
  const sender = await TestSender.connect(port, { incarnation: incarnation(life) })
  for (const [i, stream] of streams.entries()) {
    const number = i + 1
    await sender.begin(stream, { stream: number })
    for (const [sequence, batch] of batchesOf(stream).entries()) sender.send(sequence, batch, { stream: number })
    await sender.acked(BATCHES.length, number)
  }
  sender.close()
}

/** What was received before the source under test is made: of one incarnation, or of two, the second to be read after the first. */
async function receivedBefore(folder: string, lives: readonly (readonly string[])[]): Promise<void> {
  // As the rig calls the node.
  const world = await ReceiverWorld.start({ root: join(folder, 'nodes', 'source', 'received') })
  for (const [i, streams] of lives.entries()) await sendAll(world.port, i + 1, streams)
  await world.stop()
}

const lists = [
  { name: 'relaySource', lives: [STREAMS] },
  { name: 'relaySource, two incarnations', lives: [STREAMS.slice(0, 2), STREAMS.slice(2)] },
].map(({ name, lives }) =>
  sourceConformance<string>({
    name,
    prepare: async (folder) => {
      await receivedBefore(folder, lives)
      return {
        create: () => relaySource<string>({ site: 'north', listen: { port: 0 } }),
        expected: lives.flat().flatMap((stream) => batchesOf(stream).flat()),
      }
    },
    supports: { end: 'never' },
    createBroken: () =>
      relaySource<string>({ site: 'north', listen: '192.0.2.1:1', psk: { keys: { a: { env: 'NO_SUCH_KEY' } } } }),
    orderOf: (record) => [record.slice(0, 1), Number(record.slice(2))],
  }),
)

describe('relaySource keeps the contract of sources', () => {
  it.each(lists.flatMap(({ cases }) => cases))('$name', ({ run }) => run())

  it('in all', () => {
    expect(lists.flatMap(({ skipped }) => skipped)).toEqual([])
  })
})
