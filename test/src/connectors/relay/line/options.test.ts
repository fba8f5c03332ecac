import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { formatAddress, isLoopback, parseAddress } from '../../../../../src/connectors/relay/line/address.ts'
import {
  addressField,
  checkSecurity,
  dialSecurityFields,
  listenSecurityFields,
} from '../../../../../src/connectors/relay/line/options.ts'

describe('addresses', () => {
  test.each([
    ['west.example:7400', { host: 'west.example', port: 7400 }],
    ['10.0.0.1:1', { host: '10.0.0.1', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65_535 }],
    ['[fe80::1]:0', { host: 'fe80::1', port: 0 }],
  ])('%s', (text, address) => {
    expect(parseAddress(text)).toEqual(address)
    expect(formatAddress(address)).toBe(text)
  })

  test.each([
    '',
    'west',
    'west:',
    ':7400',
    'west:65536',
    '::1:7400',
    '[west]:1',
    '[::1]',
    'a b:1',
    'tcp://west:1',
    'u:p@west:1',
    'west:1/x',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })

  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1'])('%s is this machine', (host) => {
    expect(isLoopback(host)).toBe(true)
  })

  test.each([
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '127.example',
    '127.0.0.1.example',
    '::ffff:10.0.0.1',
    'localhost.example',
    '',
    undefined,
  ])('%s is not', (host) => {
    expect(isLoopback(host)).toBe(false)
  })
})

describe('options', () => {
  const tls = { ca: 'ca.pem', cert: 'cert.pem', key: 'key.pem' }
  const dial = z.strictObject({ address: addressField, ...dialSecurityFields })
  const listen = z.strictObject(listenSecurityFields)
  const issue = (shape: z.ZodType, value: unknown) => {
    const result = shape.safeParse(value)
    return result.success ? undefined : `${result.error.issues[0]?.path.join('.')}: ${result.error.issues[0]?.message}`
  }

  test('are taken', () => {
    expect(
      dial.parse({ address: 'west:1', tls: { ...tls, passphrase: { env: 'P' }, servername: 'w' } }).address,
    ).toEqual({
      host: 'west',
      port: 1,
    })
    expect(issue(dial, { address: 'west:1', psk: { identity: 'east', key: { file: 'k' } } })).toBeUndefined()
    expect(issue(listen, { psk: { keys: { east: { env: 'K' }, south: { file: 'k' } } } })).toBeUndefined()
    expect(issue(listen, { tls })).toBeUndefined()
  })

  test.each<[z.ZodType, unknown, RegExp]>([
    [dial, { address: 'user:secret@west' }, /^address: "…@west" is not host:port/],
    [dial, { address: 'west:1', tls: { ca: 'x' } }, /^tls.cert/],
    [dial, { address: 'west:1', tls: { ...tls, rejectUnauthorized: true } }, /rejectUnauthorized/],
    [
      dial,
      { address: 'west:1', psk: { identity: 'east', key: 'abc' } },
      /^psk.key: expected \{ env: .* a secret is not written/,
    ],
    [dial, { address: 'west:1', psk: { identity: 'e'.repeat(129), key: { env: 'K' } } }, /^psk.identity: .* 128 bytes/],
    [dial, { address: 'west:1', psk: { identity: '', key: { env: 'K' } } }, /^psk.identity/],
    [dial, { address: 'west:1', psk: { identity: 'east', key: { env: 'K', file: 'k' } } }, /^psk.key/],
    [listen, { psk: { keys: {} } }, /^psk.keys: expected a key/],
    [listen, { psk: { keys: { east: 'abc' } } }, /^psk.keys.east/],
  ])('%# are refused', (shape, value, message) => {
    expect(issue(shape, value)).toMatch(message)
  })

  test('nothing leaves this machine in the clear, and security is of one kind', () => {
    const check = (options: Parameters<typeof checkSecurity>[0]) => () =>
      checkSecurity(options, 'targets.west', 'relaySink')
    expect(check({ host: 'localhost' })).not.toThrow()
    expect(check({ host: 'west', tls })).not.toThrow()
    expect(check({ host: 'west', psk: {} })).not.toThrow()
    const refused = (reason: string) =>
      expect.objectContaining({ code: 'CONNECTOR_OPTION', message: expect.stringContaining(reason) })
    expect(check({ host: 'west' })).toThrow(refused('Option targets.west of relaySink: west is not this machine'))
    expect(check({ host: '0.0.0.0' })).toThrow(refused('give tls'))
    expect(check({ host: 'localhost', tls, psk: {} })).toThrow(refused('choose one'))
  })
})
