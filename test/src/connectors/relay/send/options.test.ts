import { describe, expect, it } from 'vitest'
import { type RelaySinkOptions, relaySink } from '../../../../../src/connectors/relay/index.ts'
import { parseSinkOptions } from '../../../../../src/connectors/relay/send/options.ts'

const given = (options: Partial<RelaySinkOptions<unknown>> = {}): RelaySinkOptions<unknown> => ({
  site: 'here',
  targets: '127.0.0.1:7400',
  ...options,
})

describe('options of relaySink', () => {
  it('names a single target, and gives security to those that have none of their own', () => {
    const psk = { identity: 'here', key: { env: 'KEY' } }
    const own = { identity: 'other', key: { env: 'OTHER' } }
    const targets = { host: 'a.example:1', port: { address: '[::1]:2', psk: own } }
    expect(parseSinkOptions(given()).targets).toMatchObject([{ name: 'target', host: '127.0.0.1', port: 7400 }])
    expect(parseSinkOptions(given({ targets, psk })).targets).toMatchObject([
      { name: 'host', host: 'a.example', port: 1, psk },
      { name: 'port', host: '::1', port: 2, psk: own },
    ])
  })

  it.each([
    [{ site: 'No Site' }, 'Option site of relaySink: expected 1 to 60 of the characters'],
    [{ targets: 'nowhere' }, 'Option targets'],
    [{ targets: {} }, 'expected at least one target'],
    [{ targets: { 'A b': 'a:1' } }, 'Option targets'],
    [{ targets: 'far.example:7400' }, 'far.example is not this machine'],
    [{ batchBytes: 9_000_000 }, 'more than frameBytesMax'],
    [{ codec: { name: 'half' } as never }, 'Option codec of relaySink: expected a codec'],
    [{ stream: 'main' as never }, 'expected a function that names the stream'],
    [{ compression: 'zip' as never }, 'Option compression'],
  ])('refuses %j', (options, message) => {
    expect(() => relaySink(given(options))).toThrow(message)
  })
})
