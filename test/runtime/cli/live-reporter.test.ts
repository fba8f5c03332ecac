import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LiveReporter } from '../../../runtime/cli/live-reporter.ts'
import type { RunEvent } from '../../../runtime/control/run-types.ts'
import { graphOf, nodeMetrics, resultOf, userFailure } from '../../support/run-fixtures.ts'
import { ScreenEmulator } from '../../support/screen-emulator.ts'

interface FakeTty {
  isTTY: boolean
  columns: number
  rows: number
  write(chunk: string | Uint8Array, ...rest: unknown[]): boolean
  on(): void
  off(): void
}

describe('in a terminal', () => {
  const columns = 100
  let emulator: ScreenEmulator
  let stdout: FakeTty
  let stderr: FakeTty
  let reporter: LiveReporter
  let plainWrite: FakeTty['write']

  const tty = (): FakeTty => ({
    isTTY: true,
    columns,
    rows: 30,
    write: (chunk) => emulator.write(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()),
    on: () => {},
    off: () => {},
  })
  const tell = (rest: object): void => reporter.event({ at: Date.now(), job: 'shop', ...rest } as RunEvent)

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 })
    emulator = new ScreenEmulator(columns)
    stdout = tty()
    stderr = tty()
    plainWrite = stdout.write
    const terminal = { stdout, stderr, env: {} } as never
    reporter = new LiveReporter({ job: 'shop', verbose: false, color: false, terminal, now: () => Date.now() })
    reporter.graph(graphOf('shop', 'orders', 'report'))
    tell({ type: 'state', state: 'running', attempt: 1 })
  })

  afterEach(() => {
    reporter.end(resultOf('stopped'))
    vi.useRealTimers()
  })

  it('the view is redrawn in place, with what is new', () => {
    vi.advanceTimersByTime(200)
    reporter.metrics([nodeMetrics('orders', { recordsOut: 1234 })])
    vi.advanceTimersByTime(200)
    expect(emulator.text.match(/shop {2}running/g)).toHaveLength(1)
    expect(emulator.text).toContain('1,234')
  })

  it('I1: it is drawn five times a second at most', () => {
    const writes = vi.spyOn(stderr, 'write')
    for (let i = 0; i < 1000; i++) {
      reporter.metrics([nodeMetrics('orders', { recordsOut: i })])
      vi.advanceTimersByTime(1)
    }
    expect(writes.mock.calls.length).toBeLessThanOrEqual(5)
  })

  it('logs, failures and what the job prints appear above it, in order', () => {
    vi.advanceTimersByTime(200)
    stdout.write('printed 1\nprin')
    tell({ type: 'log', level: 'warn', message: 'slow', fields: {} })
    stdout.write(Buffer.from('ted 2\n'))
    tell({ type: 'failure', failure: userFailure(), restartInMs: 500 })
    const text = emulator.text
    const order = ['printed 1', 'message=slow', 'printed 2', '✗ USER_FUNCTION', 'shop  running'].map((part) =>
      text.indexOf(part),
    )
    expect(order).toEqual([...order].sort((a, b) => a - b))
    expect(order).not.toContain(-1)
  })

  it('a write to stdout still calls back', async () => {
    const done = vi.fn()
    stdout.write('x\n', done)
    stdout.write('y\n', 'utf8', done)
    await Promise.resolve()
    expect(done).toHaveBeenCalledTimes(2)
  })

  it('I2: the end leaves the summary, unfinished output, and stdout as it was', () => {
    vi.advanceTimersByTime(200)
    stdout.write('no line break')
    reporter.end(resultOf('finished', { metrics: [nodeMetrics('orders', { recordsOut: 9 })] }))
    expect(stdout.write).toBe(plainWrite)
    expect(emulator.text).not.toContain('running')
    expect(emulator.text).toContain('no line break')
    expect(emulator.text).toContain('✓ shop finished in 12s')
    expect(vi.getTimerCount()).toBe(0)
  })
})
