import { describe, expect, it } from 'vitest'
import { relaySource } from '../../../../../src/connectors/relay/index.ts'
import { type RelaySourceOptions, sourceSettings } from '../../../../../src/connectors/relay/receive/options.ts'

const MIB = 1 << 20

describe('options of relaySource', () => {
  it('have defaults', () => {
    expect(sourceSettings({ site: 'north' })).toMatchObject({
      listen: { host: '127.0.0.1', port: 7400, connectionsMax: 64 },
      codec: { name: 'msgpack' },
      queueBytesMax: 8192 * MIB,
      keepBytes: 256 * MIB,
      windowBytes: 8 * MIB,
      frameBytesMax: 8 * MIB,
      plainBytesMax: 16 * MIB,
    })
  })

  it.each<[string, string, Partial<RelaySourceOptions<unknown>> & Record<string, unknown>]>([
    ['a site with other characters', 'site', { site: 'North' }],
    ['no address', 'listen', { listen: 'somewhere' }],
    ['a port that is none', 'listen.port', { listen: { port: 70_000 } }],
    ['a line in the clear', 'listen', { listen: '0.0.0.0:7400' }],
    ['two kinds of security', 'listen', { tls: { ca: 'a', cert: 'b', key: 'c' }, psk: { keys: { a: { env: 'A' } } } }],
    ['a key in the clear', 'psk.keys.a', { psk: { keys: { a: 'hunter2' as never } } }],
    ['a window that a batch does not fit in', 'windowBytes', { windowBytes: MIB }],
    ['batches beyond what is allowed', 'plainBytesMax', { plainBytesMax: 65 * MIB }],
    ['a codec that is none', 'codec', { codec: 'json' as never }],
    ['no senders', 'senders', { senders: [] }],
    ['another option', 'hosts', { hosts: 'x' }],
  ])('refuse %s', (_, path, options) => {
    const make = (): unknown => relaySource({ site: 'north', ...options })
    expect(make).toThrow(
      expect.objectContaining({ code: 'CONNECTOR_OPTION', details: expect.objectContaining({ path }) }),
    )
    expect(make).not.toThrow(/hunter2/)
  })
})
