import type { OpenFile } from '../util/file-system.ts'
import { calledDurable } from './frame.ts'
import { damaged } from './log-failure.ts'
import type { Segment } from './segment.ts'
import { SegmentReader } from './segment-reader.ts'

/**
 * Finds the end of the last segment and cuts off what a crash left torn behind it; returns the sequence of the next record.
 * Throws LOG_CORRUPT if what is bad had been durable. Syncs, so that what was found is durable from here on.
 */
export async function recoverTail(file: OpenFile, segment: Segment): Promise<number> {
  const reader = new SegmentReader(file, 0)
  let next = segment.first
  let syncedBytes = 0
  for (;;) {
    const { offset } = reader
    const frame = reader.take() ?? (await reader.read())
    // A good frame of another number is as bad: what a crash leaves behind the synced part may be of a file that was there before.
    if (frame?.sequence !== next) {
      if (offset < segment.bytes) await cutTornTail(file, segment, offset, next)
      await writeAgain(file, syncedBytes, offset)
      await file.sync()
      return next
    }
    if (frame.mark) {
      syncedBytes = reader.offset
    } else {
      segment.note(next, offset)
      next += 1
    }
  }
}

async function cutTornTail(file: OpenFile, segment: Segment, offset: number, sequence: number): Promise<void> {
  const rest = Buffer.allocUnsafe(segment.bytes - offset)
  await file.read(rest, offset)
  if (calledDurable(rest, sequence)) {
    throw damaged(
      segment.path,
      offset,
      `record ${sequence} is not there whole, and had been durable, as good ones behind it say`,
    )
  }
  await file.truncate(offset)
  segment.cut(offset)
}

/**
 * Writes what no mark calls durable over itself. If its sync failed, the system may take these pages for clean though they are on no
 * disk: they could be read, and another sync would pass over them.
 */
async function writeAgain(file: OpenFile, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += WRITE_BYTES) {
    const piece = Buffer.allocUnsafe(Math.min(WRITE_BYTES, to - at))
    await file.read(piece, at)
    await file.write([piece], at)
  }
}

const WRITE_BYTES = 1 << 20
