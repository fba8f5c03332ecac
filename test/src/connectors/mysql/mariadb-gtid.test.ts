import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMariadbGtids, parseGtids } from '../../../../src/connectors/mysql/gtids.ts'
import { MariadbGtids } from '../../../../src/connectors/mysql/mariadb-gtid.ts'

/** A log of few domains, each with numbers that grow, from servers that take turns. */
const log = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })), {
    maxLength: 40,
  })
  .map((steps) => {
    const last = new Map<number, number>()
    return steps.map(([domain, server, step]) => {
      const number = (last.get(domain) ?? 0) + step
      last.set(domain, number)
      return `${domain}-${server}-${number}`
    })
  })

function reached(gtids: readonly string[]): MariadbGtids {
  const position = new MariadbGtids()
  for (const gtid of gtids) position.add(gtid)
  return position
}

describe('MariadbGtids', () => {
  it('I1: has what is before it in a log and not what is behind', () => {
    fc.assert(
      fc.property(log, fc.nat(), (gtids, at) => {
        const cut = gtids.length === 0 ? 0 : at % (gtids.length + 1)
        const position = reached(gtids.slice(0, cut))
        expect(gtids.map((gtid) => position.contains(gtid))).toEqual(gtids.map((_, i) => i < cut))
      }),
    )
  })

  it('of two places in one log the earlier is within the later', () => {
    fc.assert(
      fc.property(log, fc.nat(), fc.nat(), (gtids, a, b) => {
        const [low, high] = [a % (gtids.length + 1), b % (gtids.length + 1)].sort((x, y) => x - y) as [number, number]
        expect(reached(gtids.slice(0, low)).within(reached(gtids.slice(0, high)))).toBe(true)
        expect(reached(gtids.slice(0, high)).within(reached(gtids.slice(0, low)))).toBe(low === high)
      }),
    )
  })

  it('prints what it reads, by domain', () => {
    fc.assert(
      fc.property(log, (gtids) => {
        expect(MariadbGtids.parse(reached(gtids).toString()).toString()).toBe(reached(gtids).toString())
      }),
    )
    expect(MariadbGtids.parse(' 2-3-4,\n0-1-9 ').toString()).toBe('0-1-9,2-3-4')
    expect(MariadbGtids.parse('').isEmpty).toBe(true)
  })

  it.each(['0-1', '0-1-0', '0-1-2-3', '0-1-x', '0-1-5,0-2-6', '4294967296-1-1', '0-1-9007199254740993', 'a:1-5'])(
    'refuses %s',
    (text) => {
      expect(() => MariadbGtids.parse(text)).toThrowError(expect.objectContaining({ code: 'SOURCE_FAILED' }))
    },
  )

  it('is told from the other kind', () => {
    expect(isMariadbGtids('0-1-5')).toBe(true)
    expect(isMariadbGtids('3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5')).toBe(false)
    expect(parseGtids('0-1-5', true)).toBeInstanceOf(MariadbGtids)
  })
})
