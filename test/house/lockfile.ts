// The lockfile must serve machines other than the one that wrote it.

import type { Files, Offence } from './source-tree.ts'

interface Locked {
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * Packages for other platforms that the lockfile misses: `npm ci` refuses it then. It happens when one was not to be had while the
 * lockfile was written.
 */
export function checkLockfile(files: Files): Offence[] {
  const text = files.get('package-lock.json') ?? '{}'
  const { packages = {} } = JSON.parse(text) as { packages?: Readonly<Record<string, Locked>> }
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !isLocked(packages, path, name))
      .map((name) => ({
        file: 'package-lock.json',
        line: 1,
        what: `${path} may need ${name}, which is not locked`,
        mend: `lock a release of which every platform's package is there, in an empty folder: npm i --package-lock-only`,
      })),
  )
}

/** Beside the package, or in any folder above it. */
function isLocked(packages: Readonly<Record<string, Locked>>, path: string, name: string): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('node_modules/') - 1))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true
    if (at === '') return false
  }
}
