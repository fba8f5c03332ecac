// Durations and sizes as people write them. Both want their unit: `10` alone has misled every reader of every config.

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const SIZE_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
}

/** `500ms`, `10s`, `1.5m`, `1h30m`, `7d` in milliseconds (whole); undefined if it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim().toLowerCase()
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(compact)) return undefined
  let total = 0
  for (const [, number, unit] of compact.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(number) * (DURATION_MS[unit ?? ''] ?? Number.NaN)
  }
  return Number.isFinite(total) ? Math.round(total) : undefined
}

/** `256MiB`, `1.5GiB`, `64kB`, `4096B` in bytes (whole), `unlimited` as Infinity; undefined if it is not a size. */
export function parseSize(text: string): number | undefined {
  const compact = text.trim().toLowerCase()
  if (compact === 'unlimited') return Number.POSITIVE_INFINITY
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)$/.exec(compact)
  const unit = SIZE_BYTES[match?.[2] ?? '']
  if (match === null || unit === undefined) return undefined
  const bytes = Math.round(Number(match[1]) * unit)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
