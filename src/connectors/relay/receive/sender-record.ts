// What is known of a sender, and whether a connection may speak for it. Pure.

import type { Hello } from '../wire/messages.ts'

const PAST_MAX = 1000

/** One sender's file: which life of it counts, and who may write it. */
export interface SenderRecord {
  readonly format: 1
  readonly sender: string
  /** Who wrote it first; nobody else may. */
  readonly identity: string
  /** Hex. */
  readonly incarnation: string
  /** How many incarnations there were before. */
  readonly generation: number
  /** The highest session of this incarnation. */
  readonly session: number
  /** Incarnations before, the latest last. */
  readonly past: readonly string[]
  /** What this session was given: who goes on with the incarnation has it. */
  readonly token: string
  /** What the session before it was given, '' if there was none, until this one has used its own: the Welcome that gave it may have been lost. */
  readonly formerToken?: string | undefined
}

/** What becomes of a Hello: refused, or the record from here on (the same object if nothing changed). */
export type Judgement =
  | { readonly refused: { readonly code: string; readonly reason: string } }
  | { readonly record: SenderRecord }

/** Judges a Hello against what is known of its sender, undefined if nothing is. `token` is for a new session. */
export function judgeHello(
  known: SenderRecord | undefined,
  hello: Hello,
  { identity, token }: { readonly identity: string; readonly token: string },
): Judgement {
  const incarnation = Buffer.from(hello.incarnation).toString('hex')
  const { sender, session } = hello
  if (known === undefined)
    return {
      record: { format: 1, sender, identity, incarnation, generation: 0, session, past: [], token, formerToken: '' },
    }
  if (known.identity !== identity)
    return refused('IDENTITY', `it is written by "${known.identity}", and this is "${identity}"`)
  if (known.past.includes(incarnation))
    return refused('FENCED', 'a later run of it, started afresh or taken back, has replaced this one')
  if (known.incarnation !== incarnation) {
    const past = [...known.past, known.incarnation].slice(-PAST_MAX)
    const generation = known.generation + 1
    return { record: { ...known, incarnation, generation, session, past, token, formerToken: '' } }
  }
  if (session < known.session) return refused('FENCED', `its session ${known.session} has replaced session ${session}`)
  // Of an incarnation that nobody has written yet nothing can be mixed.
  const had = [known.token, known.formerToken].find(
    (one) => one === '' || (one !== undefined && hello.tokens.includes(one)),
  )
  if (had === undefined) return refused('FENCED', 'another copy of it has written since, and goes on alone')
  return { record: session === known.session ? known : { ...known, session, token, formerToken: had } }
}

/** Why this is no sender's file; undefined if it is one. */
export function recordFault(value: unknown): string | undefined {
  const record = value as Partial<SenderRecord> | null
  if (typeof record !== 'object' || record === null || record.format !== 1) return 'it is not of format 1'
  const { sender, identity, incarnation, generation, session, past, token } = record
  if ([sender, identity, incarnation, token].some((one) => typeof one !== 'string'))
    return 'sender, identity, incarnation or token is missing'
  if (!Number.isSafeInteger(generation) || !Number.isSafeInteger(session)) return 'generation or session is no number'
  return Array.isArray(past) ? undefined : 'past is missing'
}

function refused(code: string, reason: string): Judgement {
  return { refused: { code, reason } }
}
