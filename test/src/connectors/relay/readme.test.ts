// What the README tells to try, as it is written there, but for the port.

import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Crossing } from '../../../support/relay-agents.ts'
import { startBin } from '../../../support/run-job.ts'

const README = new URL('../../../../src/connectors/relay/README.md', import.meta.url)

/** The shell commands of a section. */
function commandsOf(section: string): string[] {
  const [, text = ''] = readFileSync(README, 'utf8').split(`\n## ${section}\n`)
  const [body = ''] = text.split('\n## ')
  return [...body.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code ?? '')
}

it('two terminals: each line once at the other site, what is masked masked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-relay-'))
  const crossing = await Crossing.open()
  /** All but the last line are for a shell; that one is the bin's. */
  const type = (block: string, port: number) => {
    const lines = block.trimEnd().replaceAll('127.0.0.1:7400', `127.0.0.1:${port}`).split('\n')
    const [npx, bin, ...args] = (lines.pop() ?? '').split(' ')
    expect([npx, bin]).toEqual(['npx', 'millrace'])
    execFileSync('sh', ['-c', lines.join('\n')], { cwd: folder })
    return startBin('millrace', args, { cwd: folder })
  }
  const out = (): string =>
    !existsSync(join(folder, 'out'))
      ? ''
      : readdirSync(join(folder, 'out'))
          .filter((name) => !name.startsWith('.'))
          .sort()
          .map((name) => readFileSync(join(folder, 'out', name), 'utf8'))
          .join('')
  const [first = '', second = '', none] = commandsOf('Try it')
  expect(none).toBeUndefined()
  const sending = type(first, crossing.port)
  const receiving = type(second, 0)
  try {
    await crossing.leadTo(receiving)
    const two = '{"id":1,"card":"************1234"}\n{"id":2,"card":"************5678"}\n'
    await expect.poll(out).toBe(two)
    appendFileSync(join(folder, 'in', 'orders.ndjson'), '{"id":3,"card":"12345"}\n')
    await expect.poll(out).toBe(`${two}{"id":3,"card":"*2345"}\n`)
  } finally {
    for (const bin of [sending, receiving]) bin.signal('SIGKILL')
    await Promise.all([sending.result, receiving.result])
    crossing.close()
    rmSync(folder, { recursive: true })
  }
})
