import type { RecordOutput } from './record-output.ts'

/** What a decoder took from the head of the bytes it was shown. Nothing (0 bytes): no whole record is there yet. */
export interface Taken {
  readonly bytes: number
  readonly lines: number
}

/** Turns the bytes of one file into records. It is shown bytes that begin a record and takes whole records from them. */
export interface RecordDecoder {
  /** Takes at most recordsMax records. `last`: nothing follows these bytes, so the last record needs no newline. */
  decode(bytes: Buffer, recordsMax: number, last: boolean, out: RecordOutput): Taken
  /** Column names, of a CSV file whose header has been read. */
  readonly header: readonly string[] | undefined
}

export const NOTHING_TAKEN: Taken = { bytes: 0, lines: 0 }
export const NEWLINE = 0x0a

/** Why a record is refused that is longer than recordBytesMax. */
export function tooLong(bytesMax: number): string {
  return `longer than ${bytesMax} bytes`
}
