import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { StreamLog } from '../../../../../src/connectors/relay/receive/stream-log.ts'
import { type FileSystem, nodeFileSystem } from '../../../../../src/util/file-system.ts'
import { ManualClock } from '../../../../support/runtime-context.ts'

/** How often a file was synced, and whether that fails. */
interface Disk {
  isFull: boolean
  readonly fileSystem: FileSystem
}

function diskThatFills(): Disk {
  const disk = { isFull: false }
  const open: FileSystem['open'] = async (path, mode) => {
    const file = await nodeFileSystem.open(path, mode)
    const sync = file.sync.bind(file)
    file.sync = () => (disk.isFull ? Promise.reject(new Error('no space left')) : sync())
    return file
  }
  return Object.assign(disk, { fileSystem: { ...nodeFileSystem, open } })
}

it('a log that ends while the disk fails ends once, when it is open again', async () => {
  const root = await mkdtemp(join(tmpdir(), 'stream-log-'))
  const clock = new ManualClock()
  const disk = diskThatFills()
  const told: string[] = []
  const place = { sender: 'south/a/line', generation: 0, tag: 'aaaaaaaa', folder: 'log', path: join(root, 'log') }
  const log: StreamLog = new StreamLog(
    place,
    { name: 'main', codec: 'msgpack', origin: 0 },
    {
      clock,
      fileSystem: disk.fileSystem,
      listener: {
        durable: ({ next, isEnded }) => told.push(isEnded ? `ended at ${next}` : `${next}`),
        failed: ({ next }) => told.push(`failed at ${next}`),
        broken: (error) => told.push(String(error)),
      },
    },
  )
  const until = async (count: number): Promise<void> => {
    while (told.length < count) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await log.open()
  log.append({ firstRecord: 0, count: 1, atMs: 0, records: Uint8Array.of(1) })
  await until(1)
  disk.isFull = true
  log.append({ firstRecord: 1, count: 1, atMs: 0, records: Uint8Array.of(2) })
  log.end()
  await until(2)
  // What the failure set off has run by then.
  while (clock.pending === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(log.isEnded).toBe(false)
  disk.isFull = false
  clock.advance(1_000)
  await until(4)
  expect(told).toEqual(['1', 'failed at 1', '2', 'ended at 2'])
  await log.close()
  await rm(root, { recursive: true })
})
