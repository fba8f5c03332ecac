// Secrets of an agent's file: named there, never written, for such a file is copied, shown and kept with its history.

import { z } from 'zod'
import { MillraceError } from '../../errors.ts'

const EXPECTED = '{ "env": "VARIABLE" } or { "file": "PATH" }'
const SECRET_KEYS: ReadonlySet<string> = new Set(['password', 'passphrase', 'secret', 'token'])
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/

/** Throws what `fault` makes of the first secret that is written out. */
export function refuseSecrets(value: unknown, fault: (path: string, reason: string) => Error, path = ''): void {
  if (typeof value === 'string') {
    if (PRIVATE_KEY.test(value)) throw fault(path, 'a private key is not written here: expected the path of its file')
    if (URL.canParse(value) && new URL(value).password !== '')
      throw fault(path, `a password is not written here: give it beside, as "password": ${EXPECTED}`)
  }
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`
    if (SECRET_KEYS.has(key) && typeof inner === 'string')
      throw fault(at, `a secret is not written here: expected ${EXPECTED}`)
    refuseSecrets(inner, fault, at)
  }
}

const named = z.union([z.strictObject({ env: z.string().min(1) }), z.strictObject({ file: z.string().min(1) })])

/**
 * Options in which `password` names its place, as connectors take them that have `passwordEnv` and `passwordFile`. `path`: of the password. Throws
 * CONNECTOR_OPTION.
 */
export function withPassword<T extends Readonly<Record<string, unknown>>>(
  options: T,
  path = 'password',
): Omit<T, 'password'> {
  const { password, ...rest } = options
  if (password === undefined) return rest
  const { data, success } = named.safeParse(password)
  if (!success)
    throw new MillraceError('CONNECTOR_OPTION', {
      path,
      connector: 'millrace relay',
      reason: `expected ${EXPECTED}`,
    })
  return { ...rest, ...('env' in data ? { passwordEnv: data.env } : { passwordFile: data.file }) }
}
