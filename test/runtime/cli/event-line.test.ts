import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asJson, eventLine, metricsLine } from '../../../runtime/cli/event-line.ts'
import { foldGraph, foldMetrics, initialView } from '../../../runtime/cli/view-state.ts'
import type { RunEvent } from '../../../runtime/control/run-types.ts'
import { completeCheckpoint, graphOf, nodeMetrics, userFailure } from '../../support/run-fixtures.ts'

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678)
const say = (rest: object): string => eventLine({ at, job: 'shop', ...rest } as RunEvent)

describe('event lines', () => {
  it('of every type', () => {
    expect(
      [
        say({ type: 'state', state: 'running', attempt: 1 }),
        say({ type: 'restored', checkpoint: 7, folder: '/data/my shop/checkpoints/7' }),
        say({ type: 'checkpoint', checkpoint: completeCheckpoint(8, at) }),
        say({ type: 'checkpoint', checkpoint: { ...completeCheckpoint(9, at), status: 'failed', reason: 'no room' } }),
        say({ type: 'committed', checkpoint: 8 }),
        say({ type: 'failure', failure: userFailure({ at: '/app/job.ts:3:9' }), restartInMs: 1000 }),
        say({
          type: 'log',
          level: 'warn',
          message: 'slow "x"',
          fields: { node: 'totals', ms: 12n, list: [1, { a: 2n }], none: undefined },
        }),
      ].join('\n'),
    ).toMatchInlineSnapshot(`
      "2026-01-02T03:04:05.678Z INFO  job=shop event=state state=running attempt=1
      2026-01-02T03:04:05.678Z INFO  job=shop event=restored checkpoint=7 folder="/data/my shop/checkpoints/7"
      2026-01-02T03:04:05.678Z INFO  job=shop event=checkpoint checkpoint=8 status=complete ms=84 bytes=12900000 new_bytes=1200000 pause_ms=3
      2026-01-02T03:04:05.678Z WARN  job=shop event=checkpoint checkpoint=9 status=failed ms=84 reason="no room"
      2026-01-02T03:04:05.678Z INFO  job=shop event=committed checkpoint=8
      2026-01-02T03:04:05.678Z ERROR job=shop event=failure code=USER_FUNCTION node=totals subtask=1 at=/app/job.ts:3:9 message="Node \\"totals\\" threw on { id: 7 }: Cannot read properties of null (reading 'cents')" record="{ id: 7 }" restart_in_ms=1000
      2026-01-02T03:04:05.678Z WARN  job=shop event=log message="slow \\"x\\"" node=totals ms=12 list="[1,{\\"a\\":\\"2\\"}]""
    `)
  })

  it('of metrics: all nodes in one line', () => {
    let view = foldGraph(initialView('shop', at), graphOf('shop', 'orders', 'report'))
    view = foldMetrics(
      view,
      [nodeMetrics('orders', { recordsOut: 5, progress: [{ item: 't', done: 5, total: 9, unit: 'rows' }] })],
      at,
    )
    expect(metricsLine(view, at)).toMatchInlineSnapshot(
      `"2026-01-02T03:04:05.678Z INFO  job=shop event=metrics orders.out=5 orders.rate=0 orders.progress="t 5/9 rows""`,
    )
  })

  it('are one line each, whatever the log says', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.anything({ withBigInt: true, withDate: true, withMap: true }),
        (message, value) => {
          expect(say({ type: 'log', level: 'info', message, fields: { value } })).not.toMatch(/\p{Cc}/u)
        },
      ),
    )
  })

  it('as JSON survives cycles and bigints', () => {
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(JSON.parse(asJson(cycle))).toBe('[object Object]')
    expect(asJson({ n: 1n })).toBe('{"n":"1"}')
  })
})
