import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { KafkaApi } from '../../../../../src/connectors/kafka/client/api.ts'
import { listOffsets } from '../../../../../src/connectors/kafka/client/apis/list-offsets.ts'
import { metadata } from '../../../../../src/connectors/kafka/client/apis/metadata.ts'
import { failureOf, type KafkaFailure } from '../../../../../src/connectors/kafka/client/failure.ts'
import { KafkajsConnection } from '../../../../../src/connectors/kafka/client/kafkajs-connection.ts'
import { parseConnectionOptions } from '../../../../../src/connectors/kafka/connection.ts'
import { type Clock, systemClock } from '../../../../../src/util/clock.ts'
import {
  describeBroker,
  describePrivateBrokers,
  FaultProxy,
  startBroker,
  startProxiedBroker,
} from '../../../../support/kafka-servers.ts'
import { openClient } from './open-client.ts'

const password = { mechanism: 'plain', username: 'millrace', password: 'millrace' } as const
const failure = (kind: string, message = '') =>
  expect.objectContaining({ kind, message: expect.stringContaining(message) })

describeBroker('KafkaClient', (broker) => {
  it('finds topics, their partitions and leaders; those that do not exist are absent', async () => {
    const [one, three] = [await broker.topic('client'), await broker.topic('client', 3)]
    const client = await openClient({ brokers: broker.brokers })
    const found = await client.topics([one, three, 'client-nowhere'])
    expect(found).toEqual(
      new Map([
        [one, { name: one, partitions: 1, internal: false }],
        [three, { name: three, partitions: 3, internal: false }],
      ]),
    )
    expect((await client.topics()).get(three)).toEqual(found.get(three))
    expect(await Promise.all([0, 1, 2].map((partition) => client.leader(three, partition)))).toEqual(
      [0, 1, 2].map(() => client.nodes[0]),
    )
    await expect(client.leader(three, 3)).rejects.toThrow(failure('UNKNOWN_TOPIC_OR_PARTITION', 'Partition 3'))
    await expect(client.leader('client-nowhere', 0)).rejects.toThrow(
      failure('UNKNOWN_TOPIC_OR_PARTITION', 'client-nowhere'),
    )
    await expect(client.topics(['not a name'])).rejects.toThrow(failure('INVALID_TOPIC_EXCEPTION', 'not a name'))
  })

  it('asks for the leaders of many topics in one request', async () => {
    const topics = await Promise.all(Array.from({ length: 5 }, () => broker.topic('client')))
    const client = await openClient({ brokers: broker.brokers })
    const asked: unknown[] = []
    const encode = metadata.encode
    const spied = metadata as { encode: typeof encode }
    spied.encode = (request, version, out) => {
      asked.push(request.topics)
      encode(request, version, out)
    }
    try {
      await Promise.all(topics.map((topic) => client.leader(topic, 0)))
      await Promise.all(topics.map((topic) => client.leader(topic, 0)))
      client.stale(topics[2] as string)
      await client.leader(topics[2] as string, 0)
    } finally {
      spied.encode = encode
    }
    expect(asked).toEqual([topics, [topics[2]]])
    // One that is not there does not fail the others of its request.
    client.stale(topics[1] as string)
    const both = await Promise.allSettled([client.leader(topics[1] as string, 0), client.leader('client-nowhere', 0)])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })

  it('goes on where one address of the list is down', async () => {
    const client = await openClient({ brokers: `127.0.0.1:1,${broker.brokers}` })
    expect(client.nodes).toHaveLength(1)
  })

  it('has the coordinator of a group and of a transactional id', async () => {
    const client = await openClient({ brokers: broker.brokers })
    for (const kind of ['group', 'transaction'] as const) {
      const node = await client.retry('coordinator', () => client.coordinator(kind, broker.name()))
      expect(client.nodes).toContain(node)
    }
  })

  it('names the versions of a request that the broker does not have', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const old: KafkaApi<Parameters<typeof metadata.encode>[0], unknown> = { ...metadata, min: 100, max: 101 }
    await expect(client.send(await client.anyNode(), old, { topics: [] })).rejects.toThrow(
      failure('UNSUPPORTED_VERSION', 'versions 100 to 101 are spoken here'),
    )
    const none = { ...old, key: 999 }
    await expect(client.send(await client.anyNode(), none, { topics: [] })).rejects.toThrow(
      failure('UNSUPPORTED_VERSION', 'does not have it'),
    )
  })

  it('says which request met an answer that it cannot read', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const odd: typeof metadata = {
      ...metadata,
      decode: (answer) => metadata.decode(answer, answer.bytes()?.length ?? 0),
    }
    await expect(client.send(await client.anyNode(), odd, { topics: [] })).rejects.toThrow(
      failure('PROTOCOL', 'Metadata to '),
    )
  })

  it('refuses a node that is not there, for a passing reason', async () => {
    const client = await openClient({ brokers: broker.brokers })
    await expect(client.send(4711, metadata, { topics: [] })).rejects.toThrow(
      expect.objectContaining({ kind: 'BROKER_NOT_AVAILABLE', retriable: true }),
    )
  })

  it('tries again what fails for a passing reason only, and says so once when it takes long', async () => {
    const logged: string[] = []
    // Each wait is over at once, and has taken the time that it should.
    let passedMs = 0
    const clock: Clock = {
      ...{ now: () => passedMs, monotonic: () => passedMs },
      schedule: (delayMs, callback) =>
        systemClock.schedule(0, () => {
          passedMs += delayMs
          callback()
        }),
    }
    const client = await openClient({ brokers: broker.brokers, retryMaxMs: 1600 }, logged, clock)
    let calls = 0
    const failing = (code: number) => async () => {
      calls += 1
      throw failureOf(code, 'work')
    }
    await expect(client.retry('Working', failing(47))).rejects.toThrow(failure('INVALID_PRODUCER_EPOCH'))
    expect(calls).toBe(1)
    await expect(client.retry('Working', failing(6))).rejects.toThrow(
      failure('NOT_LEADER_OR_FOLLOWER', 'given up after'),
    )
    expect(calls).toBeGreaterThan(4)
    expect(logged.filter((line) => line.startsWith('Working: trying again for up to 1600 ms'))).toHaveLength(1)
    await expect(client.retry('x', () => Promise.reject(new TypeError('mine')))).rejects.toThrow('mine')
    let left = 2
    expect(await client.retry('x', async () => (left-- > 0 ? failing(6)() : 'done'))).toBe('done')
  })

  it('I3: fails all that is under way or waits when it is closed', async () => {
    const client = await openClient({ brokers: broker.brokers })
    const node = await client.anyNode()
    const waiting = client.retry('waiting', () => Promise.reject(failureOf(6, 'work')))
    const sent = client.send(node, metadata, { topics: null })
    await client.close()
    await expect(sent).rejects.toThrow(failure('CLOSED'))
    await expect(waiting).rejects.toThrow(failure('CLOSED'))
    await expect(client.send(node, metadata, { topics: [] })).rejects.toThrow(failure('CLOSED'))
    await expect(client.topics()).rejects.toThrow(failure('CLOSED'))
  })
})

