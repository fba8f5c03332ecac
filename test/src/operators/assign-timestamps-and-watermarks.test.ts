import { monotonousTimestamps, type WatermarkOptions } from 'millrace'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../runtime/testing/index.ts'
import type { OperatorContext, Output } from '../../../src/contract/operator.ts'
import { AssignTimestampsAndWatermarksOperator } from '../../../src/operators/assign-timestamps-and-watermarks.ts'
import { batchOf } from '../../../src/record/batch.ts'
import { runtimeContext } from '../../support/runtime-context.ts'

/** The operator with a clock that stands still; what it says, in order: records by their event times, watermarks, 'idle', 'active'. */
function opened(options: WatermarkOptions<number> = {}, restored: readonly unknown[] = []) {
  const clock = new ManualClock()
  const said: unknown[] = []
  let asked = false
  const out: Output = {
    batch: ({ timestamps }) => said.push(timestamps),
    emit: () => {},
    watermark: (timestamp) => said.push(timestamp),
    idle: (idle) => said.push(idle ? 'idle' : 'active'),
  }
  const operator = new AssignTimestampsAndWatermarksOperator<number>(
    'times',
    monotonousTimestamps({ timestampOf: (at) => at, ...options }),
  )
  const wake = (): void => {
    asked = true
  }
  const context: OperatorContext = { ...runtimeContext({ clock }), keyed: undefined, restored, wake }
  operator.open(context)
  /** Time passes as the machine sees it: it drains when it was asked to. */
  const pass = (ms: number): void => {
    for (let i = 0; i < ms; i += 1) {
      if (asked) {
        asked = false
        operator.drain(out)
      }
      clock.advance(1)
    }
  }
  pass(1)
  return { operator, out, said, pass, clock, process: (...times: number[]) => operator.process(batchOf(times), out) }
}

describe('assignTimestampsAndWatermarks', () => {
  it('I1: watermarks go out behind their records, and only grow, also over a restore at another parallelism', () => {
    const { operator, out, said, process } = opened({}, [{ watermark: 40 }, { watermark: 30 }])
    expect(said.splice(0)).toEqual([30])
    process(10)
    operator.finishEpoch(1, out)
    process(100)
    operator.finishEpoch(2, out)
    expect(said).toEqual([[10], [100], 99])
    expect(operator.snapshot()).toEqual({ watermark: 99 })
  })

  it('I2: goes out behind every sixteenth batch, and soon if no more comes', () => {
    const { said, pass, process } = opened()
    for (let i = 1; i <= 17; i += 1) process(i)
    expect(said.splice(0).filter((one) => typeof one === 'number')).toEqual([15])
    pass(12)
    expect(said).toEqual([16])
  })

  it('I3: idle after a while without records, active before the next', () => {
    const { said, pass, process } = opened({ idleAfterMs: 100 })
    process(5)
    pass(90)
    expect(said.splice(0)).toEqual([[5], 4])
    pass(60)
    expect(said.splice(0)).toEqual(['idle'])
    pass(1_000)
    process(6)
    expect(said.splice(0)).toEqual(['active', [6]])
    pass(1_000)
    expect(said).toEqual([5, 'idle'])
  })

  it('a soon watermark is not put off by the longer wait for idleness', () => {
    const { said, pass, process } = opened({ idleAfterMs: 1_000_000 })
    pass(50)
    process(5)
    pass(12)
    expect(said).toEqual([[5], 4])
  })

  it('is idle when its inputs are; of their watermarks nothing is passed on', () => {
    const { operator, out, said, process } = opened()
    process(7)
    operator.status(true, out)
    operator.status(false, out)
    expect(said).toEqual([[7], 6, 'idle', 'active'])
    expect(operator.ownsWatermarks).toBe(true)
    expect('watermark' in operator).toBe(false)
  })

  it('says nothing behind the end, and what it had reached is no beginning for another run', () => {
    const { operator, out, said, pass, process } = opened({ idleAfterMs: 10 })
    process(7)
    operator.endOfInput()
    operator.finishEpoch(1, out)
    pass(1_000)
    expect(said).toEqual([[7]])
    expect(operator.snapshot()).toEqual({ watermark: Number.NEGATIVE_INFINITY })
  })
})
