import { describe, expect, it } from 'vitest'
import { failureText, reasonLine, thrownText } from '../../../runtime/cli/failure-text.ts'
import { MillraceError } from '../../../src/errors.ts'
import { userFailure } from '../../support/run-fixtures.ts'

const SOURCE = ['one', 'two', '  const cents = change.after.cents', 'four', 'five', 'six'].join('\n')
const style = { color: false, verbose: false, readFile: () => SOURCE }

describe('a failure', () => {
  it('of the user’s code begins with his file, line and code', () => {
    const failure = userFailure({ at: `${process.cwd()}/jobs/shop.ts:3:30` })
    expect(failureText(failure, { restartInMs: 1000, checkpoint: 3 }, style)).toMatchInlineSnapshot(`
      "✗ jobs/shop.ts:3:30  node "totals", subtask 1
          1 | one
          2 | two
        > 3 |   const cents = change.after.cents
            |                              ^
          4 | four
          5 | five
        TypeError: Cannot read properties of null (reading 'cents')
        record: { id: 7 }
        The job restarts in 1.0s from its latest checkpoint.
      "
    `)
  })

  it('shows no frame when the source is gone or shorter', () => {
    const gone = {
      ...style,
      readFile: () => {
        throw new Error('gone')
      },
    }
    expect(failureText(userFailure({ at: '/a/b.ts:3:9' }), {}, gone)).not.toContain('|')
    expect(failureText(userFailure({ at: '/a/b.ts:300:9' }), {}, style)).not.toContain('|')
  })

  it('with a file URL is shown by its path', () => {
    expect(failureText(userFailure({ at: 'file:///a/b%20c.ts:3:9' }), {}, style)).toContain('✗ /a/b c.ts:3:9')
  })

  it('elsewhere begins with its code', () => {
    const failure = userFailure({
      code: 'SINK_FAILED',
      message: 'Sink "report": disk is full',
      record: undefined,
      stack: undefined,
    })
    expect(failureText(failure, {}, style)).toMatchInlineSnapshot(`
      "✗ SINK_FAILED  node "totals", subtask 1
        Sink "report": disk is full
        No restart: the restart strategy allows no more.
      "
    `)
  })

  it('says what follows: from where it restarts, or what is kept', () => {
    const last = (aftermath: Parameters<typeof failureText>[1]): string | undefined =>
      failureText(userFailure(), aftermath, style).trimEnd().split('\n').at(-1)?.trim()
    expect(last({ restartInMs: 1000 })).toBe('The job restarts in 1.0s from the beginning.')
    expect(last({ checkpoint: 4 })).toBe('No restart: the restart strategy allows no more. Checkpoint 4 is kept.')
    expect(last({})).toBe('No restart: the restart strategy allows no more.')
  })

  it('of a hook talks of no restart', () => {
    const message = 'onStart hook of job "shop" threw, before anything was opened: TypeError: x'
    const failure = userFailure({
      code: 'USER_HOOK',
      retry: 'never',
      message,
      node: undefined,
      subtask: undefined,
      record: undefined,
      at: '/a/b.ts:3:9',
    })
    expect(failureText(failure, {}, style).split('\n').at(0)).toBe('✗ /a/b.ts:3:9')
    expect(failureText(failure, {}, style).split('\n').at(-2)).toBe(`  ${message}`)
  })

  it('that is a mistake in the job file begins with the place there', () => {
    const failure = userFailure({ code: 'CONNECTOR_OPTION', message: 'Option count of generate: x', at: '/a/b.ts:3:9' })
    expect(failureText(failure, {}, style).split('\n').at(0)).toBe('✗ /a/b.ts:3:9')
    expect(failureText(failure, {}, style).split('\n').at(-2)).toBe('  Option count of generate: x')
  })

  it('has its stack only when that is asked for, or when it is our fault', () => {
    const stack = 'Error: x\n    at f (a.ts:1:1)'
    expect(failureText(userFailure({ stack }), { restartInMs: 0 }, style)).not.toContain('at f')
    expect(failureText(userFailure({ stack }), { restartInMs: 0 }, { ...style, verbose: true })).toContain('at f')
    expect(failureText(userFailure({ stack, code: 'INVARIANT' }), { restartInMs: 0 }, style)).toContain('at f')
  })

  it('gives the reason alone, with its class', () => {
    expect(reasonLine(userFailure())).toBe("TypeError: Cannot read properties of null (reading 'cents')")
    expect(reasonLine(userFailure({ stack: undefined }))).toBe("Cannot read properties of null (reading 'cents')")
    expect(reasonLine(userFailure({ message: 'other' }))).toBe('other')
  })
})

describe('what ended a command', () => {
  it('is a message without a stack if it is one of ours', () => {
    expect(thrownText(new MillraceError('CONFIG_INVALID', { path: 'a', origin: 'b', reason: 'c' }))).toBe(
      '✗ Option a from b: c.\n',
    )
  })

  it('has a stack if the fault is ours', () => {
    expect(thrownText(new MillraceError('INVARIANT', { what: 'x' }))).toMatch(/please report it\.\n +at /)
    expect(thrownText(new TypeError('x'))).toMatch(/^Unexpected: TypeError: x\n +at /)
    expect(thrownText('x')).toBe("Unexpected: 'x'\n")
  })
})