describe('KafkaClient without a broker', () => {
  it('gives up after retryMaxMs and names the address', async () => {
    await expect(openClient({ brokers: '127.0.0.1:1', retryMaxMs: 200 })).rejects.toThrow(
      failure('CONNECTION', 'connect ECONNREFUSED 127.0.0.1:1 (given up after'),
    )
  })

  it('takes what never answers for lost after requestTimeoutMs', async () => {
    const server = createServer(() => {})
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    await expect(openClient({ brokers: `127.0.0.1:${port}`, requestTimeoutMs: 200, retryMaxMs: 0 })).rejects.toThrow(
      failure('TIMEOUT', 'no answer in 200 ms'),
    )
    server.close()
  })
})

describe('KafkaClient and what is no broker', () => {
  it.each([
    ['a frame that is too short', Buffer.from('0000000100', 'hex'), "what came is not Kafka's"],
    ['a length below zero', Buffer.from('ffffff0000000000', 'hex'), ''],
    ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), ''],
  ])('takes %s for a lost connection', async (_, said, message) => {
    const server = createServer((socket) => socket.once('data', () => socket.end(said)))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const brokers = `127.0.0.1:${port}`
    await expect(openClient({ brokers, retryMaxMs: 0 })).rejects.toThrow(failure('CONNECTION', message))
    server.close()
  })
})

