import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TopicNames, tableInTopic } from '../../../src/sync/topic-names.ts'

const failed = (message: string) =>
  expect.objectContaining({ code: 'CONNECTOR_OPTION', message: expect.stringContaining(message) })

describe('topics of a sync', () => {
  it('are named after tables', () => {
    const names = new TopicNames('shop.eu')
    const table = tableInTopic({ database: 'shop', table: 'order lines' })
    expect([names.control, names.full(table), names.changes(table)]).toEqual([
      'shop.eu.sync',
      'shop.eu.full.shop.order-20-lines',
      'shop.eu.shop.order-20-lines',
    ])
  })

  it('are legal, differ for different tables, and are known again', () => {
    const name = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    const table = fc.record({ database: name, table: name })
    const names = new TopicNames('p')
    fc.assert(
      fc.property(table, table, (a, b) => {
        const [topicA, topicB] = [tableInTopic(a), tableInTopic(b)]
        expect(topicA === topicB).toBe(a.database === b.database && a.table === b.table)
        for (const [kind, topic] of [
          ['full', names.full(topicA)],
          ['changes', names.changes(topicA)],
        ] as const) {
          expect(topic).toMatch(/^[a-zA-Z0-9._-]+$/)
          expect(names.read(topic)).toEqual({ kind, table: topicA })
        }
      }),
    )
  })

  it('are told from those of others', () => {
    const names = new TopicNames('p')
    expect(names.read('p.sync')).toEqual({ kind: 'control', table: '' })
    for (const topic of ['q.sync', 'p', 'p.x', 'p.other.full.db.t', 'p.a.b.c', 'p.full.a.b.c'])
      expect(names.read(topic)).toBeUndefined()
  })

  it('refuse a prefix or a name that Kafka would', () => {
    for (const prefix of ['', 'a b', '.a', 'a..b', 'a*'])
      expect(() => new TopicNames(prefix)).toThrow(failed('cannot begin'))
    expect(() => new TopicNames('p').full(`db.${'x'.repeat(250)}`)).toThrow(failed('shorter prefix'))
  })
})
