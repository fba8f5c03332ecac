import type { OpenFile } from '../util/file-system.ts'
import { calledDurable } from './frame.ts'
import { badRecord, damaged } from './log-failure.ts'
import type { Segment } from './segment.ts'
import { SegmentReader } from './segment-reader.ts'

/**
 * Finds the end of the last segment and cuts off what a crash left torn behind it; returns the sequence of the next record.
 * Throws LOG_CORRUPT if what is bad had been durable. Syncs, so that what was found is durable from here on.
 */
export async function recoverTail(file: OpenFile, segment: Segment): Promise<number> {
  const reader = new SegmentReader(file, 0)
  let next = segment.first
  for (;;) {
    const offset = reader.offset
    const frame = reader.take() ?? (await reader.read())
    if (frame === undefined) {
      await cutTornTail(file, segment, offset, next)
      return next
    }
    if (frame.sequence !== next) throw damaged(segment.path, offset, badRecord(next, frame.sequence))
    if (frame.mark) continue
    segment.note(next, offset)
    next += 1
  }
}

async function cutTornTail(file: OpenFile, segment: Segment, offset: number, sequence: number): Promise<void> {
  if (offset < segment.bytes) {
    const rest = Buffer.allocUnsafe(segment.bytes - offset)
    await file.read(rest, offset)
    if (calledDurable(rest, sequence)) {
      const reason = `record ${sequence} does not match its checksum, and good records follow it`
      throw damaged(segment.path, offset, reason)
    }
    await file.truncate(offset)
    segment.cut(offset)
  }
  await file.sync()
}
