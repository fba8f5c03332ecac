import { MillraceError, reasonOf } from '../errors.ts'

/** LOG_CORRUPT: what is in `path` from byte `offset` on is not what was written. */
export function damaged(path: string, offset: number, reason: string): MillraceError {
  return new MillraceError('LOG_CORRUPT', { path, offset, reason })
}

/** LOG_CORRUPT: what is said of a record that should be in a log and is not; `kept`: which records are. */
export function missing(directory: string, sequence: number, kept: string): MillraceError {
  return damaged(directory, 0, `record ${sequence} was asked for and is not there: it holds records ${kept}`)
}

/** What is bad about a frame that was expected to be a record's: there is none, or another record's. */
export function badRecord(expected: number, found: number | undefined): string {
  return found === undefined
    ? `record ${expected} is cut short or does not match its checksum`
    : `record ${expected} was expected and record ${found} is there`
}

/** Does work on files; what they throw becomes IO. */
export async function wrapIo<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('IO', { action, path, reason: reasonOf(error) }, error)
  }
}
