import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readAgentConfig } from '../../../../src/relay/agent/agent-config.ts'
import { withPassword } from '../../../../src/relay/agent/secrets.ts'

const dir = mkdtempSync(join(tmpdir(), 'millrace-agent-'))
afterAll(() => rmSync(dir, { recursive: true }))

const file = join(dir, 'agent.json')
const read = (config: unknown, direction: 'send' | 'receive' = 'send') => {
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config))
  return readAgentConfig(direction, file)
}

const files = { files: { paths: 'in/*', format: 'lines' } }
const relay = { relay: { site: 'east', targets: 'west:7400' } }
const good = { name: 'orders', from: files, to: relay }

it('says what is read, where it goes, and what is done in between', () => {
  const handlers = [{ filter: { column: 'a', '=': 1 } }]
  expect(read({ ...good, handlers, checkpoint: { intervalMs: 200 } })).toEqual({
    file,
    direction: 'send',
    name: 'orders',
    end: 'files',
    endOptions: files.files,
    relayOptions: relay.relay,
    handlers,
    checkpointIntervalMs: 200,
  })
  expect(read({ name: 'x', from: { relay: {} }, to: files }, 'receive')).toMatchObject({
    end: 'files',
    relayOptions: {},
    handlers: [],
    checkpointIntervalMs: 1000,
  })
})

const PEM = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n-----END EC PRIVATE KEY-----\n'

describe('refuses by the place in the file, with what was expected', () => {
  it.each<[string, unknown, string]>([
    ['no JSON', '{\n  "name": "hunter2",\n}', '(all) from FILE: it is no JSON at line 3.'],
    ['half of it', '{ "name": "orders"', '(all) from FILE: it is no JSON'],
    ['something else', [], '(all) from FILE: Invalid input: expected object, received array.'],
    ['no name', { ...good, name: undefined }, 'name from FILE: expected a name for the job, as "orders".'],
    ['a name that is no folder', { ...good, name: '../x' }, 'name from FILE: expected letters, digits'],
    ['an unknown key', { ...good, handler: [] }, 'handler from FILE: there is no such key (did you mean handlers?).'],
    [
      'an unknown key within',
      { ...good, checkpoint: { interval: 1 } },
      'checkpoint.interval from FILE: there is no such key (did you mean intervalMs?).',
    ],
    [
      'no end',
      { ...good, from: {} },
      'from from FILE: expected one of kafka, mysql, sqlite, files, as { "files": { … } }.',
    ],
    ['two ends', { ...good, from: { ...files, kafka: {} } }, 'from from FILE: expected one of kafka'],
    ['an end that is none', { ...good, from: { oracle: {} } }, 'from from FILE: expected one of kafka'],
    ['a relay to files', { ...good, to: files }, 'to from FILE: expected one of relay, as { "relay": { … } }.'],
    [
      'options that are none',
      { ...good, from: { files: 'in/*' } },
      'from.files from FILE: expected an object with its options.',
    ],
    ['handlers that are none', { ...good, handlers: {} }, 'handlers from FILE: expected a list of handlers.'],
    [
      'a password',
      { ...good, from: { mysql: { password: 'hunter2' } } },
      'from.mysql.password from FILE: a secret is not written here: expected { "env": "VARIABLE" } or { "file": "PATH" }.',
    ],
    [
      'a password further in',
      { ...good, from: { kafka: { sasl: { password: 'hunter2' } } } },
      'from.kafka.sasl.password from FILE: a secret is not written here',
    ],
    [
      'a password in an address',
      { ...good, from: { mysql: { url: 'mysql://app:hunter2@db/shop' } } },
      'from.mysql.url from FILE: a password is not written here: give it beside, as "password": { "env"',
    ],
    [
      'a private key',
      { ...good, to: { relay: { tls: { key: PEM } } } },
      'to.relay.tls.key from FILE: a private key is not written here: expected the path of its file.',
    ],
  ])('%s', (_what, config, message) => {
    let told = ''
    try {
      read(config)
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
      told = String((error as Error).message)
    }
    expect(told.replaceAll(file, 'FILE')).toContain(`Option ${message}`)
    expect(told).not.toMatch(/hunter2|MHcCAQ/)
  })

  it('a file that is not there', () => {
    expect(() => readAgentConfig('send', join(dir, 'gone.json'))).toThrow(
      /^Option --config from the command line: cannot read .*gone\.json/,
    )
  })

  it('columns of handlers may be called as they like', () => {
    const handlers = [{ mask: { password: 'null', token: 'null' } }]
    expect(read({ ...good, handlers }).handlers).toEqual(handlers)
  })
})

it('passwords are named to connectors as they take them', () => {
  expect(withPassword({ user: 'a', password: { env: 'X' } })).toEqual({ user: 'a', passwordEnv: 'X' })
  expect(withPassword({ password: { file: 'x' } })).toEqual({ passwordFile: 'x' })
  expect(withPassword({ user: 'a' })).toEqual({ user: 'a' })
  for (const password of ['hunter2', {}, { env: 'A', file: 'b' }, { env: '' }])
    expect(() => withPassword({ password })).toThrow(/^Option password of .*: expected \{ "env": "VARIABLE" \} or/)
})
