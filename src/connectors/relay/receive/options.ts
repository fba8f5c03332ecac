// Options of relaySource, checked.

import { z } from 'zod'
import { MillraceError } from '../../../errors.ts'
import { parseOptions } from '../../cdc/parse-options.ts'
import { parseAddress } from '../line/address.ts'
import {
  checkSecurity,
  type ListenOptions,
  listenSecurityFields,
  type RelayPskKeys,
  type RelayTlsOptions,
} from '../line/options.ts'
import { nameFilter } from '../queue/names.ts'
import { msgpackRecords, type RecordCodec } from '../queue/record-codec.ts'

const CONNECTOR = 'relaySource'
const MIB = 1 << 20

/** What a relay source may be told. */
export interface RelaySourceOptions<T> {
  /** The name of this site: a-z 0-9 . _ -, at most 60. Senders of a site of the same name are refused. */
  readonly site: string
  /** Where to listen: `host:port`, or the two; port 0 is any that is free. Default `127.0.0.1:7400`. */
  readonly listen?: string | { readonly host?: string; readonly port: number }
  /** Certificates of both ends. This or `psk` is required off this machine. */
  readonly tls?: RelayTlsOptions
  /** Keys of those who may connect. */
  readonly psk?: RelayPskKeys
  /** How records are read; must be the senders' own. Default: msgpack. */
  readonly codec?: RecordCodec<T>
  /** Which senders are let in, as `SITE/JOB/NODE` with `*` for any characters. Default: all who prove who they are. */
  readonly senders?: readonly string[]
  /** Bytes that no complete checkpoint has read, at which senders get no more credit. Default 8 GiB. */
  readonly queueBytesMax?: number
  /** Bytes that were read and are kept, so that a job can go back to an older checkpoint. Default 256 MiB. */
  readonly keepBytes?: number
  /** Bytes of batches of one stream that may be on their way, unacknowledged. Default: `frameBytesMax`, which is the least. */
  readonly windowBytes?: number
  /** Default 64. */
  readonly connectionsMax?: number
  /** Bytes of a frame, at most. Default 8 MiB. */
  readonly frameBytesMax?: number
  /** Bytes of a batch uncompressed, at most; 64 MiB at most. Default 16 MiB. */
  readonly plainBytesMax?: number
}

/** RelaySourceOptions, complete. */
export interface RelaySourceSettings<T> {
  readonly site: string
  readonly listen: ListenOptions
  readonly codec: RecordCodec<T>
  readonly isLetIn: (sender: string) => boolean
  readonly queueBytesMax: number
  readonly keepBytes: number
  readonly windowBytes: number
  readonly frameBytesMax: number
  readonly plainBytesMax: number
}

const host = z.string().min(1)
const port = z.int().min(0).max(65_535)

const schema = z.strictObject({
  ...listenSecurityFields,
  site: z.string().regex(/^[a-z0-9._-]{1,60}$/, { error: 'expected 1 to 60 of the characters a-z 0-9 . _ -' }),
  listen: z.union([z.string(), z.strictObject({ host: host.optional(), port })]).default('127.0.0.1:7400'),
  codec: z
    .custom<RecordCodec<never>>((value) => typeof (value as RecordCodec<never> | null)?.decode === 'function', {
      error: 'expected a codec of records: { name, encode, decode }',
    })
    .optional(),
  senders: z.array(z.string().min(1)).min(1).optional(),
  queueBytesMax: z
    .int()
    .min(MIB)
    .default(8 * 1024 * MIB),
  keepBytes: z
    .int()
    .min(0)
    .default(256 * MIB),
  windowBytes: z.int().min(1).optional(),
  connectionsMax: z.int().min(1).max(10_000).default(64),
  frameBytesMax: z
    .int()
    .min(65_536)
    .max(64 * MIB)
    .default(8 * MIB),
  plainBytesMax: z
    .int()
    .min(65_536)
    .max(64 * MIB)
    .default(16 * MIB),
})

/** Fills in defaults. Throws CONNECTOR_OPTION. */
export function sourceSettings<T>(options: RelaySourceOptions<T>): RelaySourceSettings<T> {
  const { listen, tls, psk, codec, senders, connectionsMax, windowBytes, ...rest } = parseOptions(
    schema,
    options,
    CONNECTOR,
  )
  const address =
    typeof listen === 'string' ? parseAddress(listen) : { host: listen.host ?? '127.0.0.1', port: listen.port }
  if (address === undefined) return wrong('listen', 'expected host:port or [IPv6]:port')
  checkSecurity({ host: address.host, tls, psk }, 'listen', CONNECTOR)
  if (windowBytes !== undefined && windowBytes < rest.frameBytesMax)
    wrong('windowBytes', `expected at least frameBytesMax, ${rest.frameBytesMax}: a batch must fit`)
  return {
    ...rest,
    windowBytes: windowBytes ?? rest.frameBytesMax,
    listen: { ...address, connector: CONNECTOR, connectionsMax, tls, psk } as ListenOptions,
    codec: (codec as RecordCodec<T> | undefined) ?? msgpackRecords,
    isLetIn: nameFilter(senders),
  }
}

function wrong(path: string, reason: string): never {
  throw new MillraceError('CONNECTOR_OPTION', { path, connector: CONNECTOR, reason })
}
