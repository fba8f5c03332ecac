// What a finished run of every-step left, whatever the order in which parallel writers left it.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Database from 'libsql'

/** Three sorted lists: lines of the published parts, of the ledger, of the latest sums. */
export async function outcomeOf(dataDir: string): Promise<string> {
  const parts = join(dataDir, 'parts')
  const names = (await readdir(parts)).filter((name) => !name.startsWith('.'))
  const files = await Promise.all(names.map((name) => readFile(join(parts, name), 'utf8')))
  const lines = files.flatMap((text) => text.split('\n').filter((line) => line !== ''))
  const ledger = rows(join(dataDir, 'ledger.db'), 'SELECT line FROM out')
  const latest = rows(join(dataDir, 'latest.db'), 'SELECT id, place, sum FROM latest')
  return [summary('parts', lines), summary('ledger', ledger), summary('latest', latest)].join('\n')
}

function rows(file: string, sql: string): string[] {
  const db = new Database(file, { readonly: true })
  try {
    return (db.prepare(sql).raw(true).all() as unknown[][]).map((row) => row.join('|'))
  } finally {
    db.close()
  }
}

function summary(name: string, lines: string[]): string {
  return `${name} (${lines.length}, ${new Set(lines).size} different)\n${lines.sort().join('\n')}`
}
