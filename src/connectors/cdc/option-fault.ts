import { z } from 'zod'
import { nearest } from '../../util/nearest.ts'

/** What is wrong with options that did not parse, and where. */
export interface OptionFault {
  readonly path: readonly PropertyKey[]
  readonly reason: string
}

/** The first fault of an error. A key that nobody knows goes before all else: what it was meant for may be all that is missing. */
export function optionFault(error: z.ZodError, shape: z.ZodType): OptionFault {
  const unknown = error.issues.find(({ code }) => code === 'unrecognized_keys')
  if (unknown?.code !== 'unrecognized_keys') {
    const { path, message } = error.issues[0] ?? { path: [], message: 'not understood' }
    return { path, reason: message }
  }
  const key = unknown.keys[0] ?? ''
  const known = keysAt(shape, unknown.path)
  const meant = nearest(key, known)
  const hint =
    meant !== undefined ? ` (did you mean ${meant}?)` : known.length > 0 ? ` (known are ${known.join(', ')})` : ''
  return { path: [...unknown.path, key], reason: `there is no such key${hint}` }
}

/** Which keys an object of the shape may have, where that can be told. */
function keysAt(shape: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: unknown = shape
  for (const part of path) {
    at = unwrapped(at)
    if (at instanceof z.ZodArray) at = at.element
    else if (at instanceof z.ZodObject) at = at.shape[String(part)]
    else return []
  }
  at = unwrapped(at)
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function unwrapped(shape: unknown): unknown {
  return shape instanceof z.ZodOptional || shape instanceof z.ZodDefault ? unwrapped(shape.unwrap()) : shape
}
