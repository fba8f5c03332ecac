import { createPrivateKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectPlain, createServer, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createServer as createTls, type SecureVersion } from 'node:tls'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../../../../runtime/testing/manual-clock.ts'
import type { LineServer } from '../../../../../src/connectors/relay/line/line-server.ts'
import type { ListenOptions } from '../../../../../src/connectors/relay/line/options.ts'
import { encodeFrame } from '../../../../../src/connectors/relay/wire/frame.ts'
import { CertificateAuthority } from '../../../../support/certificates.ts'
import { connect, HELLO, serve, until, WELCOME } from './line-ends.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-relay-'))
const ours = new CertificateAuthority('ours')
const others = new CertificateAuthority('others')
const receiver = ours.issue({ commonNames: ['receiver'], hosts: ['relay.example'], addresses: ['127.0.0.1'] })
const sender = ours.issue({ commonNames: ['east'] })
const serverTls = { ca: ours.cert, ...receiver }
const clientTls = { ca: ours.cert, ...sender }

let running: LineServer[] = []
const closers: (() => void)[] = []

afterEach(async () => {
  await Promise.all(running.map((server) => server.close()))
  running = []
  for (const close of closers.splice(0)) close()
})
afterAll(() => rmSync(folder, { recursive: true }))

async function listen(options: Partial<ListenOptions>) {
  const made = await serve(options)
  running.push(made.server)
  return { ...made, port: made.server.address.port }
}

let files = 0
function secretFile(text: string): { file: string } {
  files += 1
  const file = join(folder, `secret-${files}`)
  writeFileSync(file, text)
  return { file }
}

const key = randomBytes(32)
const psk = {
  keys: { east: secretFile(key.toString('hex')), south: secretFile(`${randomBytes(40).toString('base64')}\n`) },
}

function expectNobody({ server, lines }: Awaited<ReturnType<typeof serve>>) {
  expect(lines).toEqual([])
  return until(() => server.connections === 0)
}

