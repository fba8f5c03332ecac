// What an agent does, as a file of JSON says it: one end of a relay, the connector at its site, and what is done in between.

import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { optionFault } from '../../connectors/cdc/option-fault.ts'
import { isMillraceError, MillraceError, reasonOf } from '../../errors.ts'
import { refuseSecrets } from './secrets.ts'

/** Which of the two ends of a relay an agent is. */
export type Direction = 'send' | 'receive'

/** What the site's own end may be. */
export const SITE_ENDS = ['kafka', 'mysql', 'sqlite', 'files'] as const
export type SiteEnd = (typeof SITE_ENDS)[number]

/** Options of one connector, as the file has them. */
export type EndOptions = Readonly<Record<string, unknown>>

/** A file of an agent; what is for connectors and handlers they check themselves. */
export interface AgentConfig {
  readonly file: string
  readonly direction: Direction
  /** Of the job. */
  readonly name: string
  readonly end: SiteEnd
  readonly endOptions: EndOptions
  readonly relayOptions: EndOptions
  readonly handlers: readonly EndOptions[]
  readonly checkpointIntervalMs: number
}

const object = z.record(z.string(), z.unknown(), { error: 'expected an object with its options' })

const oneOf = (ends: readonly string[]) =>
  z.record(z.string(), object).refine((value) => Object.keys(value).length === 1 && ends.includes(keyOf(value)), {
    error: `expected one of ${ends.join(', ')}, as { "${ends.at(-1)}": { … } }`,
  })

const schemaOf = (from: readonly string[], to: readonly string[]) =>
  z.strictObject({
    name: z
      .string({ error: 'expected a name for the job, as "orders"' })
      .regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'expected letters, digits, . _ or -, beginning with a letter or digit'),
    from: oneOf(from),
    handlers: z.array(object, { error: 'expected a list of handlers' }).default([]),
    to: oneOf(to),
    checkpoint: z.strictObject({ intervalMs: z.int().min(1) }).default({ intervalMs: 1000 }),
  })

const SCHEMAS = { send: schemaOf(SITE_ENDS, ['relay']), receive: schemaOf(['relay'], SITE_ENDS) } as const

/** Reads an agent's file. Throws CONFIG_INVALID with the file, the path in it and what was expected; never says a secret. */
export function readAgentConfig(direction: Direction, file: string): AgentConfig {
  const parsed = SCHEMAS[direction].safeParse(readJson(file))
  if (!parsed.success) throw faultOf(file, parsed.error, SCHEMAS[direction])
  const { name, from, to, handlers, checkpoint } = parsed.data
  // Handlers have columns for keys, which may be called as they like.
  refuseSecrets({ from, to }, (path, reason) => configFault(file, path, reason))
  const [site, relay] = direction === 'send' ? [from, to] : [to, from]
  return {
    file,
    direction,
    name,
    end: keyOf(site) as SiteEnd,
    endOptions: site[keyOf(site)] ?? {},
    relayOptions: relay.relay ?? {},
    handlers,
    checkpointIntervalMs: checkpoint.intervalMs,
  }
}

/** What `make` gives; an option that it refuses is told by its place in the file, which `place` begins. */
export function atPlace<T>({ file }: AgentConfig, place: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'CONNECTOR_OPTION') throw error
    const { path, reason } = error.details
    throw configFault(
      file,
      [place, path].filter((part) => part !== '' && part !== '(options)').join('.'),
      String(reason),
      error,
    )
  }
}

function configFault(file: string, path: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('CONFIG_INVALID', { path, origin: file, reason }, cause)
}

function readJson(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw configFault('the command line', '--config', `cannot read ${file}: ${reasonOf(error)}`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    // The parser quotes what it met, which may be a secret: only the place is told.
    const position = /at position (\d+)/.exec(reasonOf(error))?.[1]
    const place = position === undefined ? '' : ` at line ${text.slice(0, Number(position)).split('\n').length}`
    throw configFault(file, '(all)', `it is no JSON${place}`)
  }
}

function faultOf(file: string, error: z.ZodError, schema: z.ZodType): MillraceError {
  const { path, reason } = optionFault(error, schema)
  return configFault(file, path.join('.') || '(all)', reason)
}

function keyOf(value: object): string {
  return Object.keys(value)[0] ?? ''
}
