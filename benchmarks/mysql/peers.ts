// Debezium and Flink CDC over the same log or table, where they are: each a folder of classes/ and lib/, with a main class that
// prints one line of JSON (benchmarks/README.md says which).

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReadingResult } from './readers.ts'

/** A place in the log, or the table. */
export type Start = { readonly file: string; readonly position: number; readonly gtids: string } | 'snapshot'

/** What a peer is to read. */
export interface PeerReading {
  readonly port: number
  /** In database `millrace`. */
  readonly table: string
  readonly start: Start
  readonly rows: number
}

export type Peer = (reading: PeerReading) => Promise<ReadingResult>

/** Those whose folders are given. */
export function peers(): ReadonlyMap<string, Peer> {
  const { MILLRACE_DEBEZIUM_PEER, MILLRACE_FLINK_CDC_PEER } = process.env
  const found = new Map<string, Peer>()
  if (MILLRACE_DEBEZIUM_PEER !== undefined) found.set('Debezium', debezium(MILLRACE_DEBEZIUM_PEER))
  if (MILLRACE_FLINK_CDC_PEER !== undefined) found.set('Flink CDC', flinkCdc(MILLRACE_FLINK_CDC_PEER))
  return found
}

function debezium(folder: string): Peer {
  return ({ port, table, start, rows }) => {
    const state = mkdtempSync(join(tmpdir(), 'millrace-debezium-'))
    const connector = 'io.debezium.connector.mysql.MySqlConnector'
    const mode = start === 'snapshot' ? 'initial' : 'no_data'
    const env = start === 'snapshot' ? {} : { START: `${start.file}@${start.position}@${start.gtids}` }
    const args = ['Dbz', connector, String(port), state, mode, `millrace.${table}`, String(rows), 'bench']
    return java(folder, [], args, env).finally(() => rmSync(state, { recursive: true, force: true }))
  }
}

/** With the poll interval at which it is fastest, not its default. */
function flinkCdc(folder: string): Peer {
  const packages = ['util', 'lang', 'nio', 'net', 'text', 'time'].map((name) => `java.base/java.${name}=ALL-UNNAMED`)
  const opens = [...packages, 'java.base/sun.nio.ch=ALL-UNNAMED', 'java.base/java.lang.reflect=ALL-UNNAMED']
  const flags = [...opens.flatMap((one) => ['--add-opens', one]), '-Dpoll=10']
  return ({ port, table, start, rows }) => {
    const mode = start === 'snapshot' ? 'snap' : 'log'
    const from = start === 'snapshot' ? [] : [start.file, String(start.position)]
    return java(folder, flags, ['Fl', mode, String(port), table, '1', String(rows), 'bench', ...from], { SHIM: '1' })
  }
}

interface PeerLine {
  readonly rows_s_active: number
  readonly active_s: number
  readonly cpu_s: number
  readonly rss_mb: number
}

function java(
  folder: string,
  flags: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ReadingResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('java', [...flags, '-cp', 'classes:lib/*', ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let errors = ''
    child.stdout.on('data', (chunk) => (output += chunk))
    child.stderr.on('data', (chunk) => (errors += chunk))
    child.on('error', reject)
    child.on('close', (code) => {
      const line = output.split('\n').find((one) => one.startsWith('{"reader"'))
      if (line === undefined)
        return reject(new Error(`${args[0]} ended with code ${code}:\n${output}${errors.slice(-2000)}`))
      const { rows_s_active, active_s, cpu_s, rss_mb } = JSON.parse(line) as PeerLine
      resolve({ rows: rows_s_active * active_s, seconds: active_s, cpuSeconds: cpu_s, memoryMb: rss_mb })
    })
  })
}
