// Checks over the whole graph of imports: cycles, files and exports that nothing uses, drivers that reach the core.

import { resolveSpecifier } from './resolve.ts'
import { modulesOf } from './source-module.ts'
import type { Files, Offence } from './source-tree.ts'

/** Drivers that a user installs only with the connector that needs them. */
const OPTIONAL_DRIVERS = new Set(['libsql', 'csv-parse', 'mysql2', 'kafkajs', 'tedious', 'pg'])

/** What the package lets in from outside, and the jobs that its own commands run: all else in src and runtime must be reached from one of these. */
const DOORS =
  /^(src\/index|src\/(sync|relay)\/index|runtime\/index|runtime\/testing\/index|runtime\/cli\/(run-job|millrace)|src\/relay\/agent\/(send|receive)-job|src\/connectors\/[^/]+\/index)\.ts$/
const CORE_DOORS = ['src/index.ts', 'runtime/index.ts', 'runtime/testing/index.ts']
const OTHER_ROOTS =
  /^(jobs\/.*|test\/.*\.test(-d)?|test\/types\/.*|test\/house\/.*-main|benchmarks\/(.*-main|jobs\/.*)|vitest\.config)\.ts$/

/** Circles of imports, types included; each is told once. */
export function checkCycles(files: Files): Offence[] {
  const edges = importEdges(files, 'import')
  const offences: Offence[] = []
  const state = new Map<string, 'open' | 'done'>()
  const path: string[] = []
  const visit = (file: string): void => {
    state.set(file, 'open')
    path.push(file)
    for (const next of edges.get(file) ?? []) {
      if (state.get(next) === 'open') offences.push(cycleOffence([...path.slice(path.indexOf(next)), next]))
      else if (!state.has(next)) visit(next)
    }
    path.pop()
    state.set(file, 'done')
  }
  for (const file of edges.keys()) if (!state.has(file)) visit(file)
  return offences
}

function cycleOffence(circle: readonly string[]): Offence {
  const mend = 'move what both need into a file of its own'
  return { file: circle[0] ?? '', line: 1, what: `import cycle ${circle.join(' -> ')}`, mend }
}

/** Files that no door of the package (in src and runtime) and no test, job or benchmark (elsewhere) leads to. */
export function checkUnusedFiles(files: Files): Offence[] {
  const edges = importEdges(files, 'all')
  const all = [...edges.keys()]
  const shipped = reach(
    edges,
    all.filter((file) => DOORS.test(file)),
  )
  const used = reach(
    edges,
    all.filter((file) => DOORS.test(file) || OTHER_ROOTS.test(file)),
  )
  const unused = all.filter((file) => !(/^(src|runtime)\//.test(file) ? shipped : used).has(file))
  return unused.map((file) => {
    const what = used.has(file) ? 'only tests or benchmarks import this file' : 'nothing imports this file'
    return { file, line: 1, what, mend: 'use it from a door of the package, move it under test/support, or delete it' }
  })
}

/** Exported functions, classes and constants that no other file names. */
export function checkUnusedExports(files: Files): Offence[] {
  const used = new Set<string>()
  for (const [file, module] of modulesOf(files)) {
    for (const { specifier, names } of module.references) {
      const target = resolveSpecifier(files, file, specifier)
      if (target.kind !== 'file') continue
      for (const name of names ?? ['*']) used.add(`${target.path} ${name}`)
    }
  }
  return [...modulesOf(files).values()].flatMap(({ file, exports }) =>
    DOORS.test(file) || !/^(src|runtime)\//.test(file) || used.has(`${file} *`)
      ? []
      : exports
          .filter(({ name, kind }) => kind === 'value' && !used.has(`${file} ${name}`))
          .map(({ name, line }) => ({
            file,
            line,
            what: `nothing imports ${name}`,
            mend: 'drop `export`, or the whole thing',
          })),
  )
}

/** Ways from the core's doors to an optional driver: `import 'millrace'` must work without any. */
export function checkDriverFreeCore(files: Files): Offence[] {
  const edges = importEdges(files, 'import')
  const core = reach(
    edges,
    CORE_DOORS.filter((door) => edges.has(door)),
  )
  return [...core].flatMap((file) =>
    (modulesOf(files).get(file)?.references ?? []).flatMap(({ specifier, line }) => {
      const target = resolveSpecifier(files, file, specifier)
      if (target.kind !== 'package' || !OPTIONAL_DRIVERS.has(target.name)) return []
      const what = `the core reaches the optional driver "${target.name}"`
      return [{ file, line, what, mend: 'keep it behind its connector: millrace/connectors/…' }]
    }),
  )
}

function importEdges(files: Files, kinds: 'import' | 'all'): Map<string, readonly string[]> {
  const edges = new Map<string, readonly string[]>()
  for (const [file, module] of modulesOf(files)) {
    const targets = module.references
      .filter(({ kind }) => kinds === 'all' || kind === 'import')
      .map(({ specifier }) => resolveSpecifier(files, file, specifier))
      .flatMap((target) => (target.kind === 'file' && target.path.endsWith('.ts') ? [target.path] : []))
    edges.set(file, [...new Set(targets)])
  }
  return edges
}

function reach(edges: ReadonlyMap<string, readonly string[]>, roots: readonly string[]): Set<string> {
  const reached = new Set(roots)
  for (const file of reached) for (const next of edges.get(file) ?? []) reached.add(next)
  return reached
}
