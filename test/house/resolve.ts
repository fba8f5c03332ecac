// Where an import leads: a file of the tree, a package, a part of Node, or nowhere.

import { posix } from 'node:path'
import type { Files } from './source-tree.ts'

export type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'package'; readonly name: string }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'nowhere' }

const OWN_DOORS: readonly (readonly [RegExp, string])[] = [
  [/^millrace$/, 'src/index.ts'],
  [/^millrace\/runtime$/, 'runtime/index.ts'],
  [/^millrace\/testing$/, 'runtime/testing/index.ts'],
  [/^millrace\/sync$/, 'src/sync/index.ts'],
  [/^millrace\/relay$/, 'src/relay/index.ts'],
  [/^millrace\/connectors\/(.+)$/, 'src/connectors/$1/index.ts'],
]

/** Resolves one specifier as written in `from`. */
export function resolveSpecifier(files: Files, from: string, specifier: string): Target {
  if (specifier.startsWith('node:')) return { kind: 'node', name: specifier.slice(5) }
  const own = OWN_DOORS.find(([pattern]) => pattern.test(specifier))
  const path = own ? specifier.replace(own[0], own[1]) : relativePath(from, specifier)
  if (path !== undefined) return files.has(path) ? { kind: 'file', path } : { kind: 'nowhere' }
  const parts = specifier.split('/')
  return { kind: 'package', name: parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/') }
}

function relativePath(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : undefined
}
