// Names that came over the line: what may be one, and the folder that stands for it.

import { createHash } from 'node:crypto'

const SENDER = /^[a-z0-9._-]{1,60}(?:\/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){2}$/
const STREAM_BYTES_MAX = 200
const READABLE_MAX = 40

/** Why this cannot be the sender of a site; undefined if it can. */
export function senderFault(site: string, sender: string): string | undefined {
  if (!SENDER.test(sender)) return 'its name is not SITE/JOB/NODE'
  return sender.startsWith(`${site}/`) ? undefined : `its name does not begin with its site, "${site}"`
}

/** Why a stream cannot be called so; undefined if it can. */
export function streamFault(name: string): string | undefined {
  const bytes = Buffer.byteLength(name)
  if (bytes === 0 || bytes > STREAM_BYTES_MAX) return `a stream's name has 1 to ${STREAM_BYTES_MAX} bytes, not ${bytes}`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\u0000-\u001f\u007f]/.test(name) ? "a stream's name has no control characters" : undefined
}

/** A file name for any name: what people can read of it, and a hash that tells names apart on every file system. */
export function folderOf(name: string): string {
  const readable = name.replaceAll(/[^A-Za-z0-9_-]+/g, '-').slice(0, READABLE_MAX)
  return `${readable}~${createHash('sha256').update(name).digest('hex').slice(0, 24)}`
}

/** A test for names that match a pattern, in which `*` stands for any characters; without patterns all do. */
export function nameFilter(patterns: readonly string[] | undefined): (name: string) => boolean {
  if (patterns === undefined) return () => true
  const tests = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escaped).join('.*')}$`))
  return (name) => tests.some((test) => test.test(name))
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
