import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { KafkaRecord } from '../../../../src/connectors/kafka/index.ts'
import { findOffset } from '../../../../src/relay/kafka/offset-search.ts'

const at = (offset: number, origin: number | undefined, site = 'a'): KafkaRecord => ({
  ...{ topic: 't', partition: 0, offset, timestampMs: 0, key: null, value: null },
  headers:
    origin === undefined
      ? []
      : [
          ['millrace-offset', Buffer.from(`${origin}`)],
          ['millrace-sites', Buffer.from(site)],
        ],
})

/** Gaps here and there, records of other sites and of none between. */
const partitions = fc
  .array(fc.record({ gap: fc.nat(3), step: fc.integer({ min: 1, max: 4 }), kind: fc.nat(9) }), {
    maxLength: 60,
    size: 'max',
  })
  .map((parts) => {
    let [offset, origin] = [3, 5]
    return parts.map(({ gap, step, kind }) => {
      offset += gap + 1
      if (kind === 0) return at(offset, undefined)
      if (kind === 1) return at(offset, 1000 - offset, 'b')
      origin += step
      return at(offset, origin, kind === 2 ? 'b,a' : 'a')
    })
  })

it('finds the first record at or behind the offset, or the end, as a plain walk does', async () => {
  await fc.assert(
    fc.asyncProperty(partitions, fc.nat(200), fc.nat(3), async (records, wanted, tail) => {
      const end = (records.at(-1)?.offset ?? 3) + 1 + tail
      const ours = records
        .filter(({ headers }) => headers.length > 0 && String(headers[1]?.[1]).endsWith('a'))
        .map(({ offset, headers }) => ({ offset, origin: Number(headers[0]?.[1]) }))
      const first = ours.find(({ origin }) => origin >= wanted)
      const last = ours.at(-1)
      const read = async function* (from: number, to: number) {
        yield* records.filter(({ offset }) => offset >= from && offset < to)
      }
      expect(await findOffset({ first: 3, end, read }, 'a', wanted)).toEqual({
        offset: first?.offset ?? end,
        missing: first !== undefined ? 0 : last === undefined ? null : Math.max(0, wanted - last.origin - 1),
      })
    }),
  )
})
