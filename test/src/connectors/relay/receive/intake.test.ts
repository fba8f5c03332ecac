import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { Intake } from '../../../../../src/connectors/relay/receive/intake.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const BATCH_BYTES = 1 << 20

it('keeps nothing of the batches it has given, however long others wait behind them', async () => {
  const intake = new Intake({ plainBytesMax: 2 * BATCH_BYTES, bodyBytesMax: 8 * BATCH_BYTES, flow: () => {} })
  const taken: WeakRef<Uint8Array>[] = []
  const arrive = (): void => {
    const body = new Uint8Array(BATCH_BYTES / 2)
    const take = (): void => {
      taken.push(new WeakRef(body))
    }
    intake.add({ bodyBytes: body.length, plainBytes: BATCH_BYTES, take })
  }
  for (let i = 0; i < 5; i += 1) arrive()
  for (let i = 0; i < 100; i += 1) {
    intake.release(BATCH_BYTES)
    arrive()
  }
  // What a WeakRef was made of or has given stays until the end of the turn.
  await new Promise((resolve) => setImmediate(resolve))
  collectGarbage()
  expect(taken.length).toBeGreaterThan(50)
  expect(taken.filter((body) => body.deref() !== undefined)).toEqual([])
})

it('takes batches in order, as many as plain bytes are allowed, and closes the lines while too many wait', () => {
  const flows: boolean[] = []
  const taken: number[] = []
  const intake = new Intake({ plainBytesMax: 20_000, bodyBytesMax: 5_000, flow: (isOpen) => flows.push(isOpen) })
  for (let i = 0; i < 8; i += 1) intake.add({ bodyBytes: 1_000, plainBytes: 9_000, take: () => taken.push(i) })
  expect(taken).toEqual([0, 1])
  expect(flows).toEqual([false])
  for (let i = 2; i < 8; i += 1) intake.release(9_000 + 512)
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(flows).toEqual([false, true])
})
