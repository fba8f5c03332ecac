import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textWidth } from '../../../runtime/cli/format.ts'
import { renderView } from '../../../runtime/cli/view.ts'
import { foldEvent, foldGraph, foldMetrics, initialView, type ViewState } from '../../../runtime/cli/view-state.ts'
import type { RunEvent } from '../../../runtime/control/run-types.ts'
import { MAX_WATERMARK } from '../../../src/record/element.ts'
import { completeCheckpoint, graphOf, nodeMetrics, userFailure } from '../../support/run-fixtures.ts'

const T0 = 1_000_000_000
const draw = (view: ViewState, columns: number, rows = 30, color = false) =>
  renderView(view, { columns, rows, color, nowMs: T0 + 20_000 }).join('\n')

const event = (at: number, rest: object): RunEvent => ({ at: T0 + at, job: 'shop', ...rest }) as RunEvent

/** A job in the middle of its snapshot, restarted once. */
function busyView(): ViewState {
  let view = foldGraph(initialView('jobs/shop.ts', T0), graphOf('shop', 'orders', 'totals', 'report'))
  const events = [
    event(0, { type: 'state', state: 'starting', attempt: 1 }),
    event(1, { type: 'restored', checkpoint: 11, folder: '/x/11' }),
    event(900, { type: 'state', state: 'running', attempt: 1 }),
    event(5_000, { type: 'failure', failure: userFailure(), restartInMs: 1000 }),
    event(5_001, { type: 'state', state: 'restarting', attempt: 1 }),
    event(6_001, { type: 'state', state: 'running', attempt: 2 }),
    event(15_000, { type: 'checkpoint', checkpoint: completeCheckpoint(12, T0 + 15_000) }),
    event(19_600, {
      type: 'checkpoint',
      checkpoint: { ...completeCheckpoint(13, T0 + 19_600), status: 'in-progress' },
    }),
  ]
  for (const each of events) view = foldEvent(view, each)
  for (const second of [18, 19]) view = foldMetrics(view, metricsAt(second), T0 + second * 1000)
  return view
}

function metricsAt(second: number) {
  const read = second * 40_000
  const progress = [
    { item: 'shop.orders', done: read, total: 1_000_000, unit: 'rows' },
    { item: 'shop.customers', done: 500, total: 500, unit: 'rows' },
  ]
  return [
    nodeMetrics('orders', { recordsOut: read, busy: 0.61, backPressured: 0.2, progress, gauges: { lagMs: 120 } }),
    nodeMetrics('totals', {
      recordsIn: read / 2,
      recordsOut: read / 2,
      busy: 1,
      stateBytes: 1e6,
      watermark: T0 + 18_000,
    }),
    nodeMetrics('totals', {
      subtask: 1,
      recordsIn: read / 2,
      recordsOut: read / 2,
      busy: 0.9,
      stateBytes: 2e6,
      watermark: T0 + 17_500,
    }),
    nodeMetrics('report', { recordsIn: read, busy: 0.05, watermark: MAX_WATERMARK }),
  ]
}