describe('certificates of both ends', () => {
  test('make a line; each end knows the other by the name in its certificate', async () => {
    const { port, lines } = await listen({ tls: serverTls })
    const { line } = await connect(port, { tls: clientTls })
    expect(line.peer).toEqual({ identity: 'receiver', address: `127.0.0.1:${port}` })
    await until(() => lines.length === 1)
    expect(lines[0]?.peer.identity).toBe('east')
  })

  test('may be files, and a key may have a passphrase; a name may be given where the address is another', async () => {
    const path = (text: string) => secretFile(text).file
    const { port } = await listen({ tls: { ca: path(ours.cert), cert: path(receiver.cert), key: path(receiver.key) } })
    const cipher = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open' } as const
    const locked = createPrivateKey(sender.key).export(cipher).toString()
    const tls = { ...clientTls, key: locked, servername: 'relay.example' }
    const { line } = await connect(port, { tls: { ...tls, passphrase: secretFile('open\n') } })
    expect(line.peer.identity).toBe('receiver')
    const wrong = connect(port, { tls: { ...tls, passphrase: secretFile('wrong') } })
    await expect(wrong).rejects.toMatchObject({ code: 'CREDENTIALS' })
  })

  const named = { commonNames: ['east'] }
  test.each([
    ['of another authority', others.issue(named), ours.cert, /unknown ca|reset|closed/, /certificate is refused: \w/],
    [
      'that has expired',
      ours.issue({ ...named, days: -1 }),
      ours.cert,
      /expired|reset|closed/,
      /refused: CERT_HAS_EXPIRED/,
    ],
    ['that proves no name', ours.issue({ hosts: ['east'] }), ours.cert, /reset|closed|EPIPE/, /not proved/],
    ['with two names', ours.issue({ commonNames: ['east', 'south'] }), ours.cert, /reset|closed|EPIPE/, /not proved/],
  ])('a sender with a certificate %s is refused', async (_what, certificate, ca, reason, told) => {
    const made = await listen({ tls: serverTls })
    const failed = connect(made.port, { tls: { ca, ...certificate } })
    await expect(failed).rejects.toMatchObject({ fatal: false, reason: expect.stringMatching(reason) })
    expect(made.refused).toEqual([expect.stringMatching(told)])
    await expectNobody(made)
  })

  test('a sender without a certificate is refused', async () => {
    const made = await listen({ tls: serverTls })
    const socket = connectTls({ port: made.port, host: '127.0.0.1', ca: ours.cert })
    socket.on('error', () => undefined)
    for (const piece of encodeFrame(HELLO)) socket.write(piece)
    await new Promise((resolve) => socket.on('close', resolve))
    await expectNobody(made)
  })

  const to = (subject: Parameters<typeof ours.issue>[0], authority = ours) => ({
    ca: ours.cert,
    ...authority.issue(subject),
  })
  test.each([
    [
      'of another authority',
      to({ addresses: ['127.0.0.1'] }, others),
      /(self.signed certificate|unable to|issuer).* \(no authority in tls\.ca signed/,
    ],
    ['that has expired', to({ addresses: ['127.0.0.1'], days: -1 }), /expired/],
    ['for another address', to({ addresses: ['127.0.0.2'] }), /127\.0\.0\.1 is not in the cert's list/],
    ['for another name', to({ hosts: ['relay.example'] }), /127\.0\.0\.1 is not in the cert's list/],
  ])('a receiver with a certificate %s is refused', async (_what, tls, reason) => {
    const made = await listen({ tls })
    const failed = connect(made.port, { tls: clientTls })
    await expect(failed).rejects.toMatchObject({ code: 'SECURITY', reason: expect.stringMatching(reason) })
    await expectNobody(made)
  })

  test.each<SecureVersion>(['TLSv1', 'TLSv1.1', 'TLSv1.2'])('%s is refused by either end', async (version) => {
    const made = await listen({ tls: serverTls })
    const old = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }
    const socket = connectTls({ port: made.port, host: '127.0.0.1', ...clientTls, ...old })
    const refused = await new Promise<Error>((resolve) => socket.on('error', resolve))
    expect(refused.message).toMatch(/version|unsupported/)
    await expectNobody(made)

    const server = createTls({ ...serverTls, ...old }, () => undefined).listen(0, '127.0.0.1')
    closers.push(() => server.close())
    await new Promise((resolve) => server.on('listening', resolve))
    const { port } = server.address() as { port: number }
    await expect(connect(port, { tls: clientTls })).rejects.toMatchObject({ code: 'SECURITY' })
  })
})

describe('a key that both ends have', () => {
  test('makes a line; the receiver knows the sender by its identity', async () => {
    const { port, lines } = await listen({ psk })
    const { line } = await connect(port, { psk: { identity: 'south', key: psk.keys.south } })
    expect(line.peer.identity).toBe('south')
    await until(() => lines.length === 1)
    expect(lines[0]?.peer.identity).toBe('south')
  })

  test('may be in a variable', async () => {
    process.env.MILLRACE_TEST_RELAY_KEY = key.toString('base64')
    closers.push(() => delete process.env.MILLRACE_TEST_RELAY_KEY)
    const { port } = await listen({ psk })
    const { line } = await connect(port, { psk: { identity: 'east', key: { env: 'MILLRACE_TEST_RELAY_KEY' } } })
    expect(line.peer.identity).toBe('east')
  })

  test('a wrong key and a stranger get the same answer, which tells neither from the other', async () => {
    const made = await listen({ psk })
    const failures = []
    for (const identity of ['east', 'stranger', '__proto__'])
      failures.push(await connect(made.port, { psk: { identity, key: psk.keys.south } }).catch((error) => error))
    expect(failures.map(({ code, reason }) => ({ code, reason }))).toEqual(
      Array(3).fill({
        code: 'SECURITY',
        reason: expect.stringMatching(
          /illegal parameter \(the identity is not known to the receiver, or the keys differ\)/,
        ),
      }),
    )
    expect(new Set(made.refused).size).toBe(1)
    await expectNobody(made)
  })

  test('one who has only a certificate is refused', async () => {
    const made = await listen({ psk })
    await expect(connect(made.port, { tls: clientTls })).rejects.toMatchObject({ code: 'SECURITY' })
    await expectNobody(made)
  })

  test('a receiver that has a certificate instead is refused, whoever proves it', async () => {
    const server = createTls({ ...serverTls, minVersion: 'TLSv1.3' }, (socket) => {
      for (const piece of encodeFrame(WELCOME)) socket.write(piece)
      socket.on('error', () => undefined)
    }).listen(0, '127.0.0.1')
    closers.push(() => server.close())
    await new Promise((resolve) => server.on('listening', resolve))
    const { port } = server.address() as { port: number }
    await expect(connect(port, { psk: { identity: 'east', key: psk.keys.east } })).rejects.toMatchObject({
      code: 'SECURITY',
    })
  })
})

describe('plain lines', () => {
  test('are made on this machine; the peer has no other identity', async () => {
    const { port, lines } = await listen({})
    const { line } = await connect(port)
    expect(line.peer.identity).toBe('loopback')
    await until(() => lines.length === 1)
    expect(lines[0]?.peer.identity).toBe('loopback')
  })

  test('a server on other addresses is refused', async () => {
    for (const host of ['0.0.0.0', '::', 'relay.example'])
      await expect(serve({ host })).rejects.toMatchObject({ code: 'CONNECTOR_OPTION' })
  })

  test('nothing is said to an address that is not of this machine, whatever name it has', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address
    if (address === undefined) return
    let heard = 0
    const server = createServer((socket) => socket.on('data', (chunk) => (heard += chunk.length)))
    server.listen(0, address)
    closers.push(() => server.close())
    await new Promise((resolve) => server.on('listening', resolve))
    const { port } = server.address() as { port: number }
    await expect(connect(port, { host: address })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      reason: expect.stringContaining('is not this machine'),
    })
    expect(heard).toBe(0)
  })

  test('plain bytes at the port of TLS, and TLS at a plain port, are refused', async () => {
    for (const security of [{ tls: serverTls }, { psk }]) {
      const made = await listen(security)
      await expect(connect(made.port)).rejects.toMatchObject({
        code: 'UNREACHABLE',
        reason: expect.stringMatching(/\(it may want tls or psk: see its log\)$/),
      })
      expect(made.refused.at(-1)).toMatch(/\(the other end is plain: give both tls, or both psk\)$/)
      await expectNobody(made)
    }
    const made = await listen({})
    for (const security of [{ tls: clientTls }, { psk: { identity: 'east', key: psk.keys.east } }])
      await expect(connect(made.port, security)).rejects.toMatchObject({ code: 'SECURITY' })
    await expectNobody(made)
  })
})

