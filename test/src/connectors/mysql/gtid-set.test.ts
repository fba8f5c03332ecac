import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GtidSet } from '../../../../src/connectors/mysql/gtid-set.ts'

const UUIDS = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '2c256447-3f0d-431b-9a25-bddf1f1f6ef6']
const A = UUIDS[0] as string
const B = UUIDS[1] as string

const sources = [A, B, `${A}:alpha`, `${A}:beta_2`, `${B}:_x`]

/** GTIDs of few sources and small numbers, so that ranges touch, overlap and leave gaps. */
const gtids = fc.array(
  fc
    .tuple(fc.constantFrom(...sources), fc.integer({ min: 1, max: 30 }))
    .map(([source, number]) => `${source}:${number}`),
  { maxLength: 80 },
)

/** The model: a set of texts. */
function setOf(all: Iterable<string>): GtidSet {
  const set = new GtidSet()
  for (const gtid of all) set.add(gtid)
  return set
}

/** Every GTID there may be in these tests. */
const universe = sources.flatMap((source) => Array.from({ length: 31 }, (_, i) => `${source}:${i + 1}`))

const members = (set: GtidSet): string[] => universe.filter((gtid) => set.contains(gtid))

/** A printed set taken apart by the grammar of the manual, without a range being joined. */
function expand(text: string): Set<string> {
  const all = new Set<string>()
  for (const block of text.split(',').filter((one) => one !== '')) {
    const [uuid = '', ...items] = block.split(':')
    let source = uuid
    for (const item of items)
      if (/^[a-z_]/.test(item)) source = `${uuid}:${item}`
      else {
        const [from = 0, to = from] = item.split('-').map(Number)
        for (let number = from; number <= to; number++) all.add(`${source}:${number}`)
      }
  }
  return all
}

describe('GtidSet', () => {
  it('has what was added, in any order, and nothing else', () => {
    fc.assert(
      fc.property(gtids, (all) => {
        expect(new Set(members(setOf(all)))).toEqual(new Set(all))
      }),
    )
  })

  it('I1: prints one form whatever the order, and that form reads back', () => {
    fc.assert(
      fc.property(gtids, (all) => {
        const text = setOf(all).toString()
        expect(setOf([...all].reverse()).toString()).toBe(text)
        expect(expand(text)).toEqual(new Set(all))
        expect(GtidSet.parse(text).toString()).toBe(text)
        // No two ranges touch: the form could not be shorter.
        expect(hasTouching(text)).toBe(false)
      }),
    )
  })

  it('I2: printing after every addition gives the same as printing once', () => {
    fc.assert(
      fc.property(gtids, (all) => {
        const set = new GtidSet()
        const added = new Set<string>()
        for (const gtid of all) {
          set.add(gtid)
          added.add(gtid)
          expect(set.toString()).toBe(setOf(added).toString())
        }
      }),
    )
  })

  it('within and minus are those of sets', () => {
    fc.assert(
      fc.property(gtids, gtids, (left, right) => {
        const [a, b] = [new Set(left), new Set(right)]
        const rest = [...a].filter((gtid) => !b.has(gtid))
        expect(setOf(a).within(setOf(b))).toBe(rest.length === 0)
        expect(setOf(a).minus(setOf(b)).toString()).toBe(setOf(rest).toString())
        expect(setOf(a).minus(setOf(b)).isEmpty).toBe(rest.length === 0)
        // What is joined has both, and more is never within less.
        const both = setOf([...a, ...b])
        expect(setOf(a).within(both) && setOf(b).within(both)).toBe(true)
      }),
    )
  })

  it('reads what servers print', () => {
    const printed = `${B.toUpperCase()}:1-3:5,\n${A}:7:alpha:1-2:4:beta_2:9`
    expect(GtidSet.parse(printed).toString()).toBe(`${B}:1-3:5,${A}:7:alpha:1-2:4:beta_2:9`)
    expect(GtidSet.parse(`${A}:3:1-2:9-9`).toString()).toBe(`${A}:1-3:9`)
    expect(GtidSet.parse('').isEmpty).toBe(true)
  })

  it.each([
    'a',
    `${A}`,
    `${A}:`,
    `${A}:0`,
    `${A}:5-3`,
    `${A}:1-2-3`,
    `${A}:tag`,
    `${A}:tag:other:1`,
    `${A.slice(1)}:1`,
    `${A}:1-9007199254740993`,
    `${A}:${'x'.repeat(33)}:1`,
    '0-1-5',
  ])('refuses %s', (text) => {
    expect(() => GtidSet.parse(text)).toThrowError(expect.objectContaining({ code: 'SOURCE_FAILED' }))
  })

  it('refuses to add what is no GTID', () => {
    for (const text of ['1', `${A}:x`, `${A}:1-2`, 'nobody:1'])
      expect(() => new GtidSet().add(text)).toThrowError(expect.objectContaining({ code: 'SOURCE_FAILED' }))
  })

  it('I2: adding the next number does not grow with the ranges there are', () => {
    const set = GtidSet.parse(`${A}:${Array.from({ length: 50_000 }, (_, i) => 2 * i + 1).join(':')}`)
    // 200,000 additions to 50,000 ranges, with a print now and then: by search or by printing anew this is 10^10 steps.
    for (let number = 200_001; number <= 400_000; number++) set.addNumber(A, number)
    expect(set.toString().endsWith(':99999:200001-400000')).toBe(true)
  })
})

/** Whether in a printed set some range begins where the one before it ends, or right behind. */
function hasTouching(text: string): boolean {
  return text.split(/,|:(?=[a-z_])/).some((block) => {
    const ranges = [...block.matchAll(/(?<=:)(\d+)(?:-(\d+))?/g)].map(([, from, to]) => [
      Number(from),
      Number(to ?? from),
    ])
    return ranges.some(([from], i) => i > 0 && (from as number) <= (ranges[i - 1]?.[1] as number) + 1)
  })
}