describe('the view', () => {
  it('at first', () => {
    expect(
      draw(foldGraph(initialView('jobs/shop.ts', T0), graphOf('shop', 'orders', 'report')), 100),
    ).toMatchInlineSnapshot(`
      "shop  created · 20s
        node                in           out  rate/s            busy      lag     state
        orders
        report
        checkpoint none yet"
    `)
  })

  it('in full', () =>
    expect(draw(busyView(), 110)).toMatchInlineSnapshot(`
      "shop  running (attempt 2) · 20s · from checkpoint 11
        node                in           out  rate/s            busy      lag     state
        orders                       760,000   40.0k ██████▒▒··  81%    120ms
        totals         760,000       760,000   40.0k ██████████  95%     2.5s  2.86 MiB
        report         760,000                 40.0k █·········   5%      end
        orders shop.orders: 76% 760,000/1,000,000 rows  ETA 6.0s
        orders shop.customers: 100% 500/500 rows  done
        event time 1970-01-12 13:46:57, 2.5s behind
        checkpoint 12 in 84ms · 12.3 MiB · pause 3ms · 4.9s ago · 13 under way for 400ms
        restarts 1 · last failure 15s ago: Node "totals" threw on { id: 7 }: Cannot read properties of null (readin…"
    `))

  it('in a narrow terminal: the least needed columns go', () =>
    expect(draw(busyView(), 60)).toMatchInlineSnapshot(`
      "shop  running (attempt 2) · 20s · from checkpoint 11
        node                in           out  rate/s
        orders                       760,000   40.0k
        totals         760,000       760,000   40.0k
        report         760,000                 40.0k
        orders shop.orders: 76% 760,000/1,000,000 rows  ETA 6.0s
        orders shop.customers: 100% 500/500 rows  done
        event time 1970-01-12 13:46:57, 2.5s behind
        checkpoint 12 in 84ms · 12.3 MiB · pause 3ms · 4.9s ago ·…
        restarts 1 · last failure 15s ago: Node "totals" threw on…"
    `))

  it('in a very narrow one: names and what came out', () =>
    expect(draw(busyView(), 24)).toMatchInlineSnapshot(`
      "shop  running (attempt …
        node               out
        orders         760,000
        totals         760,000
        report
        orders shop.orders: 7…
        orders shop.customers…
        event time 1970-01-12…
        checkpoint 12 in 84ms…
        restarts 1 · last fai…"
    `))

  it('in a low one: nodes are cut, the checkpoint stays', () =>
    expect(draw(busyView(), 80, 8)).toMatchInlineSnapshot(`
      "shop  running (attempt 2) · 20s · from checkpoint 11
        node                in           out  rate/s            busy      lag
        … and 3 more
        orders shop.orders: 76% 760,000/1,000,000 rows  ETA 6.0s
        orders shop.customers: 100% 500/500 rows  done
        event time 1970-01-12 13:46:57, 2.5s behind
        checkpoint 12 in 84ms · 12.3 MiB · pause 3ms · 4.9s ago · 13 under way for 40…
        restarts 1 · last failure 15s ago: Node "totals" threw on { id: 7 }: Cannot r…"
    `))

  it('in colours says the same', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are taken out to compare
    expect(draw(busyView(), 110, 30, true).replaceAll(/\x1b\[\d+m/g, '')).toBe(draw(busyView(), 110))
    expect(draw(busyView(), 110, 30, true)).toContain('\x1b[32m██████\x1b[39m\x1b[31m▒▒\x1b[39m')
  })

  it('says how far event time has come, and which records came too late for whom', () => {
    const at = (watermark: number, lateRecords = 0): ViewState =>
      foldMetrics(
        foldGraph(initialView('shop', T0), graphOf('shop', 'orders', 'windows', 'report')),
        [
          nodeMetrics('windows', { watermark, counters: { lateRecords } }),
          nodeMetrics('orders', { watermark: T0 + 30_000 }),
        ],
        T0,
      )
    expect(draw(at(T0 + 30_000), 100)).toContain('  event time 1970-01-12 13:47:10, 10s ahead\n')
    expect(draw(at(Date.UTC(1925, 0)), 100)).toContain('>999d')
    expect(draw(at(-9e15, 1_204), 100)).toContain('10s ahead · late: windows 1,204\n')
    expect(draw(foldGraph(initialView('shop', T0), graphOf('shop', 'orders')), 100)).not.toContain('event time')
  })

  it('says when the next attempt begins while it waits', () => {
    let view = foldEvent(
      initialView('shop', T0),
      event(19_000, { type: 'failure', failure: userFailure(), restartInMs: 3000 }),
    )
    view = foldEvent(view, event(19_001, { type: 'state', state: 'restarting', attempt: 1 }))
    expect(draw(view, 100)).toContain('restarts 1 · next in 2.0s · last failure 1.0s ago: Node "totals"')
  })

  it('never leaves its size, whatever is in it', () => {
    const name = fc.string({ minLength: 1, unit: 'binary', maxLength: 60 })
    fc.assert(
      fc.property(
        name,
        name,
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        fc.nat(40),
        (a, b, columns, rows, n) => {
          const names = Array.from({ length: n }, (_, i) => `${b}${i}`)
          let view = foldGraph(initialView(a, T0), graphOf(a, 'x', ...names))
          view = foldEvent(
            view,
            event(1, { type: 'failure', failure: userFailure({ message: a + b }), restartInMs: 1 }),
          )
          view = foldMetrics(view, [nodeMetrics('x', { progress: [{ item: b, done: 1, total: 2, unit: a }] })], T0)
          const lines = renderView(view, { columns, rows, color: false, nowMs: T0 })
          expect(lines.length).toBeLessThanOrEqual(rows)
          for (const line of lines) expect(textWidth(line), JSON.stringify(line)).toBeLessThanOrEqual(columns)
        },
      ),
    )
  })
})
