import { describe, expect, it } from 'vitest'
import { kafkaSource } from '../../../../../src/connectors/kafka/source/kafka-source.ts'
import { type KafkaSourceOptions, sourceSettings } from '../../../../../src/connectors/kafka/source/options.ts'

const base = { brokers: 'a:9092', topics: 'orders' }
const settings = (more: object) => sourceSettings({ ...base, ...more } as KafkaSourceOptions<unknown>)

describe('options of kafkaSource', () => {
  it('fills in what is left out', () => {
    expect(settings({})).toMatchObject({
      startup: 'earliest',
      bounded: undefined,
      isolation: 'read_committed',
      timestamps: true,
      discoveryIntervalMs: 10_000,
      deadLetterTopic: undefined,
      raw: true,
    })
    expect(kafkaSource(base).boundedness).toBe('unbounded')
    expect(kafkaSource({ ...base, bounded: 'latest' }).boundedness).toBe('bounded')
  })

  it.each([
    [{ topics: [] }, 'topics'],
    [{ topics: ['!old'] }, 'topics'],
    [{ topics: ['a', '!'] }, 'topics'],
    [{ topics: { orders: [] } }, 'topics.orders'],
    [{ topics: { orders: [-1] } }, 'topics.orders.0'],
    [{ topics: 7 }, 'topics'],
    [{ startup: 'newest' }, 'startup'],
    [{ startup: { timestampMs: -1 } }, 'startup.timestampMs'],
    [{ startup: { offsets: { orders: { x: 1 } } } }, 'startup'],
    [{ startup: 'committed' }, 'groupId'],
    [{ startup: { committedOr: 'fail' } }, 'groupId'],
    [{ bounded: 'earliest' }, 'bounded'],
    [{ isolation: 'serializable' }, 'isolation'],
    [{ format: {} }, 'format'],
    [{ undecodable: 'skip' }, 'undecodable'],
    [{ undecodable: { deadLetterTopic: 'orders' } }, 'undecodable.deadLetterTopic'],
    [{ bufferBytesMax: 0 }, 'bufferBytesMax'],
    [{ discoveryIntervalMs: -1 }, 'discoveryIntervalMs'],
    [{ group: 'x' }, 'group'],
  ])('refuses %o', (more, path) => {
    expect(() => settings(more)).toThrow(
      expect.objectContaining({
        code: 'CONNECTOR_OPTION',
        message: expect.stringContaining(`Option ${path} of kafkaSource`),
      }),
    )
  })
})

describe('which topics are meant', () => {
  const matches = (topics: unknown, name: string, internal = false, more: object = {}) =>
    settings({ topics, ...more }).topics.matches({ name, internal })

  it('by name and by pattern, without those left out', () => {
    expect(matches('orders', 'orders')).toBe(true)
    expect(matches('orders', 'orders2')).toBe(false)
    expect(matches(['shop.*', '!shop.old'], 'shop.new')).toBe(true)
    expect(matches(['shop.*', '!shop.old'], 'shop.old')).toBe(false)
    expect(matches('shop.?', 'shop.ab')).toBe(false)
  })

  it('internal ones only by name', () => {
    expect(matches('*', '__consumer_offsets', true)).toBe(false)
    expect(matches(['*', '__consumer_offsets'], '__consumer_offsets', true)).toBe(true)
  })

  it('never the topic of dead letters', () => {
    expect(matches('*', 'letters', false, { undecodable: { deadLetterTopic: 'letters' } })).toBe(false)
  })

  it('or only some partitions', () => {
    const { topics } = settings({ topics: { orders: [3, 1, 3] } })
    expect(topics.partitions?.get('orders')).toEqual([1, 3])
    expect(topics.names).toEqual(['orders'])
    expect(topics.hasPatterns).toBe(false)
  })
})
