// A job that npx started ends with it. npx runs its command through a shell; when npx is killed (kill -9), neither the shell nor this
// process hears of it: the job would go on, and hold its lock, while its user believes it dead.

import { readFileSync } from 'node:fs'

const LOOK_MS = 200

/**
 * Calls `end` once the npx that started this process is gone. Answers how to stop watching. Does nothing if npx did not start it, or
 * where the system does not tell who started whom (no /proc).
 */
export function watchNpx(end: () => void): () => void {
  const parent = process.ppid
  const npx = process.env.npm_command === 'exec' ? [parent, parentOf(parent)].find(isNpx) : undefined
  if (npx === undefined) return () => {}
  // Asked of the child, not of npx: a killed process that nobody has waited for still seems to be there.
  const isGone = npx === parent ? () => process.ppid !== npx : () => parentOf(parent) !== npx
  const timer = setInterval(() => {
    if (isGone()) end()
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** By the title that npm gives itself, or by its script before it has done so. */
function isNpx(pid: number | undefined): boolean {
  return /^npm exec |\/npx(-cli\.js)?\0/.test(read(`/proc/${pid}/cmdline`))
}

function parentOf(pid: number): number | undefined {
  // The name, in parentheses, may hold anything; behind it come the state and the parent.
  const stat = read(`/proc/${pid}/stat`)
  return stat === '' ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
