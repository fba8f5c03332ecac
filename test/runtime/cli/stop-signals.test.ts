import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { REPEAT_MS, STOP_TIMEOUT_MS, StopSignals } from '../../../runtime/cli/stop-signals.ts'
import { resultOf } from '../../support/run-fixtures.ts'

describe('signals', () => {
  let now = 0
  let said: string[] = []
  let calls: string[] = []
  const stdout = new EventEmitter()
  let signals: StopSignals

  beforeEach(() => {
    vi.useFakeTimers()
    now = 0
    said = []
    calls = []
    signals = new StopSignals({
      run: {
        stop: async () => {
          calls.push('stop')
          return resultOf('stopped')
        },
        cancel: async () => {
          calls.push('cancel')
          return resultOf('cancelled')
        },
      },
      stdout: stdout as NodeJS.WriteStream,
      say: (text) => said.push(text),
      lastCheckpoint: () => 7,
      exit: (code) => calls.push(`exit ${code}`),
      now: () => now,
    })
    signals.listen()
  })

  afterEach(() => {
    signals.release()
    vi.useRealTimers()
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('I1: the first %s asks for a stop, once', (signal) => {
    process.emit(signal)
    expect(calls).toEqual(['stop'])
    expect(said).toEqual([`${signal}: taking a last checkpoint; once more ends at once`])
  })

  it('I3: the same ctrl-C passed on by npx is no second one', () => {
    process.emit('SIGINT')
    now = REPEAT_MS - 1
    process.emit('SIGINT')
    expect(calls).toEqual(['stop'])
  })

  it('I2: a second signal ends at once, with the code of the shells', () => {
    process.emit('SIGINT')
    now = REPEAT_MS
    process.emit('SIGTERM')
    expect(calls).toEqual(['stop', 'exit 143'])
  })

  it('I1: a stop that takes too long becomes a cancel that says what is kept', () => {
    process.emit('SIGTERM')
    vi.advanceTimersByTime(STOP_TIMEOUT_MS)
    expect(calls).toEqual(['stop', 'cancel'])
    expect(said.at(-1)).toContain('the state is that of checkpoint 7')
  })

  it('a reader that closed stdout stops the job', () => {
    stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    expect(calls).toEqual(['stop'])
    expect(said).toEqual(['stdout was closed by its reader'])
  })

  it('released, leaves no handler and no timer', () => {
    process.emit('SIGTERM')
    signals.release()
    vi.advanceTimersByTime(STOP_TIMEOUT_MS)
    expect(calls).toEqual(['stop'])
    expect(stdout.listenerCount('error')).toBe(0)
  })
})
