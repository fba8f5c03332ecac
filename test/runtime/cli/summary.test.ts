import { expect, it } from 'vitest'
import { summaryText } from '../../../runtime/cli/summary.ts'
import { foldGraph, initialView } from '../../../runtime/cli/view-state.ts'
import { graphOf, nodeMetrics, resultOf } from '../../support/run-fixtures.ts'

it('says which records came too late for whom', () => {
  const metrics = [
    nodeMetrics('clicks', { recordsOut: 1_000 }),
    nodeMetrics('windows', { recordsIn: 1_000, recordsOut: 20, counters: { lateRecords: 3 } }),
    nodeMetrics('report', { recordsIn: 20 }),
  ]
  const view = foldGraph(initialView('shop', 0), graphOf('shop', 'clicks', 'windows', 'report'))
  expect(summaryText(view, resultOf('finished', { metrics }), false)).toBe(
    [
      '✓ shop finished in 12s',
      '  clicks             1,000 out',
      '  windows  1,000 in     20 out  3 late',
      '  report      20 in',
      '  checkpoints: 0 complete · restarts: 0',
      '',
    ].join('\n'),
  )
})
