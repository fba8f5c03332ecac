import fc from 'fast-check'
import { expect, it } from 'vitest'
import { LocalChannel } from '../../../runtime/channel/local-channel.ts'
import { batchOf } from '../../../src/record/batch.ts'

it('I1, I2: keeps order and its bounds, whatever the sizes, with a writer that waits when told to', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }),
      fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
      async (records, elements, sizes, pauses) => {
        const channel = new LocalChannel({ records, elements })
        let next = 0
        let most = 0
        const write = async (): Promise<void> => {
          for (const size of sizes) {
            await channel.write(batchOf(Array.from({ length: size }, () => next++)))
            most = Math.max(most, channel.records)
          }
        }
        const got: unknown[] = []
        const total = sizes.reduce((sum, size) => sum + size, 0)
        const read = async (): Promise<void> => {
          while (got.length < total) {
            for (let pause = pauses.next().value ?? 0; pause > 0; pause -= 1) await undefined
            const element = channel.take()
            if (element?.kind === 'batch') got.push(...element.values)
            else await new Promise((resolve) => setImmediate(resolve))
          }
        }
        await Promise.all([write(), read()])
        expect(got).toEqual(Array.from({ length: total }, (_, i) => i))
        expect(most).toBeLessThan(records + 30)
      },
    ),
    { numRuns: 50 },
  )
})

it('I3: lets a waiting writer go on close and takes nothing more', async () => {
  const channel = new LocalChannel({ records: 1, elements: 10 })
  const waiting = channel.write(batchOf([1, 2]))
  expect(waiting).toBeDefined()
  channel.close()
  await waiting
  void channel.write(batchOf([3]))
  expect(channel.take()).toBeUndefined()
})

it('tells its reader when something came to the empty channel', () => {
  const channel = new LocalChannel({ records: 10, elements: 10 })
  let calls = 0
  channel.onReadable(() => {
    calls += 1
  })
  void channel.write(batchOf([1]))
  void channel.write(batchOf([2]))
  expect(calls).toBe(1)
  channel.take()
  channel.take()
  void channel.write(batchOf([3]))
  expect(calls).toBe(2)
})
