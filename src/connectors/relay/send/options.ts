// Options of relaySink, checked.

import { z } from 'zod'
import { MillraceError } from '../../../errors.ts'
import { parseOptions } from '../../cdc/parse-options.ts'
import type { RelayAddress } from '../line/address.ts'
import {
  addressField,
  checkSecurity,
  type DialOptions,
  dialSecurityFields,
  type RelayPskOptions,
  type RelayTlsOptions,
} from '../line/options.ts'
import { msgpackRecords, type RecordCodec } from '../queue/record-codec.ts'

const CONNECTOR = 'relaySink'

/** Where one receiver is, and what proves both ends. */
export interface RelayTarget {
  /** `host:port`. */
  readonly address: string
  readonly tls?: RelayTlsOptions
  readonly psk?: RelayPskOptions
}

/** What a sender of a relay may be told. */
export interface RelaySinkOptions<T> {
  /** The name of this site. */
  readonly site: string
  /** The address of the receiver, or those of several by a name each, under which the queue remembers what they have. */
  readonly targets: string | Readonly<Record<string, string | RelayTarget>>
  /** Certificates, for targets that name none of their own. */
  readonly tls?: RelayTlsOptions
  /** A key, for targets that name none of their own. */
  readonly psk?: RelayPskOptions
  /** The stream of a record: order is kept within one. At most 1,000 streams, of names up to 200 bytes. Default: one, `main`. */
  readonly stream?: (value: T) => string
  /** How records are written. The receiver must have the same. Default msgpack. */
  readonly codec?: RecordCodec<T>
  /** Bytes at which a batch is closed; each barrier closes it, too. Default 262,144. */
  readonly batchBytes?: number
  /** Records at which a batch is closed. Default 65,536. */
  readonly batchRecords?: number
  /** `auto` (default): snappy where measuring says that it gives more, or costs nothing. */
  readonly compression?: 'auto' | 'none' | 'snappy'
  /** Bytes that wait for the slowest target, on disk, beyond which the sink takes nothing more. Default 8 GiB. */
  readonly queueBytesMax?: number
  /** Bytes of the largest batch with its header; no record may be larger. Default 8 MiB. */
  readonly frameBytesMax?: number
  /** The longest wait before a target is tried again. Default 15,000. */
  readonly reconnectMaxMs?: number
}

/** A target, complete. */
export interface TargetSettings extends DialOptions {
  readonly name: string
}

/** RelaySinkOptions, complete. */
export interface RelaySinkSettings<T> {
  readonly site: string
  readonly targets: readonly TargetSettings[]
  readonly stream: ((value: T) => string) | undefined
  readonly codec: RecordCodec<T>
  readonly batchBytes: number
  readonly batchRecords: number
  readonly compression: 'auto' | 'none' | 'snappy'
  readonly queueBytesMax: number
  readonly frameBytesMax: number
  readonly reconnectMaxMs: number
}

const NAME = /^[a-z0-9._-]{1,60}$/
const name = z.string().regex(NAME, { error: 'expected 1 to 60 of the characters a-z 0-9 . _ -' })
const target = z.union([addressField, z.strictObject({ address: addressField, ...dialSecurityFields })], {
  error: "expected 'host:port' or { address: 'host:port', tls?, psk? }",
})

const schema = z.strictObject({
  site: name,
  targets: z.union([addressField, z.record(name, target)], {
    error: "expected 'host:port', or such addresses by name: { standby: 'host:port' }; names have a-z 0-9 . _ -",
  }),
  ...dialSecurityFields,
  stream: z
    .custom<(value: never) => string>((value) => typeof value === 'function', {
      error: 'expected a function that names the stream of a record',
    })
    .optional(),
  codec: z
    .custom<RecordCodec<never>>(isCodec, { error: 'expected a codec: { name, encode(records), decode(bytes) }' })
    .optional(),
  batchBytes: z.int().min(1024).max(67_108_864).default(262_144),
  batchRecords: z.int().min(1).max(1_000_000).default(65_536),
  compression: z.enum(['auto', 'none', 'snappy']).default('auto'),
  queueBytesMax: z
    .int()
    .min(65_536)
    .default(8 * 2 ** 30),
  frameBytesMax: z
    .int()
    .min(65_536)
    .max(67_108_864)
    .default(8 * 2 ** 20),
  reconnectMaxMs: z.int().min(100).default(15_000),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function parseSinkOptions<T>(options: RelaySinkOptions<T>): RelaySinkSettings<T> {
  const { targets, tls, psk, stream, codec, ...rest } = parseOptions<z.infer<typeof schema>>(schema, options, CONNECTOR)
  const named = typeof options.targets === 'string' ? { target: targets } : targets
  const shared = { tls, psk } as Security
  const complete = Object.entries(named as Record<string, GivenTarget>).map(([name, given]) =>
    targetOf(name, given, shared),
  )
  if (complete.length === 0) throw wrong('targets', 'expected at least one target')
  if (rest.batchBytes > rest.frameBytesMax) throw wrong('batchBytes', `more than frameBytesMax, ${rest.frameBytesMax}`)
  return {
    ...rest,
    targets: complete,
    stream: stream as ((value: T) => string) | undefined,
    codec: (codec ?? msgpackRecords) as RecordCodec<T>,
  }
}

type Security = Pick<DialOptions, 'tls' | 'psk'>
type GivenTarget = RelayAddress | (Security & { readonly address: RelayAddress })

function targetOf(name: string, given: GivenTarget, shared: Security): TargetSettings {
  const { address, tls, psk } = 'address' in given ? given : { address: given, ...shared }
  const own = tls !== undefined || psk !== undefined
  const settings = { name, ...address, connector: CONNECTOR, ...(own ? { tls, psk } : shared) }
  checkSecurity(settings, `targets.${name}`, CONNECTOR)
  return settings
}

function isCodec(value: unknown): boolean {
  const codec = value as Partial<RecordCodec<unknown>> | null
  if (typeof codec?.encode !== 'function' || typeof codec.decode !== 'function') return false
  return typeof codec.name === 'string' && codec.name.length > 0 && Buffer.byteLength(codec.name) <= 100
}

function wrong(path: string, reason: string): MillraceError {
  return new MillraceError('CONNECTOR_OPTION', { path, connector: CONNECTOR, reason })
}
