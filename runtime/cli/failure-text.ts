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

/** What follows a failure, as far as it is known. */
export interface Aftermath {
  /** Undefined: the job is not started again. */
  readonly restartInMs?: number | undefined
  /** The checkpoint that this run took last or began from: what is kept. */
  readonly checkpoint?: number | undefined
}

/** For a misuse a line and the code it is about, else more. A user's exception begins with where it was thrown and the code there. */
export function failureText(failure: FailureInfo, aftermath: Aftermath, style: FailureStyle): string {
  const place = parsePlace(failure.at)
  if (isMisuse(failure.code)) return misuseText(failure.message, place, style)
  const node = failure.node === undefined ? '' : `node "${failure.node}"`
  const subtask = failure.subtask === undefined ? '' : `, subtask ${failure.subtask}`
  const where = place === undefined ? failure.code : `${place.shown}:${place.line}:${place.column}`
  const lines = [`${paint('red', `✗ ${where}`, style.color)}${node === '' ? '' : `  ${node}${subtask}`}`]
  if (place !== undefined) lines.push(...codeFrame(place, style))
  lines.push(`  ${paint('bold', reasonLine(failure), style.color)}`)
  if (failure.record !== undefined) lines.push(`  record: ${cutText(failure.record, 500)}`)
  if (failure.stack !== undefined && (style.verbose || failure.code === 'INVARIANT'))
    lines.push(indented(failure.stack))
  const next = decision(failure, aftermath)
  if (next !== undefined) lines.push(`  ${next}`)
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

/** What is about a file begins with it; else the place in the job file does, above what is said about it. */
function misuseText(message: string, place: Place | undefined, style: FailureStyle): string {
  const red = (text: string): string => paint('red', `✗ ${text}`, style.color)
  if (place === undefined) return `${red(message)}\n`
  const frame = codeFrame(place, style)
  const lines = message.includes(place.file)
    ? [red(message), ...frame]
    : [red(`${place.shown}:${place.line}:${place.column}`), ...frame, `  ${paint('bold', message, style.color)}`]
  return `${lines.join('\n')}\n`
}

function decision({ code, retry }: FailureInfo, { restartInMs, checkpoint }: Aftermath): string | undefined {
  // A hook runs before there is anything to restart, or when all is done.
  if (code === 'USER_HOOK') return undefined
  if (restartInMs !== undefined) {
    const from = checkpoint === undefined ? 'the beginning' : 'its latest checkpoint'
    return `The job restarts in ${formatDuration(restartInMs)} from ${from}.`
  }
  const why = retry === 'never' ? 'it would fail again' : 'the restart strategy allows no more'
  return `No restart: ${why}.${checkpoint === undefined ? '' : ` Checkpoint ${checkpoint} is kept.`}`
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
