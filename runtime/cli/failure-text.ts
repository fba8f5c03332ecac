// How a failure is told: the user's own line first, then the node and record, then what happens next.

import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { isMillraceError } from '../../src/errors.ts'
import type { FailureInfo } from '../worker/messages.ts'
import { isMisuse } from './exit-code.ts'
import { cutText, formatDuration } from './format.ts'
import { paint } from './paint.ts'

export interface FailureStyle {
  readonly color: boolean
  /** Stacks too. */
  readonly verbose: boolean
  /** Source text by file name; throws if there is none. */
  readonly readFile?: (file: string) => string
}

const FRAME_LINES = 2
const FRAME_COLUMNS = 120

/** For a misuse a line and the code it is about, else more. A user's exception begins with where it was thrown and the code there. */
export function failureText(failure: FailureInfo, restartInMs: number | undefined, style: FailureStyle): string {
  const place = parsePlace(failure.at)
  if (isMisuse(failure.code)) {
    const frame = place === undefined ? [] : codeFrame(place, style)
    return `${[paint('red', `✗ ${failure.message}`, style.color), ...frame].join('\n')}\n`
  }
  const node = failure.node === undefined ? '' : `node "${failure.node}"`
  const subtask = failure.subtask === undefined ? '' : `, subtask ${failure.subtask}`
  const where = place === undefined ? failure.code : `${place.shown}:${place.line}:${place.column}`
  const lines = [`${paint('red', `✗ ${where}`, style.color)}${node === '' ? '' : `  ${node}${subtask}`}`]
  if (place !== undefined) lines.push(...codeFrame(place, style))
  lines.push(`  ${paint('bold', reasonLine(failure), style.color)}`)
  if (failure.record !== undefined) lines.push(`  record: ${cutText(failure.record, 500)}`)
  if (failure.stack !== undefined && (style.verbose || failure.code === 'INVARIANT'))
    lines.push(indented(failure.stack))
  lines.push(`  ${decision(failure, restartInMs)}`)
  return `${lines.join('\n')}\n`
}

/** What ended a command: a message of ours alone, anything else with its stack, for then the fault is ours. */
export function thrownText(error: unknown): string {
  if (isMillraceError(error) && error.code !== 'INVARIANT') return `✗ ${error.message}\n`
  if (isMillraceError(error)) return `${error.stack ?? error.message}\n`
  return `Unexpected: ${error instanceof Error ? (error.stack ?? error.message) : inspect(error)}\n`
}

/** One line: what a wrapped exception said itself, with its class, else the message. */
export function reasonLine({ message, record, stack }: FailureInfo): string {
  const marker = record === undefined ? undefined : `${record}: `
  const cut = marker === undefined ? -1 : message.indexOf(marker)
  const reason = cut < 0 || marker === undefined ? message : message.slice(cut + marker.length)
  const first = stack?.split('\n', 1)[0] ?? ''
  return first.endsWith(`: ${reason}`) && !first.startsWith('MillraceError') ? first : reason
}

function decision(failure: FailureInfo, restartInMs: number | undefined): string {
  if (restartInMs !== undefined) return `The job restarts in ${formatDuration(restartInMs)} from its latest checkpoint.`
  if (failure.retry === 'never') return 'No restart: it would fail again. What was checkpointed is kept.'
  return 'No restart: the restart strategy allows no more. What was checkpointed is kept.'
}

interface Place {
  readonly file: string
  readonly shown: string
  readonly line: number
  readonly column: number
}

function parsePlace(at: string | undefined): Place | undefined {
  const match = /^(.+?):(\d+)(?::(\d+))?$/.exec(at ?? '')
  if (match === null) return undefined
  const [, name = '', line, column] = match
  const file = name.startsWith('file://') ? fileURLToPath(name) : name
  const near = relative(process.cwd(), file)
  const shown = near === '' || near.startsWith('..') ? file : near
  return { file, shown, line: Number(line), column: Number(column ?? 1) }
}

function codeFrame({ file, line, column }: Place, style: FailureStyle): readonly string[] {
  const source = sourceLines(file, style)
  const first = Math.max(1, line - FRAME_LINES)
  const last = Math.min(source.length, line + FRAME_LINES)
  if (line > source.length) return []
  const width = String(last).length
  const lines: string[] = []
  for (let number = first; number <= last; number++) {
    const text = cutText((source[number - 1] ?? '').replaceAll('\t', ' '), FRAME_COLUMNS)
    const left = `${number === line ? '>' : ' '} ${String(number).padStart(width)} |`
    lines.push(number === line ? `  ${left} ${text}` : paint('dim', `  ${left} ${text}`.trimEnd(), style.color))
    if (number === line && column <= FRAME_COLUMNS) {
      lines.push(`  ${' '.repeat(width + 2)} |${' '.repeat(column)}${paint('red', '^', style.color)}`)
    }
  }
  return lines
}

function sourceLines(
  file: string,
  { readFile = (name) => readFileSync(name, 'utf8') }: FailureStyle,
): readonly string[] {
  try {
    return readFile(file).split(/\r?\n/)
  } catch {
    // The frame is a courtesy: a bundled or deleted source must not hide the failure itself.
    return []
  }
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '    ')
}
