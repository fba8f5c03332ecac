// Which life of a sender a queue is of, and what may be gone on from. Pure; the file is read and written by the outbox.
//
// A new incarnation begins when nothing is restored, and when the job goes back behind what readers may have seen. The batches before
// the cut are the same in both, so the old one is kept as an ancestor, with how far that holds.

import { randomBytes, randomInt } from 'node:crypto'

/** How far a stream has come: the number of the next batch, and of the next record. */
export type StreamPosition = readonly [name: string, next: number, record: number]

/** What a checkpoint holds of the sender. */
export interface SenderState {
  readonly format: 1
  /** Hex. */
  readonly incarnation: string
  readonly streams: readonly StreamPosition[]
}

/** The file beside the logs. */
export interface SenderIdentity {
  readonly format: 1
  readonly incarnation: string
  /** Raised at each opening. */
  readonly session: number
  /** Whether a checkpoint taken in this incarnation was complete, so that what it held may have been sent. */
  readonly hasPublished: boolean
  /** The checkpoint that it began with, if the job went back to it. */
  readonly rewoundTo?: number | undefined
  /** Oldest first. Batches below `streams` are common to it and to all that came after. */
  readonly ancestors: readonly Ancestor[]
}

interface Ancestor {
  readonly incarnation: string
  readonly streams: readonly (readonly [name: string, next: number])[]
}

const ANCESTORS_MAX = 32
const SESSION_STEP_MAX = 2 ** 20

/** A sender that begins with nothing. */
export function newIdentity(): SenderIdentity {
  return { format: 1, incarnation: newIncarnation(), session: raised(0), hasPublished: false, ancestors: [] }
}

/** The identity with which a queue is gone on with from a state; or why it cannot be. */
export function reopened(
  known: SenderIdentity | undefined,
  state: SenderState,
  { checkpoint, rewound }: { readonly checkpoint: number | undefined; readonly rewound: boolean },
): SenderIdentity | string {
  if (known === undefined) return 'it is not there'
  if (!isOf(known, state)) return `it is of another run of the sender (${known.incarnation}, not ${state.incarnation})`
  if (!rewound) {
    if (known.incarnation !== state.incarnation) return 'it was taken back, and the checkpoint is of before that'
    return { ...known, session: raised(known.session), hasPublished: true, rewoundTo: undefined }
  }
  // Begun by an attempt before this one, which went back to the same checkpoint and published nothing of its own.
  const isBegun =
    !known.hasPublished && known.rewoundTo === checkpoint && known.ancestors.at(-1)?.incarnation === state.incarnation
  if (isBegun) return { ...known, session: raised(known.session) }
  const cut = new Map(state.streams.map(([name, next]) => [name, next]))
  const all: readonly Ancestor[] = [
    ...known.ancestors.filter(({ incarnation }) => incarnation !== state.incarnation),
    ...(known.incarnation === state.incarnation ? [] : [{ incarnation: known.incarnation, streams: [...cut] }]),
    { incarnation: state.incarnation, streams: [...cut] },
  ]
  const ancestors = all
    .map(({ incarnation, streams }) => ({
      incarnation,
      streams: streams.map(([name, next]) => [name, Math.min(next, cut.get(name) ?? 0)] as const),
    }))
    .slice(-ANCESTORS_MAX)
  return { ...newIdentity(), rewoundTo: checkpoint, ancestors }
}

/** Up to where a stream of another incarnation is the same as in this one; 0 if nothing is known of it. */
export function commonWith(known: SenderIdentity, incarnation: string, stream: string): number {
  if (known.incarnation === incarnation) return Number.POSITIVE_INFINITY
  const ancestor = known.ancestors.find((one) => one.incarnation === incarnation)
  return ancestor?.streams.find(([name]) => name === stream)?.[1] ?? 0
}

/** Whether the batches that a state speaks of are those of this queue. */
function isOf(known: SenderIdentity, { incarnation, streams }: SenderState): boolean {
  if (known.incarnation !== incarnation && !known.ancestors.some((one) => one.incarnation === incarnation)) return false
  return streams.every(([name, next]) => next <= commonWith(known, incarnation, name))
}

/** By chance, so that two copies of a queue cannot both be the newest. */
function raised(session: number): number {
  return session + randomInt(1, SESSION_STEP_MAX)
}

function newIncarnation(): string {
  return randomBytes(16).toString('hex')
}
