// Numbers, sizes and times as people read them, and text cut to a width. Pure.

/** 1204000 -> '1,204,000' */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** Per second, three digits: '950', '41.2k', '1.20M' */
export function formatRate(perSecond: number): string {
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (perSecond >= size * 0.9995) return `${threeDigits(perSecond / size)}${unit}`
  }
  return perSecond === 0 || perSecond >= 10 ? perSecond.toFixed(0) : perSecond.toFixed(1)
}

/** '0 B', '12.3 KiB', '1.20 GiB' */
export function formatBytes(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  if (bytes < 1024) return `${Math.round(bytes)} B`
  let value = bytes
  let unit = 'B'
  for (const larger of units) {
    if (value < 1000) break
    value /= 1024
    unit = larger
  }
  return `${threeDigits(value)} ${unit}`
}

/** '0ms', '84ms', '1.2s', '12s', '3m 04s', '2h 05m', '3d 04h' */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))}ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`
  return `${Math.floor(seconds / 86_400)}d ${two(Math.floor((seconds % 86_400) / 3600))}h`
}

/** One line, at most `width` columns, cut with an ellipsis. Control characters become blanks: they would tear a view. */
export function cutText(text: string, width: number): string {
  const line = plainLine(text)
  if (textWidth(line) <= width) return line
  let cut = ''
  let used = 1
  for (const character of line) {
    used += characterWidth(character)
    if (used > width) break
    cut += character
  }
  return width < 1 ? '' : `${cut}…`
}

/** Text on one line, without what a terminal would obey. */
export function plainLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replaceAll(/\x1b\[[0-9;]*[A-Za-z]|[\x00-\x1f\x7f-\x9f]+/g, ' ').trimEnd()
}

/** Columns that a plain line takes: East Asian wide characters and emoji take two, combining marks none. */
export function textWidth(line: string): number {
  let width = 0
  for (const character of line) width += characterWidth(character)
  return width
}

function characterWidth(character: string): number {
  if (/^[\x20-\x7e]$/.test(character)) return 1
  if (/^[\p{Mn}\p{Me}\u200b-\u200f]$/u.test(character)) return 0
  return /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]$/u.test(
    character,
  )
    ? 2
    : 1
}

function threeDigits(value: number): string {
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
