import type { FileSystem } from '../util/file-system.ts'
import { damaged } from './log-failure.ts'
import { Segment, segmentFirst } from './segment.ts'

/** The segments in a log's directory, oldest first, without their lengths; those of `known` that are still there stay what they are. */
export async function listSegments(
  fs: FileSystem,
  directory: string,
  known: readonly Segment[] = [],
): Promise<Segment[]> {
  const names = await fs.list(directory)
  const segments = names.map((name) => {
    const first = segmentFirst(name)
    if (first === undefined) throw damaged(directory, 0, `${name} is not a segment that this release can read`)
    return known.find((segment) => segment.first === first) ?? new Segment(directory, first, 0)
  })
  return segments.sort((a, b) => a.first - b.first)
}

/** The segment that a record is in, if it is kept. */
export function segmentOf(segments: readonly Segment[], sequence: number): Segment | undefined {
  return segments.findLast(({ first }) => first <= sequence)
}

/** About how many bytes the records from `sequence` on have in these segments, whose next record is `end`. */
export function bytesFrom(segments: readonly Segment[], sequence: number, end: number): number {
  let bytes = 0
  for (let i = segments.length - 1; i >= 0; i -= 1) {
    const segment = segments[i] as Segment
    bytes += segment.bytesFrom(sequence, segments[i + 1]?.first ?? end)
    if (segment.first <= sequence) break
  }
  return bytes
}
