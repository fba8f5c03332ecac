// What `millrace relay` takes and refuses, and what it says then.

import { mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { RelayAgents, stop } from '../../support/relay-agents.ts'
import { runMillrace } from '../../support/run-job.ts'

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'

let agents: RelayAgents
beforeEach(async () => {
  agents = await RelayAgents.open()
})
afterEach(() => agents.close())

const file = (config: unknown): string => {
  const path = agents.path('agent.json')
  writeFileSync(path, JSON.stringify(config))
  return path
}
const files = { files: { paths: 'in/*', format: 'lines' } }
const run = (direction: string, ...args: string[]) =>
  runMillrace(['relay', direction, ...args, '--data-dir', agents.path('data')], { cwd: agents.folder })
const send = (relay: object, from: object = files, more: object = {}) =>
  run('send', '--config', file({ name: 'x', from, to: { relay: { site: 'east', ...relay } }, ...more }))
const receive = (relay: object, to: object = { files: { directory: 'out', format: 'lines' } }) =>
  run('receive', '--config', file({ name: 'x', from: { relay: { site: 'west', ...relay } }, to }))

const PLACE = { targets: '127.0.0.1:1' }

it.each<[string, () => Promise<{ code: number | null; stderr: string }>, RegExp]>([
  [
    'no file named',
    () => run('send'),
    /Option --config from the command line: it is missing: millrace relay send --config FILE/,
  ],
  ['a file that is not there', () => run('send', '--config', 'gone.json'), /Option --config .*cannot read gone\.json/],
  ['a flag that it has not', () => run('send', '--config', 'x', '--set', 'a=b'), /--set.*there is no such flag/],
  [
    'an option of files',
    () => send(PLACE, { files: { paths: 'in/*', format: 'xml' } }),
    /Option from\.files\.format from .*agent\.json: /,
  ],
  [
    'an unknown option of files',
    () => send(PLACE, { files: { ...files.files, folow: true } }),
    /Option from\.files\.folow from .*agent\.json: .*follow/,
  ],
  [
    'an unknown option of SQLite',
    () => send(PLACE, { sqlite: { file: 'a.db', fiel: 1 } }),
    /Option from\.sqlite\.fiel from .*agent\.json: .*file/,
  ],
  [
    'an unknown option of the relay',
    () => send({ ...PLACE, tagrets: 1 }),
    /Option to\.relay\.tagrets from .*agent\.json: .*targets/,
  ],
  [
    'what an agent sets itself',
    () => send(PLACE, { sqlite: { file: 'a.db', rows: 'object' } }),
    /Option from\.sqlite\.rows from .*agent\.json: an agent sets it: leave it out/,
  ],
  ['a site without a name', () => send({ ...PLACE, site: '' }), /Option to\.relay\.site from .*agent\.json: /],
  [
    'a handler',
    () => send(PLACE, files, { handlers: [{ filter: { colunm: 'a' } }] }),
    /Option handlers\[0\]\.filter\.colunm from .*agent\.json: there is no such key/,
  ],
  [
    'values that Kafka records do not have',
    () => send(PLACE, { kafka: { brokers: 'k:1', topics: 'a', values: 'xml' } }),
    /Option from\.kafka\.values from .*agent\.json: expected one of bytes, json, changes/,
  ],
  [
    'a site away without a key',
    () => send({ targets: '192.0.2.1:7400' }),
    /Option to\.relay\.targets.* from .*agent\.json: .*(tls|psk)/,
  ],
  [
    'all the world without a key',
    () => receive({ listen: '0.0.0.0:0' }),
    /Option from\.relay\.listen.* from .*agent\.json: .*(tls|psk)/,
  ],
  [
    'a key that is written out',
    () => send({ ...PLACE, psk: { identity: 'east', key: KEY } }),
    /Option to\.relay\.psk\.key from .*agent\.json: /,
  ],
])('refuses %s', async (_what, command, message) => {
  const { code, stderr } = await command()
  expect(stderr).toMatch(message)
  expect(stderr).not.toContain(KEY)
  expect(stderr).not.toMatch(/^ +at /m)
  expect(code).toBe(2)
})

it('asks where offsets are to be told of', async () => {
  const { code, stderr } = await runMillrace(['relay', 'offsets', '--group', 'shop-*'])
  expect(stderr).toMatch(/Option --brokers from the command line: it is missing/)
  expect(code).toBe(2)
})

it('draws what it would run', async () => {
  const config = file({
    name: 'orders',
    from: files,
    handlers: [{ filter: { column: 'a', '=': 1 } }],
    to: { relay: { site: 'east', ...PLACE } },
  })
  const { code, stdout, stderr } = await run('send', '--config', config, '--explain')
  expect(stderr).toBe('')
  expect(stdout).toMatch(/from[\s\S]*handlers[\s\S]*relay/)
  expect(code).toBe(0)
})

it('tells what there is to go back to, and what to type', async () => {
  mkdirSync(agents.path('in'))
  writeFileSync(agents.path('in', 'a'), 'one\n')
  const sender = { end: { files: { paths: 'in/*', format: 'lines', follow: true } } }
  const east = agents.send(sender)
  await east.seen(/"type":"checkpoint".*"status":"complete"/)
  await stop(east)
  const config = agents.path('send.json')
  const flags = ['--config', config, '--data-dir', agents.path('data', 'send')]
  const { stderr } = await runMillrace(['relay', 'send', ...flags, '--from-checkpoint'])
  expect(stderr).toContain('Job "out" retains these checkpoints:')
  expect(stderr).toContain(`To go back to one: millrace relay send --config ${config} --data-dir `)
})

it('has help', async () => {
  const { stdout } = await runMillrace(['relay', 'send', '--help'])
  expect(stdout).toContain('millrace relay send [options]')
  expect(stdout).toMatch(/--config FILE +what to do, as JSON/)
  expect(stdout).toMatch(/--checkpoint-interval TIME +from one to the next \(what FILE says, or 1s\)/)
  expect(stdout).not.toContain('--set ')
  const { stdout: all } = await runMillrace(['help'])
  expect(all).toMatch(/relay send +send what a connector reads to another site/)
  expect(all).toMatch(/relay receive +write with a connector what other sites send/)
})
