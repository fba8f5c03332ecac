// Events as lines, for pipes and log files: `time LEVEL key=value …`. Pure.

import type { RunEvent } from '../control/run-types.ts'
import { plainLine } from './format.ts'
import { queueFields } from './queue-line.ts'
import { nodeRate, type ViewState } from './view-state.ts'

type Fields = Readonly<Record<string, unknown>>

/** One event as one line. */
export function eventLine(event: RunEvent): string {
  switch (event.type) {
    case 'state':
      return line(event, 'info', { event: 'state', state: event.state, attempt: event.attempt })
    case 'restored':
      return line(event, 'info', { event: 'restored', checkpoint: event.checkpoint, folder: event.folder })
    case 'committed':
      return line(event, 'info', { event: 'committed', checkpoint: event.checkpoint })
    case 'log':
      return line(event, event.level, { event: 'log', message: event.message, ...event.fields })
    case 'checkpoint':
      return checkpointLine(event)
    case 'failure':
      return failureLine(event)
  }
}

/** All nodes' counts in one line. */
export function metricsLine(view: ViewState, atMs: number): string {
  const fields: Record<string, unknown> = { event: 'metrics' }
  for (const node of view.nodes) {
    const { name, kind, totals } = node
    if (totals === undefined) continue
    if (kind !== 'source') fields[`${name}.in`] = totals.recordsIn
    if (kind !== 'sink') fields[`${name}.out`] = totals.recordsOut
    fields[`${name}.rate`] = Math.round(nodeRate(node))
    Object.assign(fields, queueFields(name, totals.gauges))
    for (const { item, done, total, unit } of totals.progress) {
      fields[`${name}.progress`] = `${item} ${done}${total === undefined ? '' : `/${total}`} ${unit}`
    }
  }
  return line({ at: atMs, job: view.job }, 'info', fields)
}

function checkpointLine({ at, job, checkpoint }: RunEvent & { type: 'checkpoint' }): string {
  const { id, status, startedAt, endedAt, stateBytes, newBytes, pauseMs, reason } = checkpoint
  const took = endedAt === undefined ? undefined : endedAt - startedAt
  const detail =
    status === 'complete'
      ? { ms: took, bytes: stateBytes, new_bytes: newBytes, pause_ms: Math.round(pauseMs * 10) / 10 }
      : { ms: took, reason }
  return line({ at, job }, status === 'failed' ? 'warn' : 'info', {
    event: 'checkpoint',
    checkpoint: id,
    status,
    ...detail,
  })
}

function failureLine({ at, job, failure, restartInMs }: RunEvent & { type: 'failure' }): string {
  const { code, node, subtask, message, record } = failure
  return line({ at, job }, 'error', {
    event: 'failure',
    code,
    node,
    subtask,
    at: failure.at,
    message,
    record,
    restart_in_ms: restartInMs,
  })
}

function line({ at, job }: { readonly at: number; readonly job: string }, level: string, fields: Fields): string {
  const head = `${new Date(at).toISOString()} ${level.toUpperCase().padEnd(5)} job=${job}`
  const rest = Object.entries(fields).filter(([, value]) => value !== undefined)
  return [head, ...rest.map(([key, value]) => `${key}=${shown(value)}`)].join(' ')
}

/** As it is where nobody could misread it, else quoted as JSON: a line is always one line. */
function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  const text = typeof value === 'string' ? value : asJson(value)
  return text !== '' && /^[^\s"=\\]+$/.test(text) && plainLine(text) === text ? text : JSON.stringify(text)
}

/** One JSON document; bigints as strings, whatever cannot be written as its text. */
export function asJson(value: unknown): string {
  try {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'null'
  } catch {
    return JSON.stringify(String(value))
  }
}
