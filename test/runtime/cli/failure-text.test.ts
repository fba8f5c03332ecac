import { describe, expect, it } from 'vitest'
import { failureText, reasonLine, thrownText } from '../../../runtime/cli/failure-text.ts'
import { MillraceError } from '../../../src/errors.ts'
import { userFailure } from '../../support/run-fixtures.ts'

const SOURCE = ['one', 'two', '  const cents = change.after.cents', 'four', 'five', 'six'].join('\n')
const style = { color: false, verbose: false, readFile: () => SOURCE }

describe('a failure', () => {
  it('of the user’s code begins with his file, line and code', () => {
    const failure = userFailure({ at: `${process.cwd()}/jobs/shop.ts:3:30` })
    expect(failureText(failure, 1000, style)).toMatchInlineSnapshot(`
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
    expect(failureText(userFailure({ at: '/a/b.ts:3:9' }), undefined, gone)).not.toContain('|')
    expect(failureText(userFailure({ at: '/a/b.ts:300:9' }), undefined, style)).not.toContain('|')
  })

  it('with a file URL is shown by its path', () => {
    expect(failureText(userFailure({ at: 'file:///a/b%20c.ts:3:9' }), undefined, style)).toContain('✗ /a/b c.ts:3:9')
  })

  it('elsewhere begins with its code', () => {
    const failure = userFailure({
      code: 'SINK_FAILED',
      message: 'Sink "report": disk is full',
      record: undefined,
      stack: undefined,
    })
    expect(failureText(failure, undefined, style)).toMatchInlineSnapshot(`
      "✗ SINK_FAILED  node "totals", subtask 1
        Sink "report": disk is full
        No restart: the restart strategy allows no more. What was checkpointed is kept.
      "
    `)
  })

  it('has its stack only when that is asked for, or when it is our fault', () => {
    const stack = 'Error: x\n    at f (a.ts:1:1)'
    expect(failureText(userFailure({ stack }), 0, style)).not.toContain('at f')
    expect(failureText(userFailure({ stack }), 0, { ...style, verbose: true })).toContain('at f')
    expect(failureText(userFailure({ stack, code: 'INVARIANT' }), 0, style)).toContain('at f')
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
