import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))

/** Every file and package that importing `file` loads at once (not by import()). */
function loadedWith(file: string, found = new Set<string>()): Set<string> {
  const name = relative(ROOT, file)
  if (found.has(name)) return found
  found.add(name)
  const source = readFileSync(file, 'utf8')
  for (const [, clause = '', specifier = ''] of source.matchAll(
    /^(?:import|export)\s+([^'"]*?\bfrom\s+)?'([^']+)'/gm,
  )) {
    if (/^type\b/.test(clause)) continue
    if (specifier.startsWith('.')) loadedWith(resolve(dirname(file), specifier), found)
    else found.add(specifier)
  }
  return found
}

it('the bins load no package and nothing of the machine before they know what is asked', () => {
  for (const bin of ['run-job', 'millrace']) {
    const loaded = [...loadedWith(resolve(ROOT, `runtime/cli/${bin}.ts`))]
    expect(loaded.length).toBeGreaterThan(5)
    const allowed =
      /^(node:|runtime\/cli\/|runtime\/config\/|src\/errors\.ts$|src\/util\/nearest\.ts$|src\/graph\/explain\.ts$)/
    expect(loaded.filter((name) => !allowed.test(name))).toEqual([])
    expect(loaded.filter((name) => /run-request|schema|reporter/.test(name))).toEqual([])
  }
})
