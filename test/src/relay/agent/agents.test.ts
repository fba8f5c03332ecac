// Agents as they are shipped: two processes, a line between them, killed at any moment. `npm test` builds them first.

import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CertificateAuthority } from '../../../support/certificates.ts'
import { RelayAgents, stop } from '../../../support/relay-agents.ts'

let agents: RelayAgents
beforeEach(async () => {
  agents = await RelayAgents.open()
})
afterEach(() => agents.close())

const KEY = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'
const env = { RELAY_KEY: KEY, MASK_KEY: 'a secret of sixteen bytes and more' }
const key = { env: 'RELAY_KEY' }

/** Every file below a folder, as bytes read for text. */
function textsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
}

describe('files to files', () => {
  const lines = (from: number, count: number): string =>
    Array.from(
      { length: count },
      (_, i) => `{"id":${from + i},"card":"4000${String(from + i).padStart(8, '0')}"}\n`,
    ).join('')
  const sender = { end: { files: { paths: 'in/*.ndjson', format: 'ndjson', follow: true, pollIntervalMs: 20 } } }
  const receiver = { end: { files: { directory: 'out', format: 'ndjson' } } }
  const arrived = (): string => {
    const folder = agents.path('out')
    if (!existsSync(folder)) return ''
    const parts = readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort()
    return parts.map((name) => readFileSync(join(folder, name), 'utf8')).join('')
  }
  const add = (from: number, count: number): void => appendFileSync(agents.path('in', 'a.ndjson'), lines(from, count))

  beforeEach(() => mkdirSync(agents.path('in')))

  it('each line once and in order, whoever is killed; secrets and what is masked nowhere', async () => {
    const withKey = {
      ...sender,
      relay: { psk: { identity: 'east', key } },
      handlers: [{ mask: { card: { keepLast: 4 } } }],
    }
    const lets = { ...receiver, relay: { psk: { keys: { east: key } } } }
    const said: Promise<{ stdout: string; stderr: string }>[] = []
    const keep = <B extends { readonly result: Promise<{ stdout: string; stderr: string }> }>(bin: B): B => {
      said.push(bin.result)
      return bin
    }
    add(0, 500)
    const [east, west] = [keep(agents.send(withKey, { env })), keep(await agents.receive(lets, { env }))]
    await expect.poll(() => arrived().length).toBeGreaterThan(0)
    east.signal('SIGKILL')
    add(500, 500)
    await east.result
    const again = keep(agents.send(withKey, { env }))
    west.signal('SIGKILL')
    await west.result
    add(1000, 500)
    const last = keep(await agents.receive(lets, { env }))
    const masked = lines(0, 1500).replaceAll(/"card":"(\d{8})/g, '"card":"********')
    await expect.poll(arrived).toBe(masked)
    expect((await stop(again)).code).toBe(0)
    expect((await stop(last)).code).toBe(0)
    expect(arrived()).toBe(masked)
    const told = (await Promise.all(said)).map(({ stdout, stderr }) => stdout + stderr)
    for (const text of [...textsBelow(agents.path('data')), ...told]) {
      expect(text).not.toContain(KEY)
      expect(text).not.toContain(Buffer.from(KEY, 'hex').toString('base64'))
      expect(text).not.toContain(Buffer.from(KEY, 'hex').toString('latin1'))
    }
  })

  it('a sender whose files end has ended when all is at the other site', async () => {
    add(0, 100)
    const ending = agents.send({ end: { files: { paths: 'in/*.ndjson', format: 'ndjson' } } })
    await ending.seen(/"type":"checkpoint".*"status":"complete"/)
    // It waits for a site that is not there yet, and stops when it is told to.
    expect((await stop(ending)).code).toBe(0)
    const resumed = agents.send({ end: { files: { paths: 'in/*.ndjson', format: 'ndjson' } } })
    const west = await agents.receive(receiver)
    const { code, stderr } = await resumed.result
    expect(code).toBe(0)
    // Its last word is of after the last acknowledgement.
    expect(stderr.split('\n').find((line) => line.includes('"type":"result"'))).toContain('"backlogRecords":0,')
    await expect.poll(arrived).toBe(lines(0, 100))
    await stop(west)
  })

  it('by certificates of both ends; who has none of the authority is not let in, and says so', async () => {
    const [authority, other] = [new CertificateAuthority('relays'), new CertificateAuthority('others')]
    const certificates = {
      west: authority.issue({ commonNames: ['west'], addresses: ['127.0.0.1'] }),
      east: authority.issue({ commonNames: ['east'] }),
      thief: other.issue({ commonNames: ['east'] }),
    }
    writeFileSync(agents.path('ca.pem'), authority.cert)
    for (const [name, { cert, key: privateKey }] of Object.entries(certificates)) {
      writeFileSync(agents.path(`${name}.pem`), cert)
      writeFileSync(agents.path(`${name}.key`), privateKey)
    }
    const tls = (name: string) => ({ ca: 'ca.pem', cert: `${name}.pem`, key: `${name}.key` })
    add(0, 50)
    const west = await agents.receive({ ...receiver, relay: { tls: tls('west') } })
    const thief = agents.send({ ...sender, relay: { tls: tls('thief') } })
    await thief.seen(/"level":"warn"/)
    await stop(thief)
    expect(arrived()).toBe('')
    const east = agents.send({ ...sender, relay: { tls: tls('east') } }, { args: ['--fresh'] })
    await expect.poll(arrived).toBe(lines(0, 50))
    for (const bin of [east, west]) expect((await stop(bin)).code).toBe(0)
  })

  it('with a key where there was none: refused until the receiver is told who writes', async () => {
    add(0, 50)
    const [plainEast, plainWest] = [agents.send(sender), await agents.receive(receiver)]
    await expect.poll(arrived).toBe(lines(0, 50))
    for (const bin of [plainEast, plainWest]) expect((await stop(bin)).code).toBe(0)

    const withKey = { ...sender, relay: { psk: { identity: 'east', key } } }
    const lets = { ...receiver, relay: { psk: { keys: { east: key } } } }
    const wary = await agents.receive(lets, { env })
    add(50, 50)
    const { code, stderr } = await agents.send(withKey, { env }).result
    expect(stderr).toMatch(/"code":"RELAY_REFUSED".*"east\/out\/relay.*\\"loopback\\".*\\"east\\"/)
    expect(code).toBe(1)
    await stop(wary)

    const received = agents.path('data', 'receive', 'in', 'nodes', 'relay', 'received')
    const record = join(received, readdirSync(received)[0] ?? '', 'sender.json')
    writeFileSync(record, JSON.stringify({ ...JSON.parse(readFileSync(record, 'utf8')), identity: 'east' }))
    const [east, west] = [agents.send(withKey, { env }), await agents.receive(lets, { env })]
    await expect.poll(arrived).toBe(lines(0, 100))
    for (const bin of [east, west]) expect((await stop(bin)).code).toBe(0)
  })

  it('listens on this machine alone unless it is told otherwise', async () => {
    const west = await agents.receive({ ...receiver, relay: { listen: { port: 0 } } })
    const { stderr } = await stop(west)
    expect(stderr).toMatch(/"listens for senders".*127\.0\.0\.1:\d+/)
  })
})

it('SQLite to SQLite: rows and tables that change, whoever is killed', async () => {
  const source = new Libsql(agents.path('from.db'), { timeout: 10_000 } as Libsql.Options)
  const rows = (file: string, sql: string): unknown[] => {
    if (!existsSync(file)) return []
    const database = new Libsql(file, { timeout: 10_000 } as Libsql.Options)
    try {
      return database.prepare(sql).raw(true).all()
    } catch (error) {
      if (/no such (table|column)|locked/.test(String(error))) return []
      throw error
    } finally {
      database.close()
    }
  }
  try {
    source.exec(`PRAGMA journal_mode = WAL; CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT, picture BLOB);
      CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('a'), ('a');
      INSERT INTO goods VALUES (9007199254740993, 'big', x'00ff'), (1, NULL, NULL)`)
    const files = {
      from: { end: { sqlite: { file: 'from.db', pollMs: 20 } } },
      // Lets all through, but has to know the columns.
      to: { end: { sqlite: { file: 'to.db' } }, handlers: [{ mask: { name: { keepLast: 99 } }, only: ['*.goods'] }] },
    }
    const many = { args: ['--parallelism', '4'] }
    const east = agents.send(files.from, many)
    const west = await agents.receive(files.to, many)
    const goods = 'SELECT id, name, hex(picture) FROM goods ORDER BY id'
    const same = async (sql: string): Promise<void> => {
      const expected = rows(agents.path('from.db'), sql)
      await expect.poll(() => rows(agents.path('to.db'), sql)).toEqual(expected)
    }
    await same(goods)
    west.signal('SIGKILL')
    await west.result
    source.exec(
      `UPDATE goods SET name = 'one' WHERE id = 1; INSERT INTO goods VALUES (2, 'two', NULL); DELETE FROM notes`,
    )
    const westAgain = await agents.receive(files.to, many)
    await same(goods)
    await same('SELECT count(*) FROM notes')
    east.signal('SIGKILL')
    await east.result
    source.exec(`ALTER TABLE goods ADD COLUMN price REAL; INSERT INTO goods VALUES (3, 'three', NULL, 2.5)`)
    agents.send(files.from)
    await same('SELECT id, name, hex(picture), price FROM goods ORDER BY id')
    expect((await stop(westAgain)).code).toBe(0)
  } finally {
    source.close()
  }
})
