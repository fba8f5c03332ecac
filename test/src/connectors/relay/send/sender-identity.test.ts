import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  commonWith,
  newIdentity,
  reopened,
  type SenderIdentity,
  type SenderState,
} from '../../../../../src/connectors/relay/send/sender-identity.ts'

const stateOf = ({ incarnation }: SenderIdentity, next: number): SenderState => ({
  format: 1,
  incarnation,
  streams: [['main', next, next]],
})
const plain = { checkpoint: 1, rewound: false }
const back = (checkpoint: number) => ({ checkpoint, rewound: true })
const published = (identity: SenderIdentity | string): SenderIdentity => {
  if (typeof identity === 'string') throw new Error(identity)
  return { ...identity, hasPublished: true, rewoundTo: undefined }
}

describe('identity of a sender', () => {
  it('goes on under a higher session, which copies of a queue do not share', () => {
    const known = newIdentity()
    const sessions = Array.from({ length: 8 }, () => published(reopened(known, stateOf(known, 3), plain)).session)
    expect(Math.min(...sessions)).toBeGreaterThan(known.session)
    expect(new Set(sessions).size).toBeGreaterThan(1)
  })

  it('refuses a queue that is missing, of another run, or taken back since', () => {
    const known = newIdentity()
    expect(reopened(undefined, stateOf(known, 0), plain)).toBe('it is not there')
    expect(reopened(newIdentity(), stateOf(known, 0), plain)).toContain('of another run')
    const taken = published(reopened(known, stateOf(known, 3), back(3)))
    expect(reopened(taken, stateOf(known, 3), plain)).toContain('it was taken back')
    expect(reopened(taken, stateOf(known, 4), back(4))).toContain('of another run')
  })

  it('knows what it has in common with each life before it, however often it went back', () => {
    const steps = fc.array(fc.record({ grow: fc.nat(5), to: fc.nat(20) }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(steps, (moves) => {
        let known = published(newIdentity())
        // The model: for each life, its whole history as a list of unique batches.
        let log: number[] = []
        let made = 0
        const lives: { identity: SenderIdentity; log: number[] }[] = []
        for (const [i, { grow, to }] of moves.entries()) {
          for (let k = 0; k < grow; k += 1) log.push(made++)
          lives.push({ identity: known, log: [...log] })
          const next = Math.min(to, log.length)
          known = published(reopened(known, stateOf(known, next), back(i)))
          log = log.slice(0, next)
        }
        for (const life of lives) {
          let common = 0
          while (common < log.length && life.log[common] === log[common]) common += 1
          expect(commonWith(known, life.identity.incarnation, 'main')).toBeLessThanOrEqual(common)
        }
        const last = lives.at(-1)
        expect(commonWith(known, last?.identity.incarnation ?? '', 'main')).toBe(log.length)
        expect(commonWith(known, 'stranger', 'main')).toBe(0)
      }),
    )
  })
})
