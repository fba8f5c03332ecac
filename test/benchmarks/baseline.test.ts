import { expect, test } from 'vitest'
import { type Baseline, baselineOf, regressions } from '../../benchmarks/baseline.ts'
import type { Row } from '../../benchmarks/scenario.ts'
import { median, noiseOf, percentile } from '../../benchmarks/statistics.ts'

const row = (name: string, ratio: number | undefined, better: Row['better'] = 'higher', noise = 0.02): Row => ({
  name,
  unit: 'records/s',
  value: 1,
  ratio,
  better,
  noise,
  goal: '',
  met: undefined,
})
const machine = { cpu: '', cores: 1, memoryGb: 1, node: '' }
const baseline: Baseline = {
  sum: { ratio: 0.5, noise: 0.02, better: 'higher' },
  start: { ratio: 3, noise: 0.02, better: 'lower' },
}

test('a baseline keeps the rows that have a ratio', () => {
  const rows = [row('sum', 0.5), row('start', 3, 'lower'), row('pause', undefined)]
  expect(baselineOf({ machine, rows })).toEqual(baseline)
})

test('worse within noise, or better, is no regression', () => {
  expect(regressions(baseline, [row('sum', 0.42), row('start', 3.5, 'lower')])).toEqual([])
  expect(regressions(baseline, [row('sum', 0.9), row('start', 1, 'lower')])).toEqual([])
})

test('worse beyond noise is told, whichever way is worse', () => {
  expect(regressions(baseline, [row('sum', 0.35), row('start', 4, 'lower')])).toEqual([
    '"sum": 0.35 of the plain loop, was 0.50: 30 % worse, noise allows 20 %',
    '"start": 4.00 of the plain loop, was 3.00: 33 % worse, noise allows 20 %',
  ])
})

test('noisy rounds allow more', () => {
  expect(regressions(baseline, [row('sum', 0.35, 'higher', 0.15), row('start', 3, 'lower')])).toEqual([])
})

test('a row that is gone is told', () => {
  expect(regressions(baseline, [row('sum', 0.5)])).toEqual(['"start" is in the baseline and was not measured'])
})

test('statistics', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5])
  expect(noiseOf([8, 10, 12])).toBe(0.2)
  expect([percentile([5, 1, 9], 0.99), percentile([1, 2, 3, 4], 0.5)]).toEqual([9, 2])
})
