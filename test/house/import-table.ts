// Who may import whom. Areas are folders (the longest match counts); each lists the areas below it. Types count too.

import { resolveSpecifier, type Target } from './resolve.ts'
import { type ModuleReference, modulesOf } from './source-module.ts'
import type { Files, Offence } from './source-tree.ts'

const LEAF = ['src/errors.ts', 'src/util']
const RECORD = [...LEAF, 'src/record']
const MIDDLE = [...RECORD, 'src/time', 'src/codec', 'src/log']
const CONTRACT = [...MIDDLE, 'src/contract']
const PORT = [...CONTRACT, 'src/graph']
const BESIDE = [...PORT, 'runtime/plan', 'runtime/channel', 'runtime/checkpoint', 'runtime/metrics']
const STATE = [...BESIDE, 'runtime/state']
const SPOOL = [...STATE, 'runtime/spool']
const TASK = [...SPOOL, 'runtime/task']
const WORKER = [...TASK, 'runtime/worker']
const CONTROL = [...WORKER, 'runtime/control']
const CONFIG = [...CONTROL, 'runtime/config', 'runtime/index.ts']
const SERVER = [...CONFIG, 'runtime/server']

/**
 * Area -> areas it may import beside itself. The machine (`runtime`) runs a graph without knowing one operator or one
 * database: no row of it, but the test kit's, names src/operators, src/connectors or src/api.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/errors.ts': [],
  'src/util': ['src/errors.ts'],
  'src/record': LEAF,
  'src/time': RECORD,
  'src/codec': RECORD,
  'src/log': RECORD,
  'src/contract': MIDDLE,
  'src/operators': CONTRACT,
  'src/graph': CONTRACT,
  'src/connectors': CONTRACT,
  'src/api': [...PORT, 'src/operators'],
  'src/index.ts': [...PORT, 'src/operators', 'src/api'],
  'src/sync': [...PORT, 'src/operators', 'src/api', 'src/connectors/cdc', 'src/connectors/kafka'],
  'src/relay': [...PORT, 'src/operators', 'src/api', 'src/connectors'],
  'runtime/plan': PORT,
  'runtime/channel': PORT,
  'runtime/checkpoint': PORT,
  'runtime/metrics': PORT,
  'runtime/state': BESIDE,
  'runtime/spool': STATE,
  'runtime/task': SPOOL,
  'runtime/worker': TASK,
  'runtime/control': WORKER,
  'runtime/config': CONTROL,
  'runtime/index.ts': CONTROL,
  'runtime/server': CONFIG,
  'runtime/cli': SERVER,
  'runtime/testing': SERVER,
  jobs: ['src/index.ts', 'src/sync', 'src/relay', 'src/connectors'],
  test: ['src', 'runtime', 'jobs', 'benchmarks'],
  benchmarks: ['src', 'runtime', 'jobs'],
  'vitest.config.ts': [],
}

/** What `runtime` may name of a sibling on its own level, and why. */
const SIBLINGS: Readonly<Record<string, readonly string[]>> = {
  // The coordinator and channels are told what runs where by the plan, which is plain data.
  'runtime/checkpoint': ['runtime/plan'],
  'runtime/channel': ['runtime/plan'],
}

/** Package -> areas that may import it. A package without a row may be imported by tests and benchmarks only. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  rocksdb: ['runtime/state'],
  'decimal.js': ['src/util'],
  msgpackr: ['src/codec'],
  rxjs: ['src', 'runtime', 'jobs'],
  tsx: ['runtime/worker', 'runtime/cli', 'runtime/testing'],
  zod: ['runtime/config', 'runtime/cli', 'runtime/server', 'src/connectors', 'src/relay'],
  'csv-parse': ['src/connectors/files'],
  libsql: ['src/connectors/sqlite', 'jobs'],
  tinyglobby: ['src/connectors/files'],
  mysql2: ['src/connectors/mysql', 'jobs'],
  '@vlasky/zongji': ['src/connectors/mysql'],
  kafkajs: ['src/connectors/kafka', 'jobs'],
  snappy: ['src/connectors/kafka', 'src/connectors/relay'],
  'lz4-napi': ['src/connectors/kafka'],
  '@bokuweb/zstd-wasm': ['src/connectors/kafka'],
  protobufjs: ['src/connectors/kafka', 'src/connectors/relay'],
  tedious: ['src/connectors/mssql'],
  pg: ['src/connectors/postgres'],
}

/** Imports that the table does not allow, that lead nowhere, or that are written in another way than agreed. */
export function checkImports(files: Files): Offence[] {
  const offences: Offence[] = []
  for (const [file, module] of modulesOf(files)) {
    for (const reference of module.references) {
      const target = resolveSpecifier(files, file, reference.specifier)
      const [what, mend] = judge(file, reference, target) ?? []
      if (what !== undefined && mend !== undefined) offences.push({ file, line: reference.line, what, mend })
    }
  }
  return offences
}

function judge(file: string, reference: ModuleReference, target: Target): [what: string, mend: string] | undefined {
  const { specifier, kind } = reference
  if (kind === 'path' && target.kind === 'nowhere') return undefined
  if (target.kind === 'nowhere')
    return [`imports "${specifier}", which is not there`, 'name a file, with its .ts ending']
  if (target.kind === 'node') return undefined
  if (target.kind === 'package') return judgePackage(file, specifier, target.name)
  if (file.startsWith('jobs/') && target.path.startsWith('src/') && specifier.startsWith('.')) {
    return [`imports "${specifier}"`, "jobs import the package by its name: 'millrace' or 'millrace/connectors/…'"]
  }
  const from = areaOf(file)
  if (from === undefined) return [`is in no area of the import table`, 'put it where it belongs, or add a row']
  if (mayImport(file, target.path)) return undefined
  const allowed = MAY_IMPORT[from]?.join(', ') || 'nothing else'
  return [`${from} may not import ${target.path}`, `it may import: ${allowed}; move the code, or pass the thing in`]
}

function judgePackage(file: string, specifier: string, name: string): [string, string] | undefined {
  const allowed = PACKAGES[name]
  if (/^(test|benchmarks)\/|^vitest\.config/.test(file) || allowed?.some((area) => within(file, area))) return undefined
  if (allowed === undefined)
    return [`imports package "${specifier}"`, 'only tests may, unless the import table gets a row for it']
  return [`imports package "${specifier}"`, `only ${allowed.join(', ')} may; go through them`]
}

function mayImport(file: string, target: string): boolean {
  const from = areaOf(file)
  if (from === undefined) return false
  if (from === 'src/connectors') return mayConnectorImport(file, target)
  return [from, ...(MAY_IMPORT[from] ?? []), ...(SIBLINGS[from] ?? [])].some((area) => within(target, area))
}

/** Connectors never know each other; what change sources share is in cdc, what SQL sinks share in sql. */
function mayConnectorImport(file: string, target: string): boolean {
  if (!target.startsWith('src/connectors/')) return CONTRACT.some((area) => within(target, area))
  return [connectorOf(file), 'cdc', 'sql'].includes(connectorOf(target))
}

function connectorOf(file: string): string | undefined {
  return file.split('/')[2]
}

function areaOf(file: string): string | undefined {
  const areas = Object.keys(MAY_IMPORT).filter((area) => within(file, area))
  return areas.sort((a, b) => b.length - a.length)[0]
}

function within(file: string, area: string): boolean {
  return file === area || file.startsWith(`${area}/`)
}
