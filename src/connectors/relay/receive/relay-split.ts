// Splits of a relaySource, and what its enumerator and its readers tell each other. Plain data.

import type { SourceSplit } from '../../../contract/source-function.ts'
import type { ErrorDetails } from '../../../errors.ts'
import type { StreamLog } from './stream-log.ts'

/** Where the enumerator's store is, below the node's folder. */
export const STORE_FOLDER = 'received'

/** A stream of an incarnation of a sender, from a position on. */
export interface RelaySplit extends SourceSplit {
  readonly sender: string
  readonly stream: string
  /** Of its log, below the store's. */
  readonly folder: string
  /** The next batch to be read. */
  readonly sequence: number
  /** How many of its records were read. */
  readonly skip: number
}

/** What a reader tells. */
export type ReaderEvent =
  /** It has these splits, at these batches. */
  | { readonly type: 'have'; readonly positions: readonly Position[] }
  /** How far it is; of each split also the number of its next record, and when the batch was made that has it. */
  | { readonly type: 'read'; readonly progress: readonly Progress[] }
  /** These were read to their ends. */
  | { readonly type: 'finished'; readonly ids: readonly string[] }
  /** What a complete checkpoint holds. */
  | { readonly type: 'complete'; readonly positions: readonly Position[] }

export interface Position {
  readonly id: string
  readonly sequence: number
}

export interface Progress extends Position {
  readonly record: number
  readonly atMs: number
}

/** What the enumerator tells. */
export type EnumeratorEvent =
  | { readonly type: 'ends'; readonly ends: readonly StreamEnd[] }
  /** These were read out, and a complete checkpoint knows it. */
  | { readonly type: 'forget'; readonly ids: readonly string[] }
  /** Something failed behind the enumerator's calls. */
  | {
      readonly type: 'failed'
      readonly code: string | undefined
      readonly details: ErrorDetails
      readonly reason: string
    }

/** What of a stream is durable. */
export interface StreamEnd {
  readonly id: string
  /** Batches below can be read. */
  readonly next: number
  /** The number of the record behind them. */
  readonly records: number
  /** Nothing more will come. */
  readonly isFinal: boolean
}

/** A split of a whole stream, as far as it is kept. */
export function splitOf({ id, place, facts, first }: StreamLog): RelaySplit {
  return { id, sender: place.sender, stream: facts.name, folder: place.folder, sequence: first, skip: 0 }
}

/** The parts of a stream's id. */
export interface StreamIdParts {
  readonly sender: string
  readonly generation: number
  readonly stream: string
}

/** `SENDER#GENERATION.TAG/STREAM`: the name of a sender has no `#`. */
export function partsOf(id: string): StreamIdParts {
  const hash = id.indexOf('#')
  const dot = id.indexOf('.', hash)
  const slash = id.indexOf('/', dot)
  return { sender: id.slice(0, hash), generation: Number(id.slice(hash + 1, dot)), stream: id.slice(slash + 1) }
}
