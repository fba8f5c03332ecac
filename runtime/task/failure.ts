// From whatever was thrown to what a person needs to know: which node, which line of the user's code, which record.

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ERRORS, isMillraceError, MillraceError, reasonOf } from '../../src/errors.ts'
import { maskText } from './secrets.ts'
import type { FailureInfo } from './task-port.ts'

export interface FailurePlace {
  readonly node: string | undefined
  readonly subtask: number | undefined
}

/** Whose call it was: decides how something that is no MillraceError is reported. */
export type NodeKind = 'source' | 'operator' | 'sink'

const CODE_OF_KIND = { source: 'SOURCE_FAILED', operator: 'USER_FUNCTION', sink: 'SINK_FAILED' } as const

/** An error with the node it came from; made where the node is known, read where the failure is reported. */
class NodeError extends Error {
  readonly node: string
  readonly failure: unknown

  constructor(node: string, kind: NodeKind, failure: unknown) {
    const wrapped = isMillraceError(failure) ? failure : wrap(node, kind, failure)
    super(reasonOf(wrapped), { cause: wrapped })
    this.node = node
    this.failure = wrapped
  }
}

/** The error as coming from this node, unless it already says from which it comes. */
export function atNode(node: string, kind: NodeKind, error: unknown): NodeError {
  return error instanceof NodeError ? error : new NodeError(node, kind, error)
}

function wrap(node: string, kind: NodeKind, error: unknown): MillraceError {
  return new MillraceError(CODE_OF_KIND[kind], { node, record: 'its input', reason: reasonOf(error) }, error)
}

/** What is sent to the main thread. */
export function failureOf(error: unknown, place: FailurePlace): FailureInfo {
  const node = error instanceof NodeError ? error.node : place.node
  const thrown = error instanceof NodeError ? error.failure : error
  const failure = isMillraceError(thrown)
    ? thrown
    : new MillraceError('TASK_FAILED', { reason: reasonOf(thrown) }, thrown)
  const { code, details } = failure
  const origin = rootCause(failure)
  const stack = origin instanceof Error ? origin.stack : undefined
  // The job's copy of the error table may be another release's.
  const row = ERRORS[code] ?? ERRORS.TASK_FAILED
  return {
    code,
    domain: row.domain,
    retry: row.retry,
    message: maskText(failure.message),
    node: node ?? (details.node === undefined || details.node === '?' ? undefined : String(details.node)),
    subtask: place.subtask,
    at: userFrame(stack),
    stack: stack === undefined ? undefined : maskStack(stack),
    record: typeof details.record === 'string' && code === 'USER_FUNCTION' ? maskText(details.record) : undefined,
  }
}

/** The first thing thrown. */
function rootCause(error: unknown): unknown {
  let at = error
  for (let depth = 0; depth < 10; depth += 1) {
    if (!(at instanceof Error) || at.cause === undefined) return at
    at = at.cause
  }
  return at
}

const FRAME = /(?:\(|at )((?:file:\/\/)?\/?[^\s()]+):(\d+):(\d+)\)?$/

/** file:line:column of the first frame outside Millrace, node_modules and Node itself. */
function userFrame(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    const match = FRAME.exec(line.trim())
    if (match === null) continue
    const [, url = '', row = '', column = ''] = match
    if (url.startsWith('node:')) continue
    const path = url.startsWith('file://') ? fileURLToPath(url.replace(/\?.*$/, '')) : url
    if (!isOurs(path)) return `${path}:${row}:${column}`
  }
  return undefined
}

const OWN_FOLDERS = ownFolders(fileURLToPath(import.meta.url))

/** The folders of Millrace's code, from where this file is: <package>/runtime/task or <package>/dist/runtime/task. */
function ownFolders(file: string): readonly string[] {
  const above = dirname(dirname(dirname(file)))
  const root = above.endsWith('/dist') ? dirname(above) : above
  return ['src', 'runtime', 'dist'].map((folder) => join(root, folder, '/'))
}

function isOurs(path: string): boolean {
  return path.includes('/node_modules/') || OWN_FOLDERS.some((folder) => path.startsWith(folder))
}

function maskStack(stack: string): string {
  const lines = stack.split('\n')
  const firstFrame = lines.findIndex((line) => /^\s+at /.test(line))
  const message = lines.slice(0, firstFrame === -1 ? lines.length : firstFrame).join('\n')
  return [maskText(message), ...(firstFrame === -1 ? [] : lines.slice(firstFrame))].join('\n')
}
