// Which services a test run has, and the run's one instance of each.

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, inject } from 'vitest'
import type { Service } from './server-process.ts'
import './services-setup.ts'

const required = process.env.MILLRACE_REQUIRE_SERVICES === '1'

/** The tests of a service. Skipped, with the line that installs it, where it is absent; in CI it must be there. */
export function describeService(name: string, service: Service, isAvailable: boolean, tests: () => void): void {
  if (required || isAvailable) describe(name, tests)
  // skip: the server is not installed; the name says how to
  else describe.skip(`${name}: npm run service:${service} -- install`, tests)
}

/** Where the run's one instance is. Whoever makes its folder starts it; the others wait for its address, or why it failed. */
export async function sharedAddress(service: Service, start: (runFolder: string) => Promise<string>): Promise<string> {
  const run = inject('servicesFolder')
  const file = join(run, 'shared', `${service}.json`)
  try {
    await mkdir(join(run, 'shared', service))
  } catch {
    return await publishedAddress(file)
  }
  const outcome = await start(run).then(
    (address) => ({ address }),
    (error: Error) => ({ error: error.message }),
  )
  await writeFile(`${file}.new`, JSON.stringify(outcome))
  await rename(`${file}.new`, file)
  return await publishedAddress(file)
}

async function publishedAddress(file: string): Promise<string> {
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) {
      const { address, error } = JSON.parse(text) as { address?: string; error?: string }
      if (address === undefined) throw new Error(`the server did not start: ${error}`)
      return address
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