describePrivateBrokers('KafkaClient, connections', () => {
  it('takes TLS that breaks later for a lost connection', async () => {
    const broker = await startBroker()
    const proxy = await FaultProxy.to(Number(broker.tls.split(':')[1]))
    const options = { brokers: `127.0.0.1:${proxy.port}`, ssl: { ca: broker.caFile } }
    const settings = parseConnectionOptions(options, 'test')
    const connection = new KafkajsConnection({ host: '127.0.0.1', port: proxy.port }, settings, 'test')
    await connection.open()
    await connection.send(metadata, { topics: [] })
    proxy.set({ flipBitAt: (proxy.received[0] as number) + 20 })
    await expect(connection.send(metadata, { topics: [] })).rejects.toThrow(
      expect.objectContaining({ kind: 'CONNECTION', retriable: true }),
    )
    expect(connection.ready).toBe(false)
    await expect(connection.send(metadata, { topics: [] })).rejects.toThrow(failure('CONNECTION'))
    await broker.stop()
    await proxy.close()
  })

  it('authenticates by every mechanism, and says who was refused but no password', async () => {
    const broker = await startBroker()
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
      const client = await openClient({ brokers: broker.sasl, sasl: { ...password, mechanism } })
      expect(client.nodes).toHaveLength(1)
      const wrong = openClient({ brokers: broker.sasl, sasl: { ...password, mechanism, password: 'geheim' } })
      await expect(wrong).rejects.toThrow(failure('SASL_AUTHENTICATION_FAILED', `SASL ${mechanism}`))
      await expect(wrong).rejects.toThrow(expect.objectContaining({ message: expect.not.stringContaining('geheim') }))
    }
    const token = async () => ({ value: 'x' })
    await expect(openClient({ brokers: broker.sasl, sasl: { mechanism: 'oauthbearer', token } })).rejects.toThrow(
      failure('UNSUPPORTED_SASL_MECHANISM', 'sasl.enabled.mechanisms'),
    )
    await expect(openClient({ brokers: broker.sasl, retryMaxMs: 300 })).rejects.toThrow(
      failure('CONNECTION', 'does this listener want TLS (ssl) or SASL (sasl)?)'),
    )
    await broker.stop()
  })

  it('speaks TLS, and does not go on where certificates or listeners do not fit', async () => {
    const broker = await startBroker()
    const client = await openClient({ brokers: broker.tls, ssl: { ca: broker.caFile } })
    expect(client.nodes).toHaveLength(1)
    await expect(openClient({ brokers: broker.tls, ssl: true })).rejects.toThrow(failure('TLS', 'SELF_SIGNED_CERT'))
    const other = openClient({ brokers: broker.tls, ssl: { ca: broker.caFile, servername: 'elsewhere.example' } })
    await expect(other).rejects.toThrow(failure('TLS', 'ERR_TLS_CERT_ALTNAME_INVALID'))
    await expect(openClient({ brokers: broker.tls, retryMaxMs: 300 })).rejects.toThrow(
      failure('CONNECTION', 'does this listener want TLS (ssl) or SASL (sasl)?)'),
    )
    await expect(openClient({ brokers: broker.brokers, ssl: true, retryMaxMs: 300 })).rejects.toThrow(
      expect.objectContaining({ name: 'KafkaFailure', message: expect.stringContaining('without TLS') }),
    )
    await broker.stop()
  })

  it('proves who it is by a certificate, and says so where one is missing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-tls-'))
    const [cert, key] = [join(folder, 'client.crt'), join(folder, 'client.key')]
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=orders', '-keyout', key]
    await promisify(execFile)('openssl', [...made, '-out', cert])
    const broker = await startBroker({
      options: ['ssl.client.auth=required', 'ssl.truststore.type=PEM', `ssl.truststore.location=${cert}`],
    })
    const client = await openClient({ brokers: broker.tls, ssl: { ca: broker.caFile, cert, key } })
    expect(client.nodes).toHaveLength(1)
    await expect(openClient({ brokers: broker.tls, ssl: { ca: broker.caFile }, retryMaxMs: 300 })).rejects.toThrow(
      expect.objectContaining({ name: 'KafkaFailure', message: expect.stringMatching(/certificate|CERTIFICATE/) }),
    )
    await broker.stop()
  })

  it('authenticates by a token', async () => {
    const module = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule'
    const broker = await startBroker({
      options: [
        'sasl.enabled.mechanisms=OAUTHBEARER',
        `listener.name.sasl.oauthbearer.sasl.jaas.config=${module} required unsecuredLoginStringClaim_sub="admin";`,
      ],
    })
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const seconds = Math.floor(Date.now() / 1000)
    const jwt = (exp: number) => `${part({ alg: 'none' })}.${part({ sub: 'orders', iat: seconds - 60, exp })}.`
    const sasl = (value: string) => ({ mechanism: 'oauthbearer', token: async () => ({ value }) }) as const
    const client = await openClient({ brokers: broker.sasl, sasl: sasl(jwt(seconds + 3600)) })
    expect(client.nodes).toHaveLength(1)
    await expect(openClient({ brokers: broker.sasl, sasl: sasl(jwt(seconds - 30)) })).rejects.toThrow(
      failure('SASL_AUTHENTICATION_FAILED', 'the token was refused: {"status":"invalid_token"}'),
    )
    let outages = 2
    const token = async () => {
      if (outages-- > 0) throw new Error('the issuer is away')
      return { value: jwt(seconds + 3600) }
    }
    expect(await openClient({ brokers: broker.sasl, sasl: { mechanism: 'oauthbearer', token } })).toBeDefined()
    await broker.stop()
  })

  it('names the principal and the ACL it lacks', async () => {
    const options = [
      'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users=User:ANONYMOUS',
    ]
    const broker = await startBroker({ options })
    const admin = await openClient({ brokers: broker.brokers })
    const { ensureTopic } = await import('../../../../../src/connectors/kafka/client/topics.ts')
    await ensureTopic(admin, { topic: 'closed' })
    const client = await openClient({ brokers: broker.sasl, sasl: password })
    const lacks = 'the principal User:millrace lacks an ACL'
    await expect(client.topics(['closed'])).rejects.toThrow(failure('TOPIC_AUTHORIZATION_FAILED', lacks))
    await expect(client.retry('x', () => client.leader('closed', 0))).rejects.toThrow(
      failure('TOPIC_AUTHORIZATION_FAILED', lacks),
    )
    await expect(client.retry('x', () => client.coordinator('group', 'g'))).rejects.toThrow(
      failure('GROUP_AUTHORIZATION_FAILED', lacks),
    )
    await expect(client.retry('x', () => client.coordinator('transaction', 't'))).rejects.toThrow(
      failure('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', lacks),
    )
    await expect(ensureTopic(client, { topic: 'another' })).rejects.toThrow(
      expect.objectContaining({
        kind: expect.stringContaining('AUTHORIZATION_FAILED'),
        message: expect.stringContaining(lacks),
      }),
    )
    expect([...(await client.topics()).keys()]).toEqual([])
    await broker.stop()
  })

  it('makes connections anew when a broker comes back', async () => {
    const broker = await startBroker()
    const logged: string[] = []
    const client = await openClient({ brokers: broker.brokers }, logged)
    const node = await client.anyNode()
    await broker.kill()
    await expect(client.send(node, metadata, { topics: [] })).rejects.toThrow(failure('CONNECTION'))
    const later = client.topics()
    await broker.start()
    expect(await later).toBeInstanceOf(Map)
    expect(await client.send(node, metadata, { topics: [] })).toMatchObject({ controller: node })
    await broker.stop()
  })

  it('I1: notices connections that are half open, refused, reset or ended, and recovers', async () => {
    const { broker, proxy } = await startProxiedBroker()
    const hasty = await openClient({ brokers: `127.0.0.1:${proxy.port}`, requestTimeoutMs: 500 })
    const node = await hasty.retry('x', () => hasty.anyNode())
    const asking = () => hasty.send(node, metadata, { topics: [] })
    proxy.set({ halfOpen: true })
    const reasons = (await Promise.allSettled([asking(), asking()])).map(
      (one) => one.status === 'rejected' && (one.reason as KafkaFailure),
    )
    expect(reasons).toContainEqual(failure('TIMEOUT', 'no answer in 500 ms'))
    proxy.set()
    proxy.cut()
    await expect(hasty.retry('x', asking)).resolves.toMatchObject({ controller: node })
    const client = await openClient({ brokers: `127.0.0.1:${proxy.port}` })
    const ask = () => client.send(node, metadata, { topics: [] })
    for (const breakOff of [() => proxy.cut(), () => proxy.drop()]) {
      breakOff()
      await expect(client.retry('x', ask)).resolves.toMatchObject({ controller: node })
    }
    proxy.set({ refuse: true })
    proxy.cut()
    const refused = client.retry('x', ask)
    setTimeout(() => proxy.set(), 300)
    await expect(refused).resolves.toMatchObject({ controller: node })
    proxy.set({ delayMs: 100 })
    await expect(ask()).resolves.toMatchObject({ controller: node })
    await broker.stop()
    await proxy.close()
  })

  it('closes at once while a connection is being made', async () => {
    const { broker, proxy } = await startProxiedBroker()
    const client = await openClient({
      brokers: `127.0.0.1:${proxy.port}`,
      requestTimeoutMs: 3_600_000,
      connectTimeoutMs: 3_600_000,
    })
    const node = await client.anyNode()
    proxy.set({ halfOpen: true })
    proxy.cut()
    const topics = [{ name: 'x', partitions: [{ partition: 0, timestamp: -1 }] }]
    const sent = client.retry('x', () => client.send(node, listOffsets, { readCommitted: false, topics }))
    await new Promise((resolve) => setTimeout(resolve, 200))
    await client.close()
    await expect(sent).rejects.toThrow(failure('CLOSED'))
    await broker.stop()
    await proxy.close()
  })
})
