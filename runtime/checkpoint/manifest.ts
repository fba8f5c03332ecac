// The manifest: one file that says what a checkpoint holds. While it is missing or damaged there is no checkpoint.
//
// It is JSON, for people, in a frame that notices a flipped bit or a cut end: {"format":1,"crc":…,"bytes":…,"body":{…}},
// where crc and bytes concern the text of the body.

import { crc32 } from 'node:zlib'
import { MillraceError, reasonOf } from '../../src/errors.ts'
import type { GraphDescription } from '../plan/physical-plan.ts'
import type { TaskSnapshot } from './snapshot.ts'

/** The format this release writes and reads. */
const MANIFEST_FORMAT = 1
export const MANIFEST_FILE = 'manifest.json'

/** A complete checkpoint. */
export interface Manifest {
  readonly job: string
  readonly id: number
  /** Ms since the epoch, when it was begun and when it was complete. */
  readonly startedAt: number
  readonly completedAt: number
  /** The last checkpoint of a run that came to its end or was stopped. */
  readonly final: boolean
  /** The end of a batch run whose keyed nodes kept no state. Absent: of a run that did. */
  readonly mode?: 'batch'
  readonly keyGroups: number
  readonly graph: GraphDescription
  readonly tasks: readonly TaskSnapshot[]
}

const FRAME = /^\{"format":(\d+),"crc":(\d+),"bytes":(\d+),"body":/
const BYTES_TAG = '$bytes'

/** The text of a manifest file. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const body = Buffer.from(JSON.stringify(manifest, bytesAsBase64))
  const head = `{"format":${MANIFEST_FORMAT},"crc":${crc32(body)},"bytes":${body.byteLength},"body":`
  return Buffer.concat([Buffer.from(head), body, Buffer.from('}\n')])
}

/** Reads what encodeManifest wrote. Throws ManifestDamage or CHECKPOINT_VERSION. */
export function decodeManifest(file: Uint8Array, checkpoint: string): Manifest {
  const head = FRAME.exec(Buffer.from(file.subarray(0, 128)).toString('latin1'))
  if (head === null) throw new ManifestDamage('it does not begin as a manifest does')
  const [frame, format, crc, bytes] = [head[0], Number(head[1]), Number(head[2]), Number(head[3])]
  if (format !== MANIFEST_FORMAT) {
    throw new MillraceError('CHECKPOINT_VERSION', { checkpoint, found: format, expected: MANIFEST_FORMAT })
  }
  const body = file.subarray(frame.length, frame.length + bytes)
  if (body.byteLength !== bytes) throw new ManifestDamage(`it is cut: ${body.byteLength} of ${bytes} bytes are there`)
  if (crc32(body) !== crc) throw new ManifestDamage('its checksum does not match')
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'), base64AsBytes) as Manifest
  } catch (error) {
    throw new ManifestDamage(reasonOf(error))
  }
}

/** Why a manifest cannot be read; the store makes a CHECKPOINT_CORRUPT of it, which names an older checkpoint. */
export class ManifestDamage extends Error {}

/** Buffers say toJSON() for themselves before a replacer sees them, so look at the holder's own property. */
function bytesAsBase64(this: unknown, key: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[key]
  if (!(raw instanceof Uint8Array)) return value
  return { [BYTES_TAG]: Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('base64') }
}

function base64AsBytes(_key: string, value: unknown): unknown {
  const text = (value as { [BYTES_TAG]?: unknown } | null)?.[BYTES_TAG]
  return typeof text === 'string' ? new Uint8Array(Buffer.from(text, 'base64')) : value
}
