// What each layer of configuration may say. One schema for the command line, the environment and the file: values are
// strings in the first two, so every leaf reads both a string and what JSON would hold.

import { z } from 'zod'
import { RESTART_STRATEGIES } from './options.ts'
import { parseDuration, parseSize } from './quantity.ts'

function leaf<T>(expected: string, read: (value: unknown) => T | undefined) {
  return z
    .unknown()
    .transform((value, context): T => {
      const result = read(value)
      if (result !== undefined) return result
      context.addIssue({ code: 'custom', message: `expected ${expected}, got ${shown(value)}` })
      return z.NEVER
    })
    .optional()
}

const count = (min: number, max: number) =>
  leaf(`a whole number from ${min} to ${max}`, (value) => {
    const number = numberOf(value)
    return number !== undefined && Number.isInteger(number) && number >= min && number <= max ? number : undefined
  })

const fraction = (min: number, max: number) =>
  leaf(`a number from ${min} to ${max}`, (value) => {
    const number = numberOf(value)
    return number !== undefined && number >= min && number <= max ? number : undefined
  })

const text = leaf('some text', (value) => (typeof value === 'string' && value !== '' ? value : undefined))
const duration = leaf('a duration such as 500ms, 10s or 1m', (value) =>
  typeof value === 'string' ? parseDuration(value) : undefined,
)
const positiveDuration = leaf('a duration above nothing, such as 500ms, 10s or 1m', (value) => {
  const ms = typeof value === 'string' ? parseDuration(value) : undefined
  return ms === 0 ? undefined : ms
})
const size = leaf('a size such as 256MiB or 1GiB, or unlimited', (value) =>
  typeof value === 'string' ? parseSize(value) : undefined,
)
const toggle = leaf('true or false', (value) => {
  if (value === true || value === 'true' || value === '1') return true
  return value === false || value === 'false' || value === '0' ? false : undefined
})
const strategy = leaf(`one of ${RESTART_STRATEGIES.join(', ')}`, (value) =>
  RESTART_STRATEGIES.find((name) => name === value),
)
const setting = z.unknown().transform((value, context): string => {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  context.addIssue({ code: 'custom', message: `expected text, a number, true or false, got ${shown(value)}` })
  return z.NEVER
})

/** One layer, every key optional, no key unknown. */
export const layerSchema = z.strictObject({
  parallelism: count(1, 32_768),
  workers: count(1, 1024),
  dataDir: text,
  stateCache: size,
  batch: toggle,
  inProcess: toggle,
  settings: z.record(z.string(), setting).optional(),
  checkpoint: z
    .strictObject({
      interval: positiveDuration,
      timeout: positiveDuration,
      minPause: duration,
      retain: count(1, 1000),
      expire: positiveDuration,
      tolerableFailures: count(0, 1_000_000),
    })
    .optional(),
  restart: z
    .strictObject({
      strategy,
      attempts: count(0, 1_000_000),
      delay: duration,
      maxDelay: positiveDuration,
      multiplier: fraction(1, 1000),
      resetAfter: positiveDuration,
      jitter: fraction(0, 1),
      failures: count(1, 1_000_000),
      interval: positiveDuration,
    })
    .optional(),
  heartbeat: positiveDuration,
  json: toggle,
  quiet: toggle,
  verbose: toggle,
})

export type Layer = z.output<typeof layerSchema>

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : undefined
}

function shown(value: unknown): string {
  const whole = JSON.stringify(value) ?? String(value)
  return whole.length > 60 ? `${whole.slice(0, 60)}…` : whole
}
