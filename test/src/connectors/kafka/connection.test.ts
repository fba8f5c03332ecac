import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type KafkaConnectionOptions, parseConnectionOptions } from '../../../../src/connectors/kafka/connection.ts'

const parse = (options: unknown) => parseConnectionOptions(options as KafkaConnectionOptions, 'kafkaSource')

describe('connection options of Kafka', () => {
  it('takes brokers as a list or with commas between, IPv6 in brackets, and has defaults', () => {
    const brokers = [
      { host: 'a.example', port: 9092 },
      { host: '::1', port: 9093 },
    ]
    expect(parse({ brokers: 'a.example:9092, [::1]:9093' })).toEqual({
      brokers,
      clientId: undefined,
      tls: undefined,
      sasl: undefined,
      connectTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      retryMaxMs: 120_000,
    })
    expect(parse({ brokers: ['a.example:9092', '[::1]:9093'] }).brokers).toEqual(brokers)
  })

  it.each([
    [{}, 'brokers'],
    [{ brokers: '' }, 'brokers'],
    [{ brokers: [] }, 'brokers'],
    [{ brokers: 'a.example' }, '"a.example" is not host:port'],
    [{ brokers: 'a:9092,,b:9092' }, '"" is not host:port'],
    [{ brokers: 'a:0' }, '"a:0" is not host:port'],
    [{ brokers: 'a:65536' }, 'is not host:port'],
    [{ brokers: 'kafka://a:9092' }, 'is not host:port'],
    [{ brokers: 'a:1', topics: 'x' }, 'topics'],
    [{ brokers: 'a:1', requestTimeoutMs: 10 }, 'requestTimeoutMs'],
    [{ brokers: 'a:1', ssl: { cert: 'x' } }, 'cert and key belong together'],
    [{ brokers: 'a:1', ssl: { ca: '/nowhere/ca.pem' } }, 'ssl.ca'],
    [{ brokers: 'a:1', sasl: { mechanism: 'gssapi', username: 'u', password: 'p' } }, 'sasl.mechanism'],
    [{ brokers: 'a:1', sasl: { mechanism: 'plain', username: 'u' } }, 'sasl.password'],
    [{ brokers: 'a:1', sasl: { mechanism: 'plain', username: 'u', password: 'p', passwordEnv: 'P' } }, 'give it once'],
    [
      { brokers: 'a:1', sasl: { mechanism: 'plain', username: 'u', passwordEnv: 'MILLRACE_NOT_SET' } },
      'MILLRACE_NOT_SET is not set',
    ],
    [{ brokers: 'a:1', sasl: { mechanism: 'plain', username: 'u', passwordFile: '/nowhere/p' } }, 'sasl.passwordFile'],
    [{ brokers: 'a:1', sasl: { mechanism: 'oauthbearer', token: 'abc' } }, 'expected a function'],
  ])('refuses %j: %s', (options, message) => {
    expect(() => parse(options)).toThrow(
      expect.objectContaining({ code: 'CONNECTOR_OPTION', message: expect.stringContaining(message) }),
    )
  })

  it('says no secret that stands where an address is wanted', () => {
    expect(() => parse({ brokers: 'user:secret@a.example' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })

  it('reads passwords and certificates from where they are', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    process.env.MILLRACE_TEST_KAFKA_PASSWORD = 'from env'
    const sasl = { mechanism: 'scram-sha-512', username: 'u' }
    const read = (more: object) => parse({ brokers: 'a:1', sasl: { ...sasl, ...more } }).sasl
    expect(read({ password: 'given' })).toEqual({ ...sasl, password: 'given' })
    expect(read({ passwordEnv: 'MILLRACE_TEST_KAFKA_PASSWORD' })).toEqual({ ...sasl, password: 'from env' })
    expect(read({ passwordFile: file('password', 'from file\n') })).toEqual({ ...sasl, password: 'from file' })
    const ssl = { ca: file('ca', 'CA'), cert: file('cert', 'CERT'), key: file('key', 'KEY'), servername: 'broker' }
    expect(parse({ brokers: 'a:1', ssl }).tls).toEqual({
      ca: Buffer.from('CA'),
      cert: Buffer.from('CERT'),
      key: Buffer.from('KEY'),
      servername: 'broker',
    })
    expect(parse({ brokers: 'a:1', ssl: true }).tls).toEqual({})
    expect(parse({ brokers: 'a:1', ssl: false }).tls).toBeUndefined()
  })
})
