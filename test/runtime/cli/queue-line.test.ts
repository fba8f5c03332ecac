import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { metricsLine } from '../../../runtime/cli/event-line.ts'
import { queueTexts } from '../../../runtime/cli/queue-line.ts'
import { summaryText } from '../../../runtime/cli/summary.ts'
import { renderView } from '../../../runtime/cli/view.ts'
import { foldGraph, foldMetrics, initialView } from '../../../runtime/cli/view-state.ts'
import { graphOf, nodeMetrics, resultOf } from '../../support/run-fixtures.ts'

const sender = {
  backlogRecords: 12_345,
  backlogBytes: 3_565_158,
  lagMs: 2_300,
  lineBytesPerSecond: 12_582_912,
  compressionRatio: 3.14,
}
const standby = {
  'backlogRecords{standby,main}': 12_000,
  'backlogBytes{standby,main}': 3_400_000,
  'lagMs{standby,main}': 2_300,
  'sentSequence{standby,main}': 130,
  'ackedSequence{standby,main}': 120,
}
const archive = {
  'backlogRecords{archive,main}': 345,
  'backlogBytes{archive,main}': 165_158,
  'lagMs{archive,main}': 20,
  'sentSequence{archive,main}': 1_240,
  'ackedSequence{archive,main}': 1_240,
}

describe('queues of nodes', () => {
  it('of one target are one line', () => {
    expect(queueTexts('to-west', { ...sender, ...standby })).toEqual([
      'to-west standby main: backlog 12,345 records 3.40 MiB, oldest 2.3s · line 12.0 MiB/s, ratio 3.1 · sent 130, acked 120',
    ])
  })

  it('of several targets tell each, the fullest first', () => {
    expect(queueTexts('to-west', { ...sender, ...archive, ...standby })).toEqual([
      'to-west: backlog 12,345 records 3.40 MiB, oldest 2.3s · line 12.0 MiB/s, ratio 3.1',
      '  standby main: backlog 12,000 records 3.24 MiB, oldest 2.3s · sent 130, acked 120',
      '  archive main: backlog 345 records 161 KiB, oldest 20ms · sent 1,240, acked 1,240',
    ])
  })

  it('at the receiving side tell what came and what was read', () => {
    const receiver = {
      backlogRecords: 0,
      backlogBytes: 0,
      lagMs: 0,
      receivedSequence: 7,
      readSequence: 7,
      connections: 2,
    }
    expect(queueTexts('from-east', receiver)).toEqual(['from-east: backlog none · received 7, read 7 · connections 2'])
  })

  it('are told in part when they are many', () => {
    const many = Array.from({ length: 9 }, (_, i) => [`backlogRecords{a,s${i}}`, i] as const)
    const lines = queueTexts('out', { backlogRecords: 36, ...Object.fromEntries(many) })
    expect(lines).toHaveLength(8)
    expect(lines.at(-1)).toBe('  … and 3 more')
  })

  it('are not there for nodes without one', () => expect(queueTexts('orders', { lagMs: 3 })).toEqual([]))

  const metrics = [
    nodeMetrics('orders', { recordsOut: 9 }),
    nodeMetrics('to-west', { recordsIn: 9, gauges: { ...sender, ...standby } }),
  ]
  const view = foldMetrics(foldGraph(initialView('shop', 0), graphOf('shop', 'orders', 'to-west')), metrics, 0)

  it('are in the view, between the nodes and the checkpoint', () => {
    expect(renderView(view, { columns: 70, rows: 20, color: false, nowMs: 0 })).toEqual([
      'shop  created · 0ms',
      '  node                in           out  rate/s            busy',
      '  orders                             9       0 ··········   0%',
      '  to-west              9                     0 ··········   0%',
      '  to-west standby main: backlog 12,345 records 3.40 MiB, oldest 2.3s …',
      '  checkpoint none yet',
    ])
  })

  it('are in a line of metrics, and what waits is in the summary', () => {
    expect(metricsLine(view, 0)).toContain(
      ' to-west.in=9 to-west.rate=0 to-west.backlog=12345 to-west.backlog_bytes=3565158 to-west.lag_ms=2300',
    )
    expect(summaryText(view, resultOf('stopped', { metrics }), false)).toMatch(
      /to-west +9 in +12,345 wait \(3\.40 MiB\)\n/,
    )
  })

  it('are told whatever a node calls its gauges', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.double()), fc.string(), (gauges, name) => {
        for (const line of queueTexts('n', { backlogRecords: 1, ...gauges, [`backlogRecords{${name}}`]: 1 }))
          expect(line).not.toContain('undefined')
      }),
    )
  })
})
