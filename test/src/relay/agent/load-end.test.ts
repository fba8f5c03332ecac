import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { SITE_ENDS } from '../../../../src/relay/agent/agent-config.ts'
import { loadEnd } from '../../../../src/relay/agent/load-end.ts'

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url))

/** Packages that a file needs at once, itself and by what it imports; what it imports later by import() does not count. */
function packagesOf(file: string, seen = new Set<string>(), found = new Set<string>()): Set<string> {
  if (seen.has(file)) return found
  seen.add(file)
  for (const [, clause = '', specifier = ''] of readFileSync(file, 'utf8').matchAll(
    /^(?:import|export)\s+([^'"]*?\bfrom\s+)?'([^']+)'/gm,
  )) {
    if (/^type\b/.test(clause)) continue
    if (specifier.startsWith('.')) packagesOf(resolve(dirname(file), specifier), seen, found)
    else if (!specifier.startsWith('node:')) found.add(specifier)
  }
  return found
}

it.each(['send', 'receive'])('the job of an agent that %ss needs no driver but that of its end', (direction) => {
  const file = resolve(ROOT, `src/relay/agent/${direction}-job.ts`)
  const drivers = /kafkajs|mysql2|zongji|libsql|csv-parse|lz4|zstd|protobufjs/
  expect([...packagesOf(file)].filter((name) => drivers.test(name))).toEqual([])
})

it.each(SITE_ENDS)('there is an end for %s', async (name) => {
  const end = await loadEnd(name)
  expect(end.handledAs({})).toMatch(/^(rows|changes|records)$/)
})