describe('what is said of secrets', () => {
  test('names the option and never the secret', async () => {
    const short = 'ab'.repeat(20)
    const wrong: [{ file: string } | { env: string }, RegExp][] = [
      [secretFile(short), /psk\.key of relaySink: has 20 bytes: expected 32 to 256/],
      [secretFile('no such key!'), /psk\.key of relaySink: is neither hex nor base64/],
      [{ env: 'MILLRACE_NOT_SET' }, /environment variable MILLRACE_NOT_SET is not set/],
      [{ file: join(folder, 'missing') }, /psk\.key of relaySink: ENOENT/],
    ]
    for (const [secret, reason] of wrong) {
      const failure = await connect(1, { psk: { identity: 'east', key: secret } }).catch((error) => error)
      expect(failure).toMatchObject({ code: 'CREDENTIALS', fatal: false, reason: expect.stringMatching(reason) })
      expect(failure.message).not.toContain(short)
      expect(failure.message).not.toContain('no such key!')
    }
    await expect(serve({ psk: { keys: { east: secretFile(short) } } })).rejects.toMatchObject({
      code: 'CONNECTOR_OPTION',
      message: expect.stringMatching(/psk\.keys\.east of relaySource: has 20 bytes/),
    })
  })

  test('a renewed certificate is taken at the next connection', async () => {
    const { port, lines } = await listen({ tls: serverTls })
    const cert = secretFile('').file
    const keyFile = secretFile('').file
    const tls = { ca: ours.cert, cert, key: keyFile }
    await expect(connect(port, { tls })).rejects.toMatchObject({
      code: 'CREDENTIALS',
      reason: expect.stringMatching(/^Option tls\.cert of relaySink: .* has no PEM$/),
    })
    writeFileSync(cert, sender.cert)
    writeFileSync(keyFile, receiver.key)
    await expect(connect(port, { tls })).rejects.toMatchObject({
      code: 'CREDENTIALS',
      reason: expect.stringContaining('Option tls of relaySink: ca, cert and key are not understood'),
    })
    const renewed = ours.issue({ commonNames: ['renewed'] })
    writeFileSync(cert, renewed.cert)
    writeFileSync(keyFile, renewed.key)
    await connect(port, { tls })
    await until(() => lines.length === 1)
    expect(lines[0]?.peer.identity).toBe('renewed')
  })
})

test('a receiver takes renewed certificates within a minute, and keeps its own while there are none', async () => {
  const clock = new ManualClock()
  const cert = secretFile(receiver.cert).file
  const keyFile = secretFile(receiver.key).file
  const made = await serve({ tls: { ca: ours.cert, cert, key: keyFile } }, undefined, clock)
  running.push(made.server)
  const identity = async () => (await connect(made.server.address.port, { tls: clientTls })).line.peer.identity
  const renewed = ours.issue({ commonNames: ['renewed'], addresses: ['127.0.0.1'] })
  writeFileSync(cert, renewed.cert)
  clock.advance(60_000)
  expect(made.refused).toEqual([expect.stringContaining('do not belong together')])
  expect(await identity()).toBe('receiver')
  writeFileSync(keyFile, renewed.key)
  clock.advance(60_000)
  expect(await identity()).toBe('renewed')
  // Who connects is looked at as before.
  const stranger = { ca: ours.cert, ...others.issue({ commonNames: ['east'] }) }
  await expect(connect(made.server.address.port, { tls: stranger })).rejects.toMatchObject({ name: 'LineFailure' })
  expect(made.lines).toHaveLength(2)
})

test('one who connects and says nothing, or stops within TLS, is closed', async () => {
  for (const security of [{}, { tls: serverTls }, { psk }]) {
    const made = await listen({ ...security, handshakeTimeoutMs: 50 })
    const sockets: Socket[] = [connectPlain(made.port, '127.0.0.1'), connectPlain(made.port, '127.0.0.1')]
    for (const socket of sockets) socket.on('error', () => undefined)
    // The beginning of a record of TLS.
    sockets[1]?.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]))
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve))))
    expect(made.refused).toContain('no hello within 50 ms')
    await expectNobody(made)
  }
})
