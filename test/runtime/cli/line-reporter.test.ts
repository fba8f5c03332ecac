import { describe, expect, it } from 'vitest'
import { LineReporter } from '../../../runtime/cli/line-reporter.ts'
import type { RunEvent } from '../../../runtime/control/run-types.ts'
import { completeCheckpoint, graphOf, nodeMetrics, resultOf, userFailure } from '../../support/run-fixtures.ts'

/** What a short run with one restart makes a reporter write. */
function report(form: 'human' | 'json' | 'quiet', verbose = false): string {
  let now = Date.UTC(2026, 0, 2)
  let written = ''
  const reporter = new LineReporter({
    job: 'jobs/shop.ts',
    form,
    verbose,
    color: false,
    now: () => now,
    write: (text) => {
      written += text
    },
  })
  const tell = (rest: object): void => reporter.event({ at: now, job: 'shop', ...rest } as RunEvent)
  reporter.graph(graphOf('shop', 'orders', 'totals', 'report'))
  tell({ type: 'state', state: 'running', attempt: 1 })
  tell({ type: 'log', level: 'debug', message: 'detail', fields: {} })
  tell({ type: 'checkpoint', checkpoint: { ...completeCheckpoint(1, now), status: 'in-progress', endedAt: undefined } })
  tell({ type: 'checkpoint', checkpoint: completeCheckpoint(1, now) })
  tell({ type: 'committed', checkpoint: 1 })
  tell({ type: 'failure', failure: userFailure(), restartInMs: 1000 })
  tell({ type: 'state', state: 'restarting', attempt: 1 })
  tell({ type: 'restored', checkpoint: 1, folder: '/x/1' })
  tell({ type: 'state', state: 'running', attempt: 2 })
  tell({ type: 'log', level: 'error', message: 'odd', fields: {} })
  for (let second = 0; second < 25; second++) {
    now += 1000
    reporter.metrics(metricsAt(second))
  }
  tell({ type: 'state', state: 'finished', attempt: 2 })
  reporter.end(resultOf('finished', { lastCheckpoint: 1, attempts: 2, metrics: metricsAt(25) }))
  return written
}

function metricsAt(second: number) {
  return [
    nodeMetrics('orders', { recordsOut: second * 100 }),
    nodeMetrics('totals', { recordsIn: second * 60, recordsOut: second * 60 }),
    nodeMetrics('totals', { subtask: 1, recordsIn: second * 40, recordsOut: second * 40 }),
    nodeMetrics('report', { recordsIn: second * 100 }),
  ]
}

describe('in a pipe', () => {
  it('a run is told for people', () =>
    expect(report('human')).toMatchInlineSnapshot(`
      "2026-01-02T00:00:00.000Z INFO  job=shop event=state state=running attempt=1
      2026-01-02T00:00:00.000Z INFO  job=shop event=checkpoint checkpoint=1 status=complete ms=84 bytes=12900000 new_bytes=1200000 pause_ms=3
      ✗ USER_FUNCTION  node "totals", subtask 1
        TypeError: Cannot read properties of null (reading 'cents')
        record: { id: 7 }
        The job restarts in 1.0s from its latest checkpoint.
      2026-01-02T00:00:00.000Z ERROR job=shop event=failure code=USER_FUNCTION node=totals subtask=1 message="Node \\"totals\\" threw on { id: 7 }: Cannot read properties of null (reading 'cents')" record="{ id: 7 }" restart_in_ms=1000
      2026-01-02T00:00:00.000Z INFO  job=shop event=state state=restarting attempt=1
      2026-01-02T00:00:00.000Z INFO  job=shop event=restored checkpoint=1 folder=/x/1
      2026-01-02T00:00:00.000Z INFO  job=shop event=state state=running attempt=2
      2026-01-02T00:00:00.000Z ERROR job=shop event=log message=odd
      2026-01-02T00:00:10.000Z INFO  job=shop event=metrics orders.out=900 orders.rate=100 totals.in=900 totals.out=900 totals.rate=100 report.in=900 report.rate=100
      2026-01-02T00:00:20.000Z INFO  job=shop event=metrics orders.out=1900 orders.rate=100 totals.in=1900 totals.out=1900 totals.rate=100 report.in=1900 report.rate=100
      2026-01-02T00:00:25.000Z INFO  job=shop event=state state=finished attempt=2
      ✓ shop finished in 12s
        orders            2,500 out
        totals  2,500 in  2,500 out
        report  2,500 in
        checkpoints: 1 complete, the last is 1 (12.3 MiB) · restarts: 1
        counts are since restart 1, from checkpoint 1
      "
    `))

  it('quietly: failures, errors, the summary', () =>
    expect(report('quiet')).toMatchInlineSnapshot(`
    "✗ USER_FUNCTION  node "totals", subtask 1
      TypeError: Cannot read properties of null (reading 'cents')
      record: { id: 7 }
      The job restarts in 1.0s from its latest checkpoint.
    2026-01-02T00:00:00.000Z ERROR job=shop event=log message=odd
    ✓ shop finished in 12s
      orders            2,500 out
      totals  2,500 in  2,500 out
      report  2,500 in
      checkpoints: 1 complete, the last is 1 (12.3 MiB) · restarts: 1
      counts are since restart 1, from checkpoint 1
    "
  `))

  it('verbosely: also debug lines, every step of a checkpoint, and stacks', () => {
    const told = report('human', true)
    for (const part of ['detail', 'in-progress', 'event=committed', 'at deltas']) expect(told).toContain(part)
  })

  it('I2: as JSON every line is an object with at, job and type', () => {
    const lines = report('json').trimEnd().split('\n')
    const types = lines.map((line) => {
      const parsed = JSON.parse(line) as { at: number; job: string; type: string }
      expect(parsed).toMatchObject({ at: expect.any(Number), job: 'shop' })
      return parsed.type
    })
    expect(types.join(' ')).toBe(
      'state log checkpoint checkpoint committed failure state restored state log metrics metrics state result',
    )
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      state: 'finished',
      metrics: [
        { node: 'orders', recordsOut: 2500 },
        { node: 'totals', subtasks: 2, recordsIn: 2500 },
        { node: 'report', recordsIn: 2500 },
      ],
    })
  })

  it('I1: metrics take at most a line in ten seconds', () => {
    expect(report('human').match(/event=metrics/g)).toHaveLength(2)
  })

  it('a failure that no event told is told at the end', () => {
    let written = ''
    const write = (text: string): void => {
      written += text
    }
    const reporter = new LineReporter({ job: 'x', form: 'human', verbose: false, color: false, now: () => 0, write })
    reporter.end(
      resultOf('failed', { failure: userFailure({ code: 'SINK_FAILED', message: 'no sink', record: undefined }) }),
    )
    expect(written).toContain('✗ SINK_FAILED')
    expect(written).toContain('✗ x failed in 12s')
  })
})
